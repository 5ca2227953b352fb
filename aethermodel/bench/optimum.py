"""Optimum benchmark: the recommended batch size, compared with a full sweep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aethermodel import thresholds
from aethermodel.calibrate.predict.all_samples import all_samples
from aethermodel.calibrate.predict.calibration_answers import Answers
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.calibrate.predict.size_answers import SizeAnswers
from aethermodel.measure.campaign.calibrate import calibrate_host
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.measure.sampling.rejection import reject_disturbed
from aethermodel.measure.sampling.sampler import calm_plan, take_samples
from aethermodel.verdict import Outcome, judge

if TYPE_CHECKING:
    from aethermodel.pipelines.calibration import PipelineCalibration
    from aethermodel.pipelines.campaign import Campaign as OwnCampaign

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class BestSize:
    """A recommendation, compared with a sweep.

    Attributes
    ----------
    recommended : int
        Events: the smallest batch of which the model is sure that it has 99 % of the best rate
        that it sees up to the sweep's largest.
    table : pandas.DataFrame
        ``n``, ``per_second`` (median of the processes' medians), ``low``, ``high`` (slowest and
        fastest process), ``all_per_second`` and ``share_left_out`` as `all_samples` tells them,
        ``recommended``; one row a batch size.
    share, low, high : float
        Measured rate at the recommended size over that at the sweep's best one, process by
        process: median, least and most. A process's best size is that of the others together.
    label : str
        Provenance label; of a pipeline of one's own its name.
    wanted : float
        Share to be reached.
    """

    recommended: int
    table: pd.DataFrame
    share: float
    low: float
    high: float
    label: str
    wanted: float = thresholds.OPTIMUM_REACHED

    @property
    def at_the_end(self) -> bool:
        """Whether the sweep ends at the recommended size, so that nothing better could show."""
        return bool(self.recommended == self.table["n"].max())

    @property
    def outcome(self) -> Outcome:
        """Pass; fail where every process says so; else, or at the sweep's end, inconclusive."""
        if self.at_the_end:
            return "inconclusive"
        return judge(self.share, self.low, self.high, self.wanted, at_least=True)

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says of it."""
        return {
            "recommended": self.recommended,
            "wanted_share": self.wanted,
            "share": self.share,
            "share_low": self.low,
            "share_high": self.high,
            "outcome": self.outcome,
            "rows": self.table.to_dict(orient="records"),
        }


def ladder(largest: int) -> tuple[int, ...]:
    """Return the sweep's batch sizes: two a doubling, from 1 to `largest`."""
    steps = 2 ** np.arange(0, np.log2(largest) + 1e-9, 0.5)
    return tuple(sorted({round(float(step)) for step in steps} | {largest}))


def recommended(answers: SizeAnswers, largest: int) -> int:
    """Return the smallest size of which the model is sure that it is a good one.

    A good one has `thresholds.OPTIMUM_SHARE` of the best rate up to `largest`; sure is the upper
    end of the answer's interval. Where the rate hardly grows any more with the size, the
    answer itself is as likely too small as too large.
    """
    size = answers.share(thresholds.OPTIMUM_SHARE, largest).size.high
    return max(1, int(min(size, largest)))


def compare_with_sweep(
    campaign: Campaign, largest: int, progress: Progress, *, seconds: float = 30.0
) -> BestSize:
    """Calibrate from the terms alone, take the model's advice, and measure it in a sweep.

    Parameters
    ----------
    campaign : Campaign
        Its batch sizes are not used.
    largest : int
        Of the sweep, in events.
    progress : callable
        Called with (what, done, total).
    seconds : float
        Budget of the calibration.
    """
    terms = campaign.model_copy(update={"batch_sizes": (largest,)})
    calibration = calibrate_host(
        terms, lambda done, total: progress("calibrating", done, total), seconds=seconds
    )
    size = recommended(Answers(Scenario(calibration, {})), largest)
    sweep = campaign.model_copy(update={"batch_sizes": tuple(sorted({*ladder(largest), size}))})
    points = [point for point in sweep.whole_points() if point.probe == "pipeline"]
    plan = calm_plan(points, campaign.processes, campaign.repeats, campaign.seed)
    samples = reject_disturbed(
        take_samples(plan, lambda done, total: progress("sweeping", done, total))
    )
    return judge_sweep(samples, size, campaign.label)


def compare_own_with_sweep(
    campaign: OwnCampaign,
    calibration: PipelineCalibration,
    progress: Callable[[int, int], None],
) -> BestSize:
    """Take the advice of a calibration of one's own pipeline, and measure it in a sweep.

    Parameters
    ----------
    campaign : pipelines.campaign.Campaign
        Its processes and repeats are the sweep's; its sizes are not used.
    calibration : PipelineCalibration
        From the terms alone. The sweep goes up to its largest size.
    progress : callable
        Called with (done, total).
    """
    from aethermodel.advice.law_samples import LawSizes

    ours = calibration.without_assumed()
    largest = int(ours.largest)
    size = recommended(LawSizes(ours.law), largest)
    samples = campaign.sweep(sorted({*ladder(largest), size}), progress)
    found = judge_sweep(samples, size, calibration.pipeline)
    return replace(found, wanted=thresholds.OWN_OPTIMUM_REACHED)


def judge_sweep(samples: pd.DataFrame, size: int, label: str) -> BestSize:
    """Hold the rate at `size` against the best in samples of the pipeline.

    Each process is judged by itself: what slows one down slows all its batch sizes. And by the
    size that is best in the others: the best of 40 sizes in the same samples is the luckiest, and
    at 5 % noise looks 5 % better than it is.
    """
    final = samples[samples["final"]]
    seconds = final.groupby(["process", "batch_size"])["seconds"].median().unstack("process")
    rates = seconds.rdiv(seconds.index.to_series(), axis=0)
    shares = pd.Series(
        [rates.at[size, own] / rates.at[_best(rates, own), own] for own in rates.columns]
    )
    every = all_samples(samples, ["batch_size"]).loc[rates.index]
    table = pd.DataFrame(
        {
            "n": rates.index.astype(int),
            "per_second": rates.median(axis=1).to_numpy(),
            "low": rates.min(axis=1).to_numpy(),
            "high": rates.max(axis=1).to_numpy(),
            "all_per_second": (rates.index / every["seconds_all"]).to_numpy(),
            "share_left_out": every["share_left_out"].to_numpy(),
            "recommended": rates.index == size,
        }
    )
    return BestSize(
        size, table, float(shares.median()), float(shares.min()), float(shares.max()), label
    )


def _best(rates: pd.DataFrame, own: int) -> int:
    """Return the best size by all processes but one, where there are others."""
    others = rates.drop(columns=own) if len(rates.columns) > 1 else rates
    return int(others.median(axis=1).idxmax())
