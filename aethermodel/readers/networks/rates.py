"""Rates: bandwidths and message rates as the time of one message, rounding included."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from aethermodel.readers.numbers import AmbiguousError, read_numbers


@dataclass(frozen=True)
class Rate:
    """Unit of a rate.

    Attributes
    ----------
    unit : float
        Messages, or bytes, a second.
    per_byte : bool
        Whether it counts bytes.
    """

    unit: float
    per_byte: bool


def finest(
    size: str, rates: Iterable[tuple[str | None, Rate]]
) -> tuple[float | None, float | None]:
    """Return the seconds of a message and its rounding step, by the rate with the most digits.

    Parameters
    ----------
    size : str
        Bytes of a message, as printed.
    rates : iterable of (str or None, Rate)
        As printed; None where a column is missing.
    """
    best: tuple[float, float] | None = None
    (length,) = _values(size)[0]
    for written, rate in rates:
        if written is None:
            continue
        (value,), (step,) = _values(written)
        work = length if rate.per_byte else 1.0
        if not (value > 0 and work > 0 and math.isfinite(value)):
            continue
        seconds = work / (value * rate.unit)
        share = step / value if step > 0 else 0.0
        if math.isfinite(seconds) and (best is None or share * seconds < best[1]):
            best = seconds, share * seconds
    return best or (None, None)


def _values(cell: str) -> tuple[tuple[float], tuple[float]]:
    try:
        numbers = read_numbers([cell])
    except AmbiguousError:
        return (math.nan,), (math.nan,)
    step = numbers.steps[0] if numbers.steps is not None else math.nan
    return (float(numbers.values[0]),), (float(step),)
