"""Sequential sampling: of each point only as many samples as its spread asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from time import monotonic
from typing import TYPE_CHECKING

from aethermodel import thresholds
from aethermodel.measure.host.contention import CoreCheck
from aethermodel.measure.sampling.sampler import Plan, Point, SamplingError, take_samples

if TYPE_CHECKING:
    import pandas as pd
    from pandas.core.groupby import SeriesGroupBy

Progress = Callable[[int, int], None]


def sample_sequentially(
    plan: Plan,
    seconds: float,
    progress: Progress | None = None,
    *,
    throughout: Callable[[Point], bool] = lambda _: False,
    best: CoreCheck | None = None,
    silence: float = inf,
    fill: bool = False,
) -> pd.DataFrame:
    """Run a plan one process at a time, within a time budget.

    Once a point was sampled in `thresholds.FEWEST_PROCESSES`, further ones sample it only where
    these differ by more than `thresholds.NARROW`, so that time goes where the interval is wide.

    Parameters
    ----------
    plan : Plan
        Its processes are the most of any point.
    seconds : float
        The budget. The first process samples every point, whatever that takes; what does not fit
        in after it is left out.
    progress : callable, optional
        Called with (samples taken, samples that may still be asked for, those included).
    throughout : callable
        Whether a point is sampled in every process: what a verdict is about.
    best : CoreCheck, optional
        Of the cores in earlier samples.
    silence : float
        Seconds after which a process that gives no sample is ended.
    fill : bool
        Whether time that is too short for all points goes to those whose processes differ most;
        they then come from more processes than the others.

    Returns
    -------
    pandas.DataFrame
        As `take_samples` gives it, ``process`` numbered over all.
    """
    import pandas as pd

    deadline = (
        monotonic()
        + seconds
        - min(thresholds.SAMPLING_RESERVE * seconds, thresholds.MOST_RESERVE_SECONDS)
    )
    points: Sequence[Point] = plan.points
    frames: list[pd.DataFrame] = []
    best, done, pace = best or CoreCheck(), 0, 0.0

    for process in range(plan.processes):
        began = monotonic()
        if frames and began + pace * len(points) > deadline:
            most = int((deadline - began) / pace) if fill else 0
            points = _widest(pd.concat(frames), plan.points, most)
        if not points:
            break
        one = plan.model_copy(
            update={"points": tuple(points), "processes": 1, "seed": plan.seed + process}
        )
        total = done + one.samples * (plan.processes - process)
        told = _after(progress, done, total) if progress else None
        place = {at: plan.points.index(point) for at, point in enumerate(points)}
        try:
            until = deadline if frames else inf
            frame = take_samples(one, told, deadline=until, best=best, silence=silence)
        except SamplingError as error:
            if error.samples is not None and len(error.samples):
                frames.append(_numbered(error.samples, process, place))
            error.samples = pd.concat(frames, ignore_index=True) if frames else None
            raise
        frame = _numbered(frame, process, place)
        frames.append(frame)
        best = best.best(CoreCheck.of(frame[list(CoreCheck._fields)].min()))
        done += int(frame["final"].sum())
        pace = (monotonic() - began) / len(points)
        if process + 1 >= thresholds.FEWEST_PROCESSES:
            wide = _wide(pd.concat(frames))
            points = [p for at, p in enumerate(plan.points) if throughout(p) or at in wide]
    return pd.concat(frames, ignore_index=True)


def _numbered(frame: pd.DataFrame, process: int, place: dict[int, int]) -> pd.DataFrame:
    return frame.assign(process=process, point=frame["point"].map(place))


def _after(progress: Progress, before: int, total: int) -> Progress:
    return lambda done, _: progress(before + done, total)


def _medians(samples: pd.DataFrame) -> tuple[SeriesGroupBy, pd.Series]:
    """Return each process's median of each point, by point, and by how much they differ."""
    final = samples[samples["final"]]
    medians = final.groupby(["point", "process"])["seconds"].median().groupby("point")
    return medians, (medians.max() - medians.min()) / medians.median()


def _widest(samples: pd.DataFrame, points: Sequence[Point], most: int) -> list[Point]:
    """Return the points whose processes differ most, as many as there is time for."""
    _, spread = _medians(samples)
    wide = spread[spread > thresholds.NARROW].sort_values(ascending=False)
    return [points[at] for at in wide.index[: max(most, 0)]]


def _wide(samples: pd.DataFrame) -> set[int]:
    """Return the places of points whose processes differ too much, or were too few."""
    medians, spread = _medians(samples)
    narrow = (spread <= thresholds.NARROW) & (medians.size() >= thresholds.FEWEST_PROCESSES)
    return set(samples["point"]) - set(narrow.index[narrow])
