"""Measurement of one point in a forked child."""

from __future__ import annotations

from typing import Any

from aethermodel import thresholds
from aethermodel.measure.host.contention import CoreCheck
from aethermodel.measure.sampling.garbage_collection import uncollected
from aethermodel.measure.sampling.sampler import Plan, Point
from aethermodel.measure.sampling.worker import sample


def measure(
    probe: str, settings: dict[str, Any], samples: int, sample_seconds: float, best: list[float]
) -> list[dict[str, Any]]:
    """Take samples of one point in this process.

    Parameters
    ----------
    probe : str
    settings : dict
        Of the probe; checked before.
    samples : int
    sample_seconds : float
        Least duration of each.
    best : list of float
        `CoreCheck` at the cores, in points before: a core that is shared all through a point shows
        beside those only.

    Returns
    -------
    list of dict
        Rows as `aethermodel.measure.sampling.worker.sample` gives them. A disturbed one is not
        taken again on the spot: the whole point is, later.
    """
    plan = Plan(
        points=(Point(probe=probe, settings=settings),),
        processes=1,
        repeats=samples,
        sample_seconds=sample_seconds,
        # As calibrations are sampled, which a report puts beside: the neighbours' share left out.
        slices=min(1000, max(1, round(sample_seconds / thresholds.SLICE_SECONDS))),
        retries=0,
    )
    with uncollected():
        return list(sample(plan, 0, CoreCheck(*best)))
