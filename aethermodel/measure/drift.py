"""Whether a calibration still holds: each term probed again, quickly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from aethermodel.calibrate.calibration import Calibration
from aethermodel.labels import LABEL_OF, Fabric
from aethermodel.measure.campaign import loop_probe
from aethermodel.measure.probes import PROBES
from aethermodel.measure.sampling import Plan, Point, take_samples
from aethermodel.measure.verbs_devices import usable_device

#: Confidence of the interval that a fresh median must fall into. Several points are held against
#: theirs, so that 95 % would cry wolf too often.
LEVEL = 0.99
_SHARE_DISTURBED = 0.5


@dataclass(frozen=True)
class Drift:
    """How far one term has moved since it was calibrated.

    Attributes
    ----------
    term : str
    moved : float
        Fresh median over predicted time, less one, at the point that is furthest off.
    stale : bool
        Whether that lies outside the interval of a new observation.
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
        return f"{word}: {self.term} moved {self.moved:+.1%}, {where} its interval"


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
    if _fabric(calibration) == "verbs":
        usable_device()
    points = [
        Point(probe=_probe(calibration, term), settings=_settings(calibration, term, at))
        for term, (n, _) in calibration.samples.items()
        for at in sorted({int(min(n)), int(max(n))})
    ]
    plan = Plan(points=tuple(points), processes=2, repeats=4)
    fresh = take_samples(plan, progress)
    return [_drift(calibration, term, fresh) for term in calibration.samples]


def _fabric(calibration: Calibration) -> Fabric:
    label = calibration.conditions.fabric
    return next((name for name, of in LABEL_OF.items() if of == label), "verbs")


def _probe(calibration: Calibration, term: str) -> str:
    return loop_probe(_fabric(calibration)) if term == "loop" else term


def _settings(calibration: Calibration, term: str, at: int) -> dict[str, object]:
    fabric = _fabric(calibration)
    given = vars(calibration.conditions) | {
        "fabric": fabric,
        "checked": fabric != "loopback",
        "producer": fabric == "loopback",
        ("calls" if term == "loop" else "batch_size"): at,
    }
    fields = PROBES[_probe(calibration, term)].settings.model_fields
    return {name: given[name] for name in fields if name in given}


def _drift(calibration: Calibration, term: str, fresh: pd.DataFrame) -> Drift:
    rows = fresh[(fresh["probe"] == _probe(calibration, term)) & fresh["final"]]
    quiet = rows[~rows["noisy"]]
    if len(quiet) < _SHARE_DISTURBED * len(rows):
        return Drift(term, float("nan"), False, True)
    median = quiet.groupby("calls" if term == "loop" else "batch_size")["seconds"].median()
    mean, low, high = calibration.fits[term].predict(
        median.index.to_numpy(dtype=float), LEVEL, "observation"
    )
    seconds = median.to_numpy()
    moved = seconds / mean - 1
    outside = (seconds < low) | (seconds > high)
    worst = int(abs(moved * (outside if outside.any() else 1)).argmax())
    return Drift(term, float(moved[worst]), bool(outside[worst]), False)
