"""Crossover of two laws: the sizes at which the faster one changes."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.advice.law_answers import Quantity
from aethermodel.advice.law_samples import drawn_seconds, sizes_of
from aethermodel.calibrate.predict.monte_carlo import answer
from aethermodel.inputs.refusals import InputError

if TYPE_CHECKING:
    from aethermodel.laws.law import Law

Floats = npt.NDArray[np.float64]
_DRAWS = 1000
# Two laws this near to each other, relative, are taken to be equal.
_EQUAL = 1e-9


@dataclass(frozen=True)
class Crossover:
    """A size from which on the other law is the faster one.

    Attributes
    ----------
    size : Quantity
        Infinite ends of the interval: not every draw of the two laws has this crossover.
    faster_above : str
        Name of the law that is faster at larger sizes, ``a`` or ``b``.
    certain : float
        Share of the draws that change in the same way near it.
    """

    size: Quantity
    faster_above: str
    certain: float


def crossover(
    a: Law, b: Law, *, level: float = thresholds.LEVEL, seed: int = 0
) -> tuple[Crossover, ...]:
    """Return where two laws cross, over the sizes that both were measured at or near.

    Parameters
    ----------
    a, b : Law
    level : float
        Confidence of the intervals, from joint draws of both.
    seed : int

    Returns
    -------
    tuple of Crossover
        In ascending order; empty where one is faster at all sizes.

    Raises
    ------
    InputError
        If the two have no size in common.
    """
    if (a.size_unit, a.size_name) != (b.size_unit, b.size_name) and a.size_unit != b.size_unit:
        raise InputError(f"one law is over {a.size_name}, the other over {b.size_name}")
    low = max(float(law.sizes[law.sizes > 0][0]) for law in (a, b))
    high = min(a.largest, b.largest)
    sizes = np.union1d(sizes_of(a, 1.0), sizes_of(b, 1.0))
    sizes = sizes[(sizes >= low) & (sizes <= high)]
    if sizes.size < 2:
        raise InputError("the two laws have no range of sizes in common")
    lead = np.log(a.predict(sizes).seconds) - np.log(b.predict(sizes).seconds)
    drawn = np.log(drawn_seconds(a, sizes, _DRAWS, seed))
    drawn -= np.log(drawn_seconds(b, sizes, _DRAWS, seed + 1))
    sign = np.sign(np.where(np.abs(lead) < _EQUAL, 0, lead))
    known = np.flatnonzero(sign)
    unit = a.size_unit or a.size_name
    found = []
    for left, right in pairwise(known):
        if sign[left] == sign[right]:
            continue
        value = _zero(sizes, lead, int(left), int(right))
        places = _nearest(sizes, drawn, value, float(sign[right]))
        share = float(np.isfinite(places).mean())
        limits = answer(value, np.where(np.isfinite(places), places, np.nan), level)
        low_end, high_end = limits.low, limits.high
        if share < level:
            low_end, high_end = float(sizes[0]), float("inf")
        size = Quantity(value, low_end, high_end, unit)
        found.append(Crossover(size, "a" if sign[right] < 0 else "b", share))
    return tuple(found)


def _zero(sizes: Floats, lead: Floats, left: int, right: int) -> float:
    share = lead[left] / (lead[left] - lead[right])
    return float(np.exp(np.log(sizes[left]) * (1 - share) + np.log(sizes[right]) * share))


def _nearest(sizes: Floats, drawn: Floats, value: float, after: float) -> Floats:
    """Of each draw, the change of the same direction that is nearest to a size; nan without one."""
    changes = (np.sign(drawn[:, :-1]) == -after) & (np.sign(drawn[:, 1:]) == after)
    logs = np.log(sizes)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = drawn[:, :-1] / (drawn[:, :-1] - drawn[:, 1:])
        places = np.where(changes, logs[:-1] * (1 - share) + logs[1:] * share, np.nan)
    off = np.where(changes, np.abs(places - np.log(value)), np.inf)
    best = np.argmin(off, axis=1)
    return np.asarray(np.exp(places[np.arange(len(places)), best]))
