"""A sample cut in slices: what an operation takes while neighbours leave the core alone.

On a rented host another guest may use the second thread of a core. For fractions of a millisecond
at a time it then gives half of what it did, and the kernel counts neither stolen time nor a switch.
A sample as a whole holds some of that, more or less of it each time; its slices hold it or do not.
Where it lasts for seconds, `aethermodel.measure.cores` shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from statistics import median
from typing import NamedTuple

#: A slice that takes so many times what the calm quarter does was disturbed.
CALM = 1.2


class Lap(NamedTuple):
    """A stretch of a stream: how many operations, and the seconds that they took."""

    loops: int
    seconds: float


@dataclass(frozen=True)
class Lapped:
    """A timed function whose operations follow each other without a break.

    Starting anew for every slice would time the start; it hands out what each stretch took.

    Attributes
    ----------
    laps : callable
        ``loops -> laps``, whose loops add up to as many, or nearly.
    """

    laps: Callable[[int], list[Lap]]

    def __call__(self, loops: int) -> float:
        """Return the seconds of all of them."""
        taken = self.laps(loops)
        return sum(lap.seconds for lap in taken) * loops / sum(lap.loops for lap in taken)


def sliced(timed: Callable[[int], float] | Lapped, loops: int, slices: int) -> list[float]:
    """Run an operation in slices, and return the seconds an operation of each.

    Parameters
    ----------
    timed : callable
        ``loops -> seconds``, or one that has laps.
    loops : int
        In all; at least one a slice is run.
    slices : int
        How many, as far as there are laps to form them.
    """
    if not isinstance(timed, Lapped):
        each = max(1, loops // slices)
        return [timed(each) / each for _ in range(slices)]
    laps = timed.laps(max(loops, slices))
    ends = list(accumulate(lap.loops for lap in laps))
    found: list[list[Lap]] = [[] for _ in range(slices)]
    for lap, end in zip(laps, ends, strict=True):
        found[(end - 1) * slices // ends[-1]].append(lap)
    return [sum(lap.seconds for lap in own) / sum(lap.loops for lap in own) for own in found if own]


def undisturbed(seconds: Sequence[float]) -> tuple[float, float]:
    """Return the median of the slices that nobody disturbed, and the share of the others.

    Parameters
    ----------
    seconds : sequence of float
        An operation, one a slice; at least one.

    Returns
    -------
    seconds, contended : float

    Notes
    -----
    Calm is what takes no more than `CALM` times the lower quartile. It leaves the median alone
    where nothing disturbs, and finds the calm time where up to three slices in four were disturbed.
    """
    ordered = sorted(seconds)
    limit = CALM * ordered[(len(ordered) - 1) // 4]
    calm = [each for each in ordered if each <= limit]
    return median(calm), 1 - len(calm) / len(ordered)
