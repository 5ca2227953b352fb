"""Latency of a pipeline under load, measured and predicted from its terms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from aethermodel import thresholds
from aethermodel.inputs.refusals import InputError
from aethermodel.measure.harness.processes.child_processes import call
from aethermodel.measure.host.jitter import full_rate, pace_of
from aethermodel.model.queueing.batch_service import serve, serve_by_clock
from aethermodel.model.queueing.host_pace import HostPace
from aethermodel.order_statistics import median_interval
from aethermodel.pipelines.calibration import PipelineCalibration
from aethermodel.pipelines.execution.load import LoadedRun, load_run
from aethermodel.pipelines.pipeline import Pipeline
from aethermodel.verdict import Outcome, judge, mostly_disturbed, worst

Floats = npt.NDArray[np.float64]
# A run is no longer than this, in seconds, where not told otherwise.
_RUN_SECONDS = 2.0
_FEWEST, _MOST = 500, 40_000


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
        of the same schedules at the pace at which the host ran, ``ideal_...`` at full speed,
        ``p99_error`` with its interval ``p99_error_low`` and ``p99_error_high``, ``disturbed``
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
    batches : int, optional
        Of a run; two seconds' worth by default.
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
    if batches is None:
        batches = int(np.clip(_RUN_SECONDS * min(loads) / seconds, _FEWEST, _MOST))
    runs: list[tuple[float, float, LoadedRun]] = []
    for process in range(processes):
        if progress:
            progress(process, processes)
        found = call(load_run, pipeline.reference, n, list(loads), batches, seed + process)
        runs += [
            (load, found["capacity"], run) for load, run in zip(loads, found["runs"], strict=True)
        ]
    if progress:
        progress(processes, processes)
    table = _compared(ours, n, runs)
    capacity = float(np.median([capacity for _, capacity, _ in runs])) * n
    return LatencyTrial(
        calibration, n, table, capacity, n / seconds, worst(table["outcome"].tolist())
    )


def predicted(
    calibration: PipelineCalibration, n: float, due: Floats, pace: HostPace | None = None
) -> Floats:
    """Return the model's latency of each batch of a schedule: groups in a row, each a queue.

    Parameters
    ----------
    calibration : PipelineCalibration
        Without what is assumed.
    n : float
        Records of a batch.
    due : ndarray, shape (batches,)
    pace : HostPace, optional
        At which the host ran; full speed by default.
    """
    composed = calibration.composed([n])
    slowest = max(float(seconds[0]) for seconds in composed.groups.values())
    # Where cores or the interpreter are the bound, all groups are slower by as much.
    stretch = float(composed.seconds[0]) / slowest
    clock = pace.clock(2 * float(due[-1])) if pace else None
    came = due
    for group in calibration.groups:
        seconds = stretch * group.workers * float(composed.groups[group.name][0])
        done = np.empty(came.size)
        for worker in range(group.workers):
            own = came[worker :: group.workers]
            if not own.size:
                continue
            table = np.array([seconds])
            waited = serve_by_clock(clock, own, table) if clock else serve(own, table)
            done[worker :: group.workers] = own + waited
        came = np.maximum.accumulate(done)
    return np.asarray(came - due)


def _compared(
    calibration: PipelineCalibration, n: int, runs: list[tuple[float, float, LoadedRun]]
) -> pd.DataFrame:
    watched = [one for _, _, run in runs for one in run.around]
    full = full_rate(watched)
    rows = []
    for load in dict.fromkeys(load for load, _, _ in runs):
        own = [run for of, _, run in runs if of == load]
        warm = int(thresholds.LOAD_WARM_UP * own[0].due.size)
        measured = [_percentiles(run.latencies[warm:]) for run in own]
        models = []
        for run in own:
            pace = pace_of(list(run.around), full)
            ideal = predicted(calibration, n, run.due)[warm:]
            here = predicted(calibration, n, run.due, pace)[warm:]
            models.append(_percentiles(ideal, "ideal_") | _percentiles(here, "predicted_"))
        frame, model = pd.DataFrame(measured), pd.DataFrame(models)
        error = model["predicted_p99"] / frame["p99"] - 1
        low, high = median_interval(error.to_numpy()).ends
        value, ends = float(error.median()), sorted((abs(low), abs(high)))
        least = 0.0 if low <= 0 <= high else ends[0]
        disturbed = float(np.mean([run.disturbed for run in own]))
        few = len(own) < thresholds.FEWEST_PROCESSES  # of one or two a miss says nothing
        rows.append(
            {
                "load": load,
                "offered_per_second": load * float(np.median([c for _, c, _ in runs])) * n,
                **frame.median().to_dict(),
                **model.median().to_dict(),
                "p99_error": value,
                "p99_error_low": float(low),
                "p99_error_high": float(high),
                "disturbed": disturbed,
                "outcome": judge(
                    abs(value),
                    least,
                    ends[1],
                    thresholds.P99_ERROR,
                    disturbed=few or mostly_disturbed(disturbed),
                ),
            }
        )
    return pd.DataFrame(rows)


def _percentiles(latencies: Floats, prefix: str = "") -> dict[str, float]:
    found = np.quantile(latencies, list(thresholds.PERCENTILES.values())).tolist()
    return {prefix + name: value for name, value in zip(thresholds.PERCENTILES, found, strict=True)}
