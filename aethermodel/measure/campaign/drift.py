"""Drift check: each term of a calibration probed again, quickly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import stdtrit

from aethermodel import thresholds
from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.composition import part_of
from aethermodel.calibrate.term_fit.fit_term import TermFit
from aethermodel.calibrate.term_fit.samples import summarise
from aethermodel.fabrics import FABRICS, Fabric, crosses, fabric_of
from aethermodel.measure.campaign.campaign_settings import loop_probe, needs_busy_core
from aethermodel.measure.host.rdma_devices import usable_device
from aethermodel.measure.probes import PROBES
from aethermodel.measure.sampling.sampler import Point, calm_plan, take_samples
from aethermodel.text.percentages import percent
from aethermodel.verdict import mostly_disturbed

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """How far one term has moved since it was calibrated.

    Attributes
    ----------
    term : str
    moved : float
        Fresh location over predicted time, less one, at the point that is furthest off.
    stale : bool
        Whether that lies outside the interval of the mean of as many samples.
    disturbed : bool
        Whether most fresh samples were disturbed, so that nothing can be said.
    """

    term: str
    moved: float
    stale: bool
    disturbed: bool

    def __str__(self) -> str:
        if self.disturbed:
            return f"inconclusive: {self.term} could not be probed again, the host is too noisy"
        where = "outside" if self.stale else "inside"
        word = "stale" if self.stale else "fresh"
        return f"{word}: {self.term} moved {percent(self.moved)}, {where} its interval"


def check_drift(
    calibration: Calibration, progress: Callable[[int, int], None] | None = None
) -> list[Drift]:
    """Probe the smallest and the largest calibrated point of each term again (a few seconds).

    Parameters
    ----------
    calibration : Calibration
        Of this host.
    progress : callable, optional
        Called with (samples taken, samples planned).

    Returns
    -------
    list of Drift
        One a term.

    Raises
    ------
    ValueError
        If it is of verbs and there is no device.
    """
    if FABRICS[_fabric(calibration)].needs_device:
        usable_device()
    points = [
        _point(calibration, term, at)
        for term, timings in calibration.samples.items()
        for at in sorted({int(min(timings.n)), int(max(timings.n))})
    ]
    plan = calm_plan(points, thresholds.DRIFT_PROCESSES, thresholds.DRIFT_REPEATS)
    fresh = take_samples(plan, progress)
    return [_drift(calibration, term, fresh) for term in calibration.samples]


def _fabric(calibration: Calibration) -> Fabric:
    return fabric_of(calibration.conditions.fabric)


def _probe(calibration: Calibration, term: str) -> str:
    return loop_probe(_fabric(calibration)) if term == "loop" else term


def _point(calibration: Calibration, term: str, at: int) -> Point:
    probe, settings = _probe(calibration, term), _settings(calibration, term, at)
    return Point(
        probe=probe, settings=settings, company=needs_busy_core(probe, _fabric(calibration))
    )


def _settings(calibration: Calibration, term: str, at: int) -> dict[str, object]:
    fabric = _fabric(calibration)
    given = vars(calibration.conditions) | {
        "fabric": fabric,
        "checked": crosses(fabric),
        "producer": not crosses(fabric),
        "bus": crosses(fabric),
        ("calls" if term == "loop" else "batch_size"): at,
    }
    fields = PROBES[_probe(calibration, term)].settings.model_fields
    return {name: given[name] for name in fields if name in given}


def _drift(calibration: Calibration, term: str, fresh: pd.DataFrame) -> Drift:
    rows = fresh[(fresh["probe"] == _probe(calibration, term)) & fresh["final"]]
    quiet = rows[~rows["noisy"]]
    if mostly_disturbed(rows["noisy"].mean()):
        return Drift(term, float("nan"), False, True)
    size = quiet["calls" if term == "loop" else "batch_size"].to_numpy(dtype=float)
    found = summarise(size, quiet["seconds"].to_numpy(dtype=float))
    mean, below, above = reach(
        calibration.laws[term], found.n, found.kept, quiet["process"].nunique()
    )
    moved = found.seconds / mean - 1
    outside = (found.seconds < mean - below) | (found.seconds > mean + above)
    worst = int(abs(moved * (outside if outside.any() else 1)).argmax())
    return Drift(term, float(moved[worst]), bool(outside[worst]), False)


def reach(
    fit: TermFit, n: Floats, samples: npt.ArrayLike, processes: int
) -> tuple[Floats, Floats, Floats]:
    """Return how far the mean of fresh samples may lie from a law that still holds.

    Parameters
    ----------
    fit : TermFit
    n : ndarray, shape (m,)
        Batch sizes, or handler calls.
    samples : array_like, shape (m,)
        Fresh samples at each.
    processes : int
        That they were taken in.

    Returns
    -------
    mean, below, above : ndarray, shape (m,)
        Of the law, in seconds, and how far the fresh mean may lie from it with the
        chance `thresholds.DRIFT_LEVEL`: by what the law's parameters leave open, by the
        samples' noise over the root of their number, and by what processes differ by.
    """
    part = part_of(fit, n, thresholds.DRIFT_LEVEL, "mean")
    noise = (
        stdtrit(fit.freedom, (1 + thresholds.DRIFT_LEVEL) / 2)
        * fit.noise
        * part.mean
        / np.sqrt(samples)
    )
    level = fit.between.half(part.mean, thresholds.DRIFT_LEVEL, fresh=processes)
    below, above = part.mean - part.low, part.high - part.mean
    return (
        part.mean,
        np.sqrt(below**2 + noise**2 + level**2),
        np.sqrt(above**2 + noise**2 + level**2),
    )
