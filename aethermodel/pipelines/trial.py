"""Trial of a pipeline: its terms composed, compared with the whole at sizes held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel.calibrate.predict.comparison import Verdict, covered, judge
from aethermodel.calibrate.predict.in_place import (
    InPlace,
    figures_of,
    median_of_processes,
    told_in_place,
)
from aethermodel.inputs.refusals import InputError
from aethermodel.measure.sampling.rejection import reject_disturbed
from aethermodel.pipelines.calibration import PipelineCalibration
from aethermodel.pipelines.campaign import Campaign, Progress, fitted
from aethermodel.pipelines.process_spread import ProcessSpread, process_spread
from aethermodel.pipelines.terms import term_plan
from aethermodel.text.percentages import percent, percentage
from aethermodel.text.times import duration

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PipelineTrial:
    """What a validation found.

    Attributes
    ----------
    calibration : PipelineCalibration
        From the terms' samples only.
    samples : pandas.DataFrame
    table : pandas.DataFrame
        A row a size: measured, predicted, error; see `compare`.
    in_place : tuple of InPlace
        Of each term at each size.
    verdict : Verdict
    failure : str
        What ended it early; empty where nothing did.
    """

    calibration: PipelineCalibration
    samples: pd.DataFrame
    table: pd.DataFrame
    in_place: tuple[InPlace, ...]
    verdict: Verdict
    failure: str = ""

    @classmethod
    def run(
        cls,
        campaign: Campaign,
        progress: Progress | None = None,
        known: PipelineCalibration | None = None,
    ) -> PipelineTrial:
        """Time the terms and the whole, interleaved, and compare.

        Parameters
        ----------
        campaign : Campaign
        progress : callable, optional
        known : PipelineCalibration, optional
            Compare the whole with this one; nothing is fitted then.

        Raises
        ------
        InputError
            If the whole could not be run.
        """
        begin = monotonic()
        campaign.rehearse()
        if not campaign.held_out:
            raise InputError(f"{campaign.file}: no batch size is left to compare at (-n)")
        points = campaign.whole_points()
        if known is None:
            points = campaign.term_points(term_plan(campaign.pipeline, campaign.sizes)) + points
        samples, failure = campaign.sample(points, campaign.left(begin), progress)
        failure = failure or campaign.rehearsal.failure
        if samples is None:
            raise InputError(f"{campaign.file}: {failure}")
        samples = reject_disturbed(samples)
        calibration = known or fitted(campaign, samples, failure)
        return cls.of(calibration, samples, failure)

    @classmethod
    def of(
        cls, calibration: PipelineCalibration, samples: pd.DataFrame, failure: str = ""
    ) -> PipelineTrial:
        """Compare a calibration with samples of the whole."""
        table = compare(calibration, samples)
        return cls(calibration, samples, table, placed(calibration, samples), judge(table), failure)

    @property
    def told(self) -> list[InPlace]:
        """Terms that differ in place, by what that is of the whole."""
        whole = dict(zip(self.table["n"], self.table["measured_seconds"], strict=True))
        return told_in_place(self.in_place, whole)

    @property
    def cause(self) -> str:
        """Say in a line which stage a miss comes from, and by how much; empty of a pass."""
        if self.verdict.outcome == "pass":
            return ""
        known = {one.n for one in self.in_place}
        rows = self.table[self.table["n"].isin(known)]
        if rows.empty:
            return "No stage was timed in place undisturbed, to tell by."
        # Where it is off most, of the sizes that were timed in place.
        n = int(rows.loc[rows["error"].abs().idxmax(), "n"])
        here = {one.term: one for one in self.in_place if one.n == n}
        worst = self.verdict.worst_at
        other = "" if n == worst else f"No stage was timed undisturbed in place at N = {worst:,}. "
        (row,) = self.table[self.table["n"] == n].to_dict("records")
        measured = float(row["measured_seconds"])
        missed = measured - float(row["predicted_seconds"])
        placed = self._in_place_seconds(n, here) / measured - 1
        rest = f"with every term as it is in place, the sum is off by {percent(placed)}"
        same_way = [one for one in here.values() if one.seconds * missed > 0]
        if not same_way:
            return f"{other}At N = {n:,} no stage differs in place that would explain it; {rest}."
        surely = [one for one in same_way if one.differs]
        most = max(surely or same_way, key=lambda one: abs(one.seconds))
        doubt = "" if surely else ", which its interval leaves open"
        return (
            f"{other}At N = {n:,} {most.term} differs most: {duration(most.isolated)} isolated, "
            f"{duration(most.in_place)} in the pipeline ({most.change_in_words()}), "
            f"{percentage(abs(most.seconds) / measured)} of the batch{doubt}; {rest}."
        )

    @property
    def between_processes(self) -> ProcessSpread | None:
        """How its processes differ; None where they hardly do."""
        return process_spread(self.samples, list(self.calibration.measured))

    def _in_place_seconds(self, n: int, here: Mapping[str, InPlace]) -> float:
        """Return the composed time of a batch, each term as it is in place."""
        ours = self.calibration.without_assumed()
        times = ours.times([n]) | {name: np.array([one.in_place]) for name, one in here.items()}
        return float(ours.composed_of(times).seconds[0])

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says."""
        from aethermodel.pipelines.calibration_file import document

        spread = self.between_processes
        return {
            "pipeline": self.calibration.pipeline,
            "file": self.calibration.file,
            "verdict": asdict(self.verdict),
            "cause": self.cause,
            "between_processes": spread.figures() if spread else None,
            "rows": self.table.to_dict(orient="records"),
            "in_place": [one.figures() for one in self.in_place],
            "samples": len(self.samples),
            "noisy_share": float(self.samples["noisy"].mean()),
            "failure": self.failure,
            "calibration": document(self.calibration),
        }

    def save(self, path: Path) -> None:
        """Write the samples as Parquet, whole or not at all."""
        from aethermodel.measure.sampling.sample_files import write_samples

        write_samples(self.samples, path)


def compare(calibration: PipelineCalibration, samples: pd.DataFrame) -> pd.DataFrame:
    """Compare predicted with measured, one row a size.

    Returns
    -------
    pandas.DataFrame
        ``n``, ``processes``, ``measured_seconds`` (median of their medians) with its interval
        ``median_low`` and ``median_high`` and the lowest and highest process ``measured_low`` and
        ``measured_high``, ``predicted_seconds`` with its interval, ``bound`` (which group or bound
        sets it), ``error``, ``covered``, ``disturbed``, ``switched``, ``stolen``, ``shared``,
        ``apart``, and ``seconds_all`` over all samples, disturbed ones included.

    Raises
    ------
    InputError
        If the whole was not run.
    """
    import pandas as pd

    ours = calibration.without_assumed()
    whole = samples[samples["term"] == "whole"]
    final = whole[whole["final"]]
    if final.empty:
        raise InputError(f"{calibration.file}: the pipeline as a whole was not run")
    rows = []
    for n, own in final.groupby("batch_size"):
        medians = own.groupby("process")["seconds"].median()
        value, low, high = median_of_processes(own)
        found = ours.predict([n])
        marks = own["noisy"].astype(float)
        rows.append(
            {
                "n": int(n),
                "processes": len(medians),
                "measured_seconds": value,
                "measured_low": float(medians.min()),
                "measured_high": float(medians.max()),
                "median_low": low,
                "median_high": high,
                "predicted_seconds": float(found.seconds[0]),
                "predicted_low": float(found.low[0]),
                "predicted_high": float(found.high[0]),
                "transit_seconds": float(found.transit[0]),
                "bound": str(found.bound[0]),
                "disturbed": float(marks.mean()),
                "switched": float((marks * (own["switches"] > 0)).mean()),
                "stolen": float((marks * (own["stolen_seconds"] > 0)).mean()),
                "shared": float((marks * (own["switches"] == 0)).mean()),
                "apart": float((marks * own["apart"].astype(float)).mean()),
                "seconds_all": float(whole[whole["batch_size"] == n]["seconds_all"].median()),
            }
        )
    table = pd.DataFrame(rows)
    table["error"] = table["predicted_seconds"] / table["measured_seconds"] - 1
    table["covered"] = covered(table)
    return table


def placed(calibration: PipelineCalibration, samples: pd.DataFrame) -> tuple[InPlace, ...]:
    """Return each term in place beside itself isolated, at each size."""
    import pandas as pd

    # What was disturbed to the last says nothing of a term.
    calm = samples["final"] & ~samples["noisy"].astype(bool)
    timed = samples[(samples["term"] == "timed") & calm]
    found: list[InPlace] = []
    for n, own in timed.groupby("batch_size"):
        seen = pd.DataFrame(list(figures_of(own)), index=own.index)
        for name, term in calibration.measured.items():
            if name not in seen or term.kind not in ("stage", "loop"):
                continue
            seconds = own[["process"]].assign(seconds=seen[name])
            seconds = seconds[np.isfinite(seconds["seconds"]) & (seconds["seconds"] > 0)]
            if seconds.empty:
                continue
            value, low, high = median_of_processes(seconds)
            band = term.law.predict([float(n)])
            clock = "clock_loop" if term.kind == "loop" and "clock_loop" in seen else "clock"
            found.append(
                InPlace(
                    name,
                    int(n),
                    float(band.seconds[0]),
                    float(band.low[0]),
                    float(band.high[0]),
                    value,
                    low,
                    high,
                    float(seen[clock].median() / value),
                )
            )
    return tuple(found)
