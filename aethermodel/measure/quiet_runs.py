"""Run again what was disturbed: by what kernel and cores show, never by the latency seen."""

from __future__ import annotations

from collections.abc import Callable

from aethermodel.bus.adaptive import Rule
from aethermodel.measure.load import Floats, Loaded, LoadRun, host_gaps

# Seconds in which an idle loop looks for the host's pauses.
_WATCH = 0.05


def least_disturbed(
    pipeline: Loaded,
    due: Floats,
    retries: int,
    rule: Callable[[], Rule] | None = None,
) -> LoadRun:
    """Run again what was disturbed: by what kernel and cores show, never by the latency seen."""

    def disturbance(run: LoadRun) -> tuple[bool, float, int]:
        shared = not run.cores.calm(pipeline.cores_best)
        return shared, run.noise.stolen_seconds, run.noise.switches

    best = pipeline.run(due, rule and rule())
    for _ in range(retries):
        if not any(disturbance(best)):
            break
        best = min(best, pipeline.run(due, rule and rule()), key=disturbance)
    return best


def quiet_gaps(retries: int) -> tuple[Floats, float]:
    """Watch for pauses by the rule of the runs: what was preempted is watched again."""
    watches = []
    for _ in range(retries + 1):
        watches.append(host_gaps(_WATCH))
        if not watches[-1][2].noisy:
            break
    gaps, running, _ = min(watches, key=lambda w: (w[2].stolen_seconds, w[2].switches))
    return gaps, running
