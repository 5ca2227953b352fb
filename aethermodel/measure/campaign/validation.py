"""Validation: sample, calibrate, predict the pipeline, compare, judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from aethermodel import thresholds
from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.composition import composition_errors
from aethermodel.calibrate.predict.all_samples import left_out, rate
from aethermodel.calibrate.predict.calibration_answers import Answers
from aethermodel.calibrate.predict.comparison import Verdict, compare, judge
from aethermodel.calibrate.predict.in_place import InPlace, terms_in_place, told_in_place
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.calibrate.predict.size_answers import SHARE, Optimum
from aethermodel.inputs.input_files import refusing
from aethermodel.measure.campaign.calibrate import calibration_of, now
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.measure.host.fingerprint import this_host
from aethermodel.measure.sampling.rejection import reject_disturbed
from aethermodel.measure.sampling.sample_files import read_samples, write_samples
from aethermodel.measure.sampling.sequential import sample_sequentially

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Trial:
    """What a campaign found.

    Attributes
    ----------
    campaign : Campaign
    host : dict
        Fingerprint of the host the samples are from.
    samples : pandas.DataFrame
    calibration : Calibration
        From the probes' samples only.
    table : pandas.DataFrame
        As `aethermodel.calibrate.predict.comparison.compare` gives it, with the rates
        ``measured_per_second``, ``predicted_per_second``, ``all_per_second`` (over all samples,
        disturbed ones included) and the ceiling
        ``copy_per_second`` (events a second of a plain copy of the same batches).
    verdict : Verdict
    in_place : tuple of InPlace
        Terms isolated and inside the pipeline; empty where samples have none in place.
    """

    campaign: Campaign
    host: dict[str, Any]
    samples: pd.DataFrame
    calibration: Calibration
    table: pd.DataFrame
    verdict: Verdict
    in_place: tuple[InPlace, ...]

    @classmethod
    def run(
        cls,
        campaign: Campaign,
        progress: Progress | None = None,
        *,
        seconds: float = thresholds.VALIDATION_SECONDS,
    ) -> Trial:
        """Measure this host.

        Parameters
        ----------
        campaign : Campaign
        progress : callable, optional
            Called with (samples taken, samples that may still be asked for, those included).
        seconds : float
            Time budget, kept after one process that samples everything. The pipeline is sampled in
            every process that fits in, its terms only where their processes differ.

        Raises
        ------
        SamplingError
            If a sampling process fails.
        ValueError
            If the budget is not above zero.
        """
        if not seconds > 0:
            raise ValueError(f"the time budget must be above zero seconds, not {seconds:g}")
        taken = sample_sequentially(
            campaign.plan(),
            seconds,
            progress,
            throughout=lambda p: p.probe in ("pipeline", "in_place"),
        )
        samples = reject_disturbed(taken)
        samples.attrs["campaign"] = campaign.model_dump(mode="json")
        samples.attrs["host"] = this_host().model_dump(mode="json")
        samples.attrs["taken"] = now()
        return cls.of(samples)

    @classmethod
    def load(cls, path: Path | str) -> Trial:
        """Take up samples that an earlier trial saved.

        Raises
        ------
        InputError
            If the file holds no trial.
        OSError
            If it cannot be read.
        """
        samples = read_samples(path)
        with refusing(path):
            return cls.of(samples)

    @classmethod
    def of(cls, samples: pd.DataFrame) -> Trial:
        """Calibrate, predict and judge from samples that carry their campaign and host."""
        campaign = Campaign.model_validate(samples.attrs["campaign"])
        host = samples.attrs["host"]
        calibration = calibration_of(samples, campaign, host, samples.attrs["taken"])
        table = compare(calibration, samples)
        for what in ("measured", "predicted"):
            table[f"{what}_per_second"] = table["n"] / table[f"{what}_seconds"]
        table["all_per_second"] = table["n"] / table["seconds_all"]
        copies = samples[(samples["probe"] == "bandwidth") & samples["final"]]
        copy_seconds = copies.groupby("batch_size")["seconds"].median()
        table["copy_per_second"] = table["n"] / table["n"].map(copy_seconds)
        places = terms_in_place(calibration, samples)
        return cls(campaign, host, samples, calibration, table, judge(table), places)

    def save(self, path: Path) -> None:
        """Write the samples, with campaign and host, as Parquet; the folder is made."""
        write_samples(self.samples, path)

    @property
    def told(self) -> list[InPlace]:
        """Terms that differ inside the pipeline, by what that is of the whole."""
        whole = dict(zip(self.table["n"], self.table["measured_seconds"], strict=True))
        return told_in_place(self.in_place, whole)

    @property
    def noisy_share(self) -> float:
        """Share of all samples that were disturbed while they ran (most were taken again)."""
        return float(self.samples["noisy"].mean())

    @property
    def contended_share(self) -> float:
        """Share of the slices of undisturbed samples left out: a neighbour slowed them down."""
        calm = self.samples[~self.samples["noisy"].astype(bool)]
        # Trials that were saved before samples had slices left none out.
        return float(calm["contended"].mean()) if "contended" in calm and len(calm) else 0.0

    @property
    def headline(self) -> str:
        """What the pipeline carries, and what it carried over all samples, in a sentence."""
        best = self.table.loc[self.table["measured_per_second"].idxmax()]
        beside = left_out(
            best["all_per_second"], best["share_left_out"], headline=best["measured_per_second"]
        )
        return (
            f"carries {rate(best['measured_per_second'])} at N = {best['n']:,.0f} while "
            f"undisturbed, {beside}"
        )

    @cached_property
    def best_sizes(self) -> Optimum:
        """Batch sizes of the usual share of the best rate, by the model."""
        return Answers(Scenario(self.calibration, {})).share(SHARE)

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says of the trial."""
        return {
            "campaign": self.campaign.model_dump(mode="json"),
            "verdict": vars(self.verdict),
            "in_place": [one.figures() for one in self.in_place],
            "samples": len(self.samples),
            "headline": self.headline,
            "best_sizes": asdict(self.best_sizes),
            "noisy_share": self.noisy_share,
            "contended_share": self.contended_share,
            "rows": self.table.to_dict(orient="records"),
            "compositions": composition_errors(self.table).to_dict(orient="records"),
            "calibration": self.calibration.to_json(),
        }
