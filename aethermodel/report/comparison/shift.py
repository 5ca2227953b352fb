"""Shift between two runs of the same points, pooled and point by point."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.gate.student import shift

Verdict = Literal["better", "worse", "same", "cannot tell"]
#: One value a repeat, by the repeat's number.
Repeats = Mapping[int, float]


@dataclass(frozen=True)
class Ratio:
    """B over A, with its interval.

    Attributes
    ----------
    value, low, high : float
        ``low`` and ``high`` are nan where there are too few repeats to tell.
    """

    value: float
    low: float
    high: float

    @property
    def direction(self) -> int:
        """1 where B is higher by more than the smallest shift, -1 where it is lower, else 0."""
        if self.low > 1 and self.value > 1 + thresholds.SMALLEST_SHIFT:
            return 1
        return -1 if self.high < 1 and self.value < 1 / (1 + thresholds.SMALLEST_SHIFT) else 0

    @property
    def unmoved(self) -> bool:
        """Whether all that the interval holds is within `thresholds.SAME_WITHIN` of one."""
        return (
            self.low > 1 / (1 + thresholds.SAME_WITHIN) and self.high < 1 + thresholds.SAME_WITHIN
        )


def pooled(a: Sequence[Repeats], b: Sequence[Repeats]) -> Ratio:
    """Return the geometric mean over points of B over A.

    A repeat runs every point once, in processes of its own and at a time of its own: what shifts a
    whole repeat is no change of the code. So repeats are compared, not points: each is the mean
    over its points of the logarithm, less what the point is on both sides together.

    Parameters
    ----------
    a, b : sequence of mapping
        The same points in the same order: positive values by repeat.
    """
    centres = [(_mean_log(x) + _mean_log(y)) / 2 for x, y in zip(a, b, strict=True)]
    return _ratio(_by_repeat(a, centres), _by_repeat(b, centres), 1 - thresholds.FALSE_ALARMS / 2)


def of_each(a: Sequence[Repeats], b: Sequence[Repeats]) -> list[Ratio]:
    """Return the ratio of each point; that none of those unmoved is outside has one chance."""
    level = 1 - thresholds.FALSE_ALARMS / 2 / max(len(a), 1)
    return [
        _ratio(np.log(list(x.values())), np.log(list(y.values())), level)
        for x, y in zip(a, b, strict=True)
    ]


def verdict(whole: Ratio, each: Sequence[Ratio], better: Literal[1, -1] | None) -> Verdict:
    """Judge a run against another.

    Parameters
    ----------
    whole : Ratio
        Of all points together.
    each : sequence of Ratio
    better : {1, -1, None}
        Whether a higher figure is better or a lower; None where that is not known.
    """
    moves = {whole.direction, *(ratio.direction for ratio in each)} - {0}
    if moves:
        if better is None:
            return "cannot tell"
        return "worse" if -better in moves else "better"
    return "same" if whole.unmoved else "cannot tell"


def _mean_log(values: Repeats) -> float:
    return float(np.mean(np.log(list(values.values()))))


def _by_repeat(points: Sequence[Repeats], centres: Sequence[float]) -> npt.NDArray[np.float64]:
    shifts: dict[int, list[float]] = {}
    for values, centre in zip(points, centres, strict=True):
        for repeat, value in values.items():
            shifts.setdefault(repeat, []).append(math.log(value) - centre)
    return np.array([np.mean(each) for each in shifts.values()])


def _ratio(a: npt.NDArray[np.float64], b: npt.NDArray[np.float64], level: float) -> Ratio:
    """Compare means of logarithms by Student's t, each side with a scatter of its own."""
    by = shift(a, b)
    reach = by.half_width((1 - level) / 2)
    with np.errstate(over="ignore"):  # of two repeats nothing may be known
        return Ratio(*(float(np.exp(by.value + away)) for away in (0, -reach, reach)))
