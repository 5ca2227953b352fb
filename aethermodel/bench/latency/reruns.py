"""Reruns of disturbed runs: chosen by kernel counters and core speed, never by latency."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from aethermodel.bench.latency.load import Floats, Loaded, LoadRun
from aethermodel.bus.adaptive_size import Rule
from aethermodel.measure.host.jitter import Watch

# Seconds in which the host is looked at, before and after a run.
_WATCH = 0.1


class Watched(NamedTuple):
    """A run, what the host gave each of its processes around it, and the run with its retries."""

    run: LoadRun
    around: list[list[Watch]]
    every: tuple[LoadRun, ...] = ()


def least_disturbed(
    pipeline: Loaded,
    due: Floats,
    retries: int,
    rule: Callable[[], Rule] | None = None,
) -> Watched:
    """Return the least disturbed of a run and its retries; the first that nothing disturbed."""
    return _least(pipeline, retries, lambda: Watched(pipeline.run(due, rule and rule()), []))


def watched_run(pipeline: Loaded, due: Floats, retries: int) -> Watched:
    """Return the least disturbed run, as `least_disturbed`, with what the host gave around it."""

    def attempt() -> Watched:
        before = _quiet_watch(pipeline, retries)
        run = pipeline.run(due)
        return Watched(run, [before, _quiet_watch(pipeline, retries)])

    return _least(pipeline, retries, attempt)


def _quiet_watch(pipeline: Loaded, retries: int) -> list[Watch]:
    """Watch by the rule of the runs: what was preempted is watched again."""
    watches = []
    for _ in range(retries + 1):
        watches.append(pipeline.watch(_WATCH))
        stolen, switches = _preempted(watches[-1])
        if not (stolen or pipeline.switched(switches, max(seen.seconds for seen in watches[-1]))):
            break
    return min(watches, key=_preempted)


def _preempted(watches: list[Watch]) -> tuple[float, int]:
    # Stolen time is that of all cores, in each of them.
    stolen = max(seen.noise.stolen_seconds for seen in watches)
    return stolen, sum(seen.noise.switches for seen in watches)


def _least(pipeline: Loaded, retries: int, attempt: Callable[[], Watched]) -> Watched:
    def disturbance(watched: Watched) -> tuple[bool, float, int]:
        run = watched.run
        found = pipeline.disturbance(run)
        often = run.noise.switches if found.switched else 0
        return found.shared or found.apart, run.noise.stolen_seconds, often

    tried = [attempt()]
    while any(disturbance(tried[-1])) and len(tried) <= retries:
        tried.append(attempt())
    # The first of equals.
    return min(tried, key=disturbance)._replace(every=tuple(one.run for one in tried))
