"""Cost of a batch from a law file, from measurements, or from a calibration."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite
from pathlib import Path

from aethermodel.inputs.refusals import InputError
from aethermodel.text.number_format import size_text


def cost_law(path: Path, curve: str | None, *, producing: bool) -> Callable[[float], float]:
    """Return the seconds of a batch as a function of its events.

    Parameters
    ----------
    path : pathlib.Path
        A calibration; or a law file, or measurements, which are fitted.
    curve : str, optional
        Of several curves.
    producing : bool
        Of a calibration: whether the producer's side is asked for.

    Raises
    ------
    InputError
        If the file has no such law.
    """
    from aethermodel.gate.runs import laws_of, schema_of

    if schema_of(path).startswith("aethermodel.calibration/"):
        return _calibrated(path, producing=producing)
    laws = laws_of(path, {})
    if curve is None and len(laws) != 1:
        raise InputError(f"{path}: {len(laws)} curves: choose one by curve, of {'; '.join(laws)}")
    try:
        law = laws[curve] if curve is not None else next(iter(laws.values()))
    except KeyError:
        raise InputError(f"{path}: no curve {curve!r}; it has {'; '.join(laws)}") from None
    return lambda events: _told(float(law.predict([events]).seconds[0]), path, events)


def _calibrated(path: Path, *, producing: bool) -> Callable[[float], float]:
    from aethermodel.calibrate.calibration.calibration import Calibration

    calibration = Calibration.load(path)

    def seconds(events: float) -> float:
        side = calibration.producer if producing else calibration.consumer
        found = side([events])
        if found is None:
            raise InputError(f"{path}: has no law of a producer: none was in another process")
        return _told(float(found.seconds[0]), path, events)

    return seconds


def _told(seconds: float, path: Path, events: float) -> float:
    if not (isfinite(seconds) and seconds > 0):
        raise InputError(f"{path}: tells no time of a batch of {size_text(events)} events")
    return seconds
