"""Slices of a sample: short parts, judged one by one for contention.

On a rented host another guest may use the second thread of a core. For fractions of a millisecond
at a time it then gives half of what it did, and the kernel counts neither stolen time nor a switch.
A sample as a whole holds some of that, more or less of it each time; its slices hold it or do not.
What tells them apart is an idle loop beside each slice, and never what the slice itself took: how
dear an operation looks must not decide whether it counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, isnan, nan
from statistics import median
from typing import NamedTuple

from aethermodel import thresholds
from aethermodel.measure.host.contention import core_excess, glance


class Slice(NamedTuple):
    """A stretch of a sample.

    Attributes
    ----------
    loops : int
        Operations.
    seconds : float
        That they took.
    core_seconds : float
        A thousand turns of an idle loop on the same core, before and after: the slower one.
    """

    loops: int
    seconds: float
    core_seconds: float


class Slices:
    """Cuts what is timed in slices, and looks at the core between them, outside the clock.

    Parameters
    ----------
    least : float
        Seconds of a slice.

    Attributes
    ----------
    taken : list of Slice
    """

    def __init__(self, least: float = thresholds.SLICE_SECONDS) -> None:
        self.taken: list[Slice] = []
        self._least = least
        self._loops, self._seconds = 0, 0.0
        self._core = glance()

    def add(self, loops: int, seconds: float) -> None:
        """Note that so many operations took so long; where a slice is full, look and begin anew."""
        self._loops += loops
        self._seconds += seconds
        if self._seconds >= self._least:
            self.cut()

    def cut(self) -> None:
        """Look, and begin the next slice."""
        core = glance()
        self.taken.append(Slice(self._loops, self._seconds, max(core, self._core)))
        self._loops, self._seconds, self._core = 0, 0.0, core

    def end(self) -> list[Slice]:
        """Return all; what is left belongs to the last one."""
        if self._loops:
            self.cut()
            rest = self.taken.pop()
            last = self.taken.pop() if self.taken else Slice(0, 0.0, 0.0)
            core = max(last.core_seconds, rest.core_seconds)
            both = Slice(last.loops + rest.loops, last.seconds + rest.seconds, core)
            self.taken.append(both)
        return self.taken


class Releases(Slices):
    """Slices of a stream, timed from release to release; called with the time of each."""

    def __init__(self) -> None:
        from cython_core import now_ns  # samples are read without it

        super().__init__()
        self._now_ns = now_ns
        self._since_ns = 0

    def __call__(self, at_ns: int) -> None:
        """Note a release; what this costs is not in the figure."""
        if self._since_ns:
            self.add(1, (at_ns - self._since_ns) / 1e9)
        self._since_ns = self._now_ns()


@dataclass(frozen=True)
class Stream:
    """A timed function whose operations follow each other without a break.

    Starting anew for every slice would time the start; it cuts its slices itself.

    Attributes
    ----------
    slices : callable
        ``loops -> slices``, whose loops add up to as many, or nearly.
    """

    slices: Callable[[int], list[Slice]]

    def __call__(self, loops: int) -> float:
        """Return the seconds of all of them."""
        taken = self.slices(loops)
        return sum(each.seconds for each in taken) * loops / sum(each.loops for each in taken)


def sliced(timed: Callable[[int], float] | Stream, loops: int, slices: int) -> list[Slice]:
    """Run an operation in slices.

    Parameters
    ----------
    timed : callable
        ``loops -> seconds``, or a stream (or whatever has its ``slices``), which makes as many
        slices as it lasts.
    loops : int
        In all; at least one a slice is run.
    slices : int
        How many.
    """
    if cut := getattr(timed, "slices", None):
        found_slices: list[Slice] = cut(max(loops, slices))
        return found_slices
    each = max(1, loops // slices)
    found = Slices(inf)
    for _ in range(slices):
        found.add(each, timed(each))
        found.cut()
    return found.taken


class Undisturbed(NamedTuple):
    """What the calm slices say.

    Attributes
    ----------
    seconds, core_seconds : float
        Median of an operation and of the idle loop beside it; of all slices, where too few are
        calm.
    contended : float
        Share of the slices left out; 1 where too few are calm.
    seconds_all : float
        Of an operation over all slices, disturbed ones included.
    kept : tuple of int
        Places of the slices that count.
    """

    seconds: float
    core_seconds: float
    contended: float
    seconds_all: float
    kept: tuple[int, ...] = ()


def undisturbed(slices: Sequence[Slice], best: float = nan) -> Undisturbed:
    """Return what an operation took while the core was this process's alone.

    Parameters
    ----------
    slices : sequence of Slice
        At least one.
    best : float
        Seconds of the idle loop at best, of earlier samples; nan where there are none.
    """
    least = min(each.core_seconds for each in slices)
    best = min(least, inf if isnan(best) else best)
    places = range(len(slices))
    calm = [place for place in places if core_excess(slices[place].core_seconds, best) <= 1]
    enough = len(calm) >= min(thresholds.CALM_SLICES, len(slices))
    places_kept = tuple(calm if enough else places)
    kept = [slices[place] for place in places_kept]
    return Undisturbed(
        median(each.seconds / each.loops for each in kept),
        median(each.core_seconds for each in kept),
        1 - len(calm) / len(slices) if enough else 1.0,
        sum(each.seconds for each in slices) / sum(each.loops for each in slices),
        places_kept,
    )
