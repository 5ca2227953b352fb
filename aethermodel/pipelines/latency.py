"""Latency of a pipeline under load, measured and predicted from its terms."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from aethermodel import thresholds
from aethermodel.inputs.refusals import InputError
from aethermodel.measure.harness.processes.child_processes import call
from aethermodel.measure.host.jitter import full_rate, pace_of
from aethermodel.model.queueing.host_pace import HostPace, PaceClock
from aethermodel.model.queueing.tandem import Queue, through
from aethermodel.order_statistics import median_draws, median_interval, shifted_median_interval
from aethermodel.pipelines.calibration import PipelineCalibration
from aethermodel.pipelines.composition.group_queues import group_queues, predicted
from aethermodel.pipelines.execution.load import LoadedRun, load_run
from aethermodel.pipelines.pipeline import Pipeline
from aethermodel.verdict import Outcome, judge, mostly_disturbed, worst

Floats = npt.NDArray[np.float64]
Scalar = TypeVar("Scalar", bound=np.generic)
# Where the processes leave P99 open by more than half of what it may be off by, there are more of
# them, up to so many times those asked for.
_OPEN, _MOST_TIMES = thresholds.P99_ERROR / 2, 2
# How often that is looked at while as many as were asked for are added.
_STEPS = 3
# Draws of the laws, and runs that each is seen in: what a draw does to the median hardly depends
# on the schedule.
_DRAWS, _DRAWN_RUNS = 200, 5


@dataclass(frozen=True)
class LatencyTrial:
    """What was measured under load, beside what the terms say.

    Attributes
    ----------
    calibration : PipelineCalibration
    n : int
        Records of an arriving batch.
    table : pandas.DataFrame
        A row a load: ``p50`` to ``p99.9`` in seconds (medians over processes), ``predicted_...``
        of the same schedules at the pace at which the host ran, ``ideal_...`` at full speed. Where
        the runs know it, of the batches that nobody else held up, at the host's pace while it was
        left alone; ``left_alone`` is their share (nan where nobody knows; of all runs, where it is
        too small in each, so that all batches count), and ``p99_all``, ``predicted_p99_all`` and
        ``p99_error_all`` are of all batches, pauses of the host included. ``pace`` is how many
        times as long as by the terms a batch took meanwhile, one after the other. Where it is known
        either side's load is a share of what it carries itself, and ``p99_error_rate`` is what P99
        would be off by for the same rate.
        ``p99_error`` with its interval ``p99_error_low`` and ``p99_error_high``, which holds what
        processes differ by (alone: ``p99_error_processes_low`` and ``..._high``) and what the
        laws and the host's full speed leave open (``p99_error_laws_low`` and ``..._high``),
        ``processes``, ``disturbed``
        (share of the runs), ``outcome``.
    capacity_per_second, predicted_capacity_per_second : float
        Records.
    outcome : {"pass", "fail", "inconclusive"}
    """

    calibration: PipelineCalibration
    n: int
    table: pd.DataFrame
    capacity_per_second: float
    predicted_capacity_per_second: float
    outcome: Outcome

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says."""
        return {
            "pipeline": self.calibration.pipeline,
            "batch_size": self.n,
            "outcome": self.outcome,
            "capacity_per_second": self.capacity_per_second,
            "predicted_capacity_per_second": self.predicted_capacity_per_second,
            "rows": self.table.to_dict(orient="records"),
        }


def recommended_size(calibration: PipelineCalibration) -> int:
    """Return the smallest batch that reaches the usual share of the best rate."""
    from aethermodel.advice.law_samples import LawSizes
    from aethermodel.calibrate.predict.size_answers import SHARE

    return max(1, round(LawSizes(calibration.law).share(SHARE).size.value))


def measure_latency(
    pipeline: Pipeline,
    calibration: PipelineCalibration,
    n: int,
    *,
    loads: Sequence[float] = thresholds.JUDGED_LOADS,
    processes: int = 5,
    batches: int | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> LatencyTrial:
    """Put loads on a pipeline in fresh processes, and predict the same schedules.

    Parameters
    ----------
    pipeline : Pipeline
        From a file.
    calibration : PipelineCalibration
        Nothing in it was fitted to a latency.
    n : int
        Records of an arriving batch.
    loads : sequence of float
        Shares of what the very process carries, above 0 and below 1.
    processes : int
        At least. A load whose P99 these leave open by more than a tenth is put on more, up to
        twice as many: by how far they differ, not by how far off the prediction is.
    batches : int, optional
        Of a run; by default, from 500 to 40,000, as many as come in two seconds at the lowest load.
    seed : int
    progress : callable, optional

    Raises
    ------
    InputError
        On a load out of range, or a stage that fails.
    """
    if not loads or not all(0 < load < 1 for load in loads):
        raise InputError("loads lie above 0 and below 1, such as 0.5,0.8")
    ours = calibration.without_assumed()
    seconds = float(ours.composed([float(n)]).seconds[0])
    runs: list[LoadedProcess] = []
    put = tuple(loads)
    step = max(1, processes // _STEPS)
    for process in range(_MOST_TIMES * processes):
        if process >= processes and not (process - processes) % step:
            put = tuple(one.load for one in _by_load(ours, n, runs) if one.open > _OPEN)
        if not put:
            break
        if progress:
            progress(process, max(processes, process + 1))
        found = call(load_run, pipeline.reference, n, list(put), batches, seed + process)
        runs += [
            LoadedProcess(load, found["capacity"], run)
            for load, run in zip(put, found["runs"], strict=True)
        ]
    if progress:
        progress(1, 1)
    table = pd.DataFrame([one.row(n) for one in _by_load(ours, n, runs)])
    capacity = float(np.median([run.capacity for run in runs])) * n
    return LatencyTrial(
        calibration, n, table, capacity, n / seconds, worst(table["outcome"].tolist())
    )


class LoadedProcess(NamedTuple):
    """One run of a process.

    Attributes
    ----------
    load : float
        Share of what the process carries.
    capacity : float
        What it carries, in batches a second.
    run : LoadedRun
    """

    load: float
    capacity: float
    run: LoadedRun


@dataclass(frozen=True)
class LoadComparison:
    """Runs at one load beside the model's.

    Parameters
    ----------
    calibration : PipelineCalibration
        Without what is assumed.
    n : float
        Records of a batch.
    load : float
    runs : sequence of LoadedProcess
    full : float
        Batches, or turns of an idle loop, a second at full speed.
    """

    calibration: PipelineCalibration
    n: float
    load: float
    runs: Sequence[LoadedProcess]
    full: float

    @cached_property
    def judged(self) -> list[LoadedProcess]:
        """The runs of which it is known which batches were left alone; all, where it is of none."""
        known = [one for one in self.runs if one.run.left_alone is not None]
        return known or list(self.runs)

    @cached_property
    def measured(self) -> pd.DataFrame:
        """Percentiles in seconds, a row a run."""
        return pd.DataFrame([_percentiles(_counted(one.run)) for one in self.judged])

    @property
    def _batches_watched(self) -> bool:
        """Whether batches were watched around the runs, and no idle loop."""
        return all(
            watched.core_seconds is not None for one in self.judged for watched in one.run.around
        )

    @cached_property
    def model(self) -> pd.DataFrame:
        """The model's percentiles, at full speed and at the pace of the host, a row a run.

        Each side's load is a share of what it carries itself: batches come to the model's queue as
        much faster as it is by the terms, so that the terms are off by as much, and not by the
        several times as much by which a queue is longer at another load.
        """
        rows = []
        for one, pace in zip(self.judged, self.paces, strict=True):
            due, host = one.run.due, self._pace(one.run)
            if self._batches_watched:
                # The host's own time goes as much faster, and its speed is one in the middle.
                due, host = due / pace, HostPace(host.stretch / pace, host.speeds / host.mean)
            ideal = predicted(self.calibration, self.n, due)
            here = predicted(self.calibration, self.n, due, host)
            rows.append(
                _percentiles(_counted(one.run, ideal), "ideal_")
                | _percentiles(_counted(one.run, here), "predicted_")
            )
        return pd.DataFrame(rows)

    @cached_property
    def paces(self) -> list[float]:
        """How many times as long as by the terms a batch took around each run; nan if unknown."""
        if not self._batches_watched:
            return [math.nan] * len(self.judged)
        carried = 1 / float(self.calibration.composed([self.n]).seconds[0])
        return [1 / self._pace(one.run, carried).mean for one in self.judged]

    @cached_property
    def at_the_rate(self) -> pd.DataFrame:
        """The pace, and what P99 is off by for the same rate instead of the load, a row a run."""
        rows = []
        for one, pace, p99 in zip(self.judged, self.paces, self.measured["p99"], strict=True):
            here = predicted(self.calibration, self.n, one.run.due, self._pace(one.run))
            model = float(np.quantile(_counted(one.run, here), thresholds.PERCENTILES["p99"]))
            rows.append({"pace": pace, "p99_error_rate": model / p99 - 1})
        return pd.DataFrame(rows)

    @cached_property
    def all_in_all(self) -> pd.DataFrame:
        """P99 of all batches, measured and at the host's pace with its pauses, a row a run."""
        rows = []
        for one in self.runs:
            pace = pace_of(list(one.run.around), self.full)
            here = predicted(self.calibration, self.n, one.run.due, pace)
            measured, model = (
                float(np.quantile(_warm(seconds), thresholds.PERCENTILES["p99"]))
                for seconds in (one.run.latencies, here)
            )
            rows.append({"p99_all": measured, "predicted_p99_all": model,
                         "p99_error_all": model / measured - 1})  # fmt: skip
        return pd.DataFrame(rows)

    @cached_property
    def errors(self) -> Floats:
        """Logarithm of predicted over measured P99, of each run."""
        ratios = self.model["predicted_p99"] / self.measured["p99"]
        return np.asarray(np.log(ratios.to_numpy(np.float64)))

    @property
    def open(self) -> float:
        """Half of what the runs leave the median error open by, as a share."""
        low, high = median_interval(self.errors).ends
        return float(np.expm1((high - low) / 2))

    @cached_property
    def shifts(self) -> Floats:
        """What draws add to every error of what all predictions share: laws, and full speed.

        For the same load P99 is in proportion to the time of a batch. For the same rate, at 80 %
        load, one percent of that is up to five of P99. No number of processes shows either.
        """
        drawn = self.calibration.drawn([self.n], _DRAWS)
        if self._batches_watched:  # of the same load: in proportion
            seconds = float(self.calibration.composed([self.n]).seconds[0])
            return np.asarray(np.log(np.ravel(drawn.seconds) / seconds))
        # Full speed is that of the middle process, and there are few of them.
        own = [np.median(np.concatenate([w.rates for w in one.run.around])) for one in self.judged]
        paces = median_draws(np.asarray(own) / np.median(own), _DRAWS)
        found = []
        for one in self.judged[:_DRAWN_RUNS]:
            clock = self._pace(one.run).clock(2 * float(one.run.due[-1]))

            def p99(
                queues: list[Queue], run: LoadedRun = one.run, clock: PaceClock = clock
            ) -> float:
                return float(np.quantile(_counted(run, through(queues, run.due, clock)), 0.99))

            middle = p99(group_queues(self.calibration, self.calibration.composed([self.n])))
            ratios = []
            for draw, faster in enumerate(paces.tolist()):
                queues = group_queues(self.calibration, drawn, draw)
                # Of a faster full speed the same host is a slower share.
                ratios.append(p99([one._replace(seconds=one.seconds * faster) for one in queues]))
            found.append(np.asarray(ratios) / middle)
        return np.asarray(np.median(np.log(found), axis=0))

    def _pace(self, run: LoadedRun, full: float | None = None) -> HostPace:
        alone = run.left_alone is not None
        return pace_of(list(run.around), full or self.full, left_alone=alone)

    def row(self, n: int) -> dict[str, Any]:
        """Return the load's row of `LatencyTrial.table`."""
        value = float(np.expm1(np.median(self.errors)))
        ends = np.expm1(shifted_median_interval(self.errors, self.shifts)).tolist()
        low, high = min(ends[0], value), max(ends[1], value)
        processes = np.expm1(median_interval(self.errors).ends).tolist()
        tails = [(1 - thresholds.LEVEL) / 2, (1 + thresholds.LEVEL) / 2]
        laws = np.expm1(np.median(self.errors) + np.quantile(self.shifts, tails)).tolist()
        disturbed = float(np.mean([one.run.disturbed for one in self.runs]))
        few = len(self.judged) < thresholds.FEWEST_PROCESSES  # of one or two a miss says nothing
        return {
            "load": self.load,
            "offered_per_second": self.load
            * float(np.median([one.capacity for one in self.runs]))
            * n,
            **self.measured.median().to_dict(),
            **self.model.median().to_dict(),
            **self.all_in_all.median().to_dict(),
            **self.at_the_rate.median().to_dict(),
            "left_alone": float(np.median([_share_left_alone(one.run) for one in self.judged])),
            "p99_error": value,
            "p99_error_low": low,
            "p99_error_high": high,
            "p99_error_processes_low": processes[0],
            "p99_error_processes_high": processes[1],
            "p99_error_laws_low": laws[0],
            "p99_error_laws_high": laws[1],
            "processes": len(self.runs),
            "disturbed": disturbed,
            "outcome": judge(
                abs(value),
                0.0 if low <= 0 <= high else min(abs(low), abs(high)),
                max(abs(low), abs(high)),
                thresholds.P99_ERROR,
                disturbed=few or mostly_disturbed(disturbed),
            ),
        }


def _by_load(
    calibration: PipelineCalibration, n: float, runs: Sequence[LoadedProcess]
) -> list[LoadComparison]:
    full = full_rate([watched for one in runs for watched in one.run.around])
    return [
        LoadComparison(calibration, n, load, [one for one in runs if one.load == load], full)
        for load in dict.fromkeys(one.load for one in runs)
    ]


def _warm(latencies: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    return latencies[int(thresholds.LOAD_WARM_UP * latencies.size) :]


def _counted(run: LoadedRun, latencies: Floats | None = None) -> Floats:
    """Latencies of a run, or the model's of its schedule, of the batches that count in either."""
    latencies = run.latencies if latencies is None else latencies
    if run.left_alone is None:
        return _warm(latencies)
    return _warm(latencies)[_warm(run.left_alone)]


def _share_left_alone(run: LoadedRun) -> float:
    """Share of the batches that nobody else held up, be they too few; nan where nobody knows."""
    if run.held_up is None:
        return math.nan
    return float((_warm(run.held_up) <= thresholds.HELD_UP).mean())


def _percentiles(latencies: Floats, prefix: str = "") -> dict[str, float]:
    found = np.quantile(latencies, list(thresholds.PERCENTILES.values())).tolist()
    return {prefix + name: value for name, value in zip(thresholds.PERCENTILES, found, strict=True)}
