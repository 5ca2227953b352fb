"""Rejection of samples taken while the core was shared or migrated, judged by the run's best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel import thresholds
from aethermodel.measure.host.contention import core_excess, trip_excess

if TYPE_CHECKING:
    import pandas as pd

_POINT = (
    "probe",
    "batch_size",
    "topics",
    "calls",
    "threads",
    "fabric",
    "event_loop",
    "producer",
    "routed",
    "part",
    "pipeline",
    "term",
    "alone",
    "company",
)


def reject_disturbed(samples: pd.DataFrame) -> pd.DataFrame:
    """Mark as ``noisy``, and take back from ``final``, what ran on cores shared or moved apart.

    Which core was slow shows only when all were seen: the first process may have seen no other.
    A point that has too few calm samples also keeps those taken nearest to calm, by what the cores
    showed: with all of its own it would be that of a busy host, beside others of a calm one.
    ``apart`` marks samples whose cores had been moved apart.

    Parameters
    ----------
    samples : pandas.DataFrame
        Of `calm_plan`, all processes together.
    """
    core = core_excess(samples["core_seconds"], samples["core_seconds"].min())
    trip = trip_excess(samples["trip_seconds"], samples["trip_seconds"].min())
    apart = trip > 1
    slow = samples["noisy"] | (core > 1) | apart
    calm = samples["final"] & ~slow
    far = core.fillna(0).combine(trip.fillna(0), max)
    far = far.where(calm, far.clip(lower=1)).where(samples["final"])
    keys = [name for name in _POINT if name in samples]
    points = samples.assign(calm=calm, seen=samples["process"].where(calm), far=far).groupby(
        keys, dropna=False
    )
    wanted = min(thresholds.CALM_PROCESSES, samples["process"].nunique())
    enough = points["calm"].transform("sum") >= thresholds.CALM_SAMPLES
    enough &= points["seen"].transform("nunique") >= wanted
    near = points["far"].rank(method="first") <= thresholds.CALM_SAMPLES
    return samples.assign(
        noisy=slow, apart=apart, final=samples["final"] & (calm | (near & ~enough))
    )
