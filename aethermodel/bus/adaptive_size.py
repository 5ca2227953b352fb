"""Adaptive batch size: the least that carries the observed rate within a latency target.

A consumer that takes T(n) seconds for n events carries n / T(n) a second, more the larger the
batch; an event waits longer the larger the batch. So the smallest size that carries the load is
the one to form, and none is formed that the target has no time for. In the words of queueing theory
this is the general bulk service rule (Neuts 1967, doi 10.1214/aoms/1177698869), a batch of at least
a and at most b, its a chosen live.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from math import exp, inf, isfinite
from typing import Protocol

from cython_core.service_time import Pace

# Between two rungs the size grows by about this much, so that the rate does by no more.
_STEP = 2**0.5
# A size that by the law carries less than this share of what a smaller one does is no rung. One
# that carries about as much is: no law is true to a tenth, and which is faster shows live.
_AS_MUCH = 0.9
#: Targets over which the rate is smoothed, unless told otherwise.
SMOOTHING_TARGETS = 20


class Rule(Protocol):
    """Decides when a batch is formed, and of how many events.

    Attributes
    ----------
    most : int
        Largest batch that it forms.
    hold_seconds : float
        Longest time that it lets an event wait for others; may be infinite.
    """

    most: int
    hold_seconds: float

    def arrived(self, events: int, now: float) -> None:
        """Take notice of events that arrived by `now`, in seconds on any clock that only rises."""

    def take(self, waiting: int, waited: float) -> int:
        """Return how many of the events that wait to send now; 0: hold on.

        Parameters
        ----------
        waiting : int
        waited : float
            Seconds that the oldest of them has waited.
        """

    def served(self, events: int, seconds: float) -> None:
        """Take notice of how long the consumer took for a batch, where the sender can know."""


class FixedSize:
    """Always the same batch size, however long it takes to fill.

    Parameters
    ----------
    size : int
        At least 1.
    hold_seconds : float
        Longest time that an event waits for others.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    def __init__(self, size: int, hold_seconds: float = inf) -> None:
        if size < 1:
            raise ValueError(f"a batch holds at least 1 event, not {size}")
        if not hold_seconds >= 0:
            raise ValueError(f"a time to hold must not be negative, not {hold_seconds!r}")
        self.most = size
        self.hold_seconds = hold_seconds

    def arrived(self, events: int, now: float) -> None:
        """Take no notice."""

    def take(self, waiting: int, waited: float) -> int:
        """Return the size once so many wait, or fewer once they have waited long enough."""
        if waiting >= self.most or (waiting and waited >= self.hold_seconds):
            return min(waiting, self.most)
        return 0

    def served(self, events: int, seconds: float) -> None:
        """Take no notice."""


@dataclass(frozen=True)
class Ladder:
    """The sizes to choose from, and the rates at which to leave each.

    Attributes
    ----------
    sizes : tuple of int
        Ascending, from 1.
    seconds : tuple of float
        What a batch of each takes.
    up : tuple of float
        Events a second above which the next size is chosen, never falling; above the last one's
        none carries the load with time to spare.
    down : tuple of float
        Events a second below which the size before is chosen; the first one's is 0.
    hold_seconds : tuple of float
        The longest wait for a batch of each to fill.
    target_seconds : float
        The latency wanted.
    hysteresis : float
        Share by which the rate must fall below a climb's before it is taken back.
    """

    sizes: tuple[int, ...]
    seconds: tuple[float, ...]
    up: tuple[float, ...]
    down: tuple[float, ...]
    hold_seconds: tuple[float, ...]
    target_seconds: float
    hysteresis: float

    @classmethod
    def of(
        cls,
        seconds: Callable[[int], float],
        target_seconds: float,
        most: int,
        *,
        utilisation: float = 0.7,
        hysteresis: float = 0.25,
        margin: float = 0.6,
        ahead: int = 1,
    ) -> Ladder:
        """Plan with a law of a batch's time.

        Parameters
        ----------
        seconds : callable
            Seconds that the consumer takes for a batch, given its size: a calibration's
            prediction, or any law of one's own.
        target_seconds : float
            Longest time wanted from an event's arrival to its last handler's return.
        most : int
            Largest batch that there is room for.
        utilisation : float
            Share of its time that the consumer may be busy before a larger size is chosen.
        hysteresis : float
            Share by which the rate must fall below that point before the size falls again.
        margin : float
            Share of the target to plan with; the rest is for bursts and the host's pauses.
        ahead : int
            Batches that may be in front of one just formed.

        Raises
        ------
        ValueError
            If an argument is out of range, a time is not finite and above zero, or not even a
            batch of one event keeps within the target.

        Notes
        -----
        An event waits at most for its batch to fill, for the batches ahead and for its own: at
        the lowest rate r at which size n is kept, ``n / r + (ahead + 1) T(n)``. The largest size
        is the last for which that is within the planned time; a size that carries less than nine
        tenths of a smaller one (beyond a knee) is left out. Where it carries hardly less, the law
        chooses it for no rate, and service times may: `cython_core.service_time.Pace`.
        """
        _check(target_seconds, most, utilisation, hysteresis, margin, ahead)
        planned = margin * target_seconds
        sizes, times, up, down = list[int](), list[float](), list[float](), list[float]()
        for size in _steps(most):
            time = float(seconds(size))
            if not (isfinite(time) and time > 0):
                raise ValueError(f"a batch of {size} must take a finite time above 0, not {time!r}")
            carried = utilisation * size / time
            if up and carried < _AS_MUCH * up[-1]:
                continue
            lowest = (1 - hysteresis) * up[-1] if up else inf
            if size / lowest + (ahead + 1) * time > planned:
                break
            sizes.append(size)
            times.append(time)
            up.append(max([carried, *up[-1:]]))
            down.append(lowest if len(sizes) > 1 else 0.0)
        if not sizes:
            raise ValueError(
                f"a single event takes {seconds(1):.3g} s, which leaves a target of "
                f"{target_seconds:g} s no room"
            )
        hold = tuple(planned - (ahead + 1) * time for time in times)
        return cls(
            tuple(sizes), tuple(times), tuple(up), tuple(down), hold, target_seconds, hysteresis
        )

    def recommended(self, rate: float) -> int:
        """Return the size for a steady rate, in events a second: the smallest that carries it."""
        return self.sizes[min(bisect_left(self.up, rate), len(self.sizes) - 1)]


class AdaptiveSize:
    """A batch size that follows the load, up and down a ladder.

    A batch is formed as soon as the chosen size waits, or what waits has done so for long enough;
    where more than the chosen size waits, more goes, up to the largest size that carries no
    less, so that what a burst or a pause left behind is caught up with at once. Under a load
    that even the fastest size does not carry with time to spare, nothing is waited for: then a
    consumer that has nothing to do is the scarcer good, and the sizes that form by themselves
    are large enough.

    Told of service times, it corrects by them how long a batch takes
    (`cython_core.service_time.Pace`), and with that the rates at which it climbs and descends, and
    the size for a backlog.

    Parameters
    ----------
    ladder : Ladder
    smoothing_seconds : float, optional
        Time over which the rate is averaged, exponentially; 20 targets unless given.

    Attributes
    ----------
    rate : float
        Events a second, smoothed.
    size : int
        Chosen now for the rate.
    changes : int
        How often another size was chosen.

    Raises
    ------
    ValueError
        If the smoothing time is not above zero.
    """

    def __init__(self, ladder: Ladder, smoothing_seconds: float | None = None) -> None:
        if smoothing_seconds is None:
            smoothing_seconds = SMOOTHING_TARGETS * ladder.target_seconds
        if not 0 < smoothing_seconds < inf:
            raise ValueError(f"a smoothing time is above 0 seconds, not {smoothing_seconds!r}")
        self.ladder = ladder
        self.most = ladder.sizes[-1]
        self.hold_seconds = ladder.hold_seconds[0]
        self.rate = 0.0
        self.size = ladder.sizes[0]
        self.changes = 0
        self._pace = Pace(ladder.sizes, ladder.seconds)
        self._smoothing = smoothing_seconds
        self._rung = 0
        self._last = -inf
        self._keep()

    def arrived(self, events: int, now: float) -> None:
        """Follow the rate, and climb or descend where it left the present size's band.

        Raises
        ------
        ValueError
            If `events` is negative or the clock ran backwards.
        """
        if events < 0 or now < self._last:
            raise ValueError(f"{events} events at {now!r} s after {self._last!r} s cannot be")
        # Each event counts for 1 / smoothing when it comes, and less and less from then on.
        self.rate = self.rate * exp((self._last - now) / self._smoothing) + events / self._smoothing
        self._last = now
        if not self._lower <= self.rate <= self._upper:
            self._move()

    def take(self, waiting: int, waited: float) -> int:
        """Return what waits, at most the backlog's size, once enough does or for long enough."""
        if waiting < self._enough and not (waiting and waited >= self.hold_seconds):
            return 0
        if waiting <= self._fastest:
            return waiting
        # A rung of the ladder, so that what it takes is that rung's own.
        return self.ladder.sizes[bisect_right(self.ladder.sizes, waiting, hi=self._above) - 1]

    def served(self, events: int, seconds: float) -> None:
        """Correct how long a batch takes."""
        if self._pace.served(events, seconds):
            self._keep()

    @property
    def backlog_size(self) -> int:
        """Largest batch formed now."""
        return self.ladder.sizes[self._pace.widest]

    @property
    def pressed(self) -> bool:
        """Whether the load is more than the fastest size carries with time to spare."""
        return self._rung > self._pace.fastest

    def _up(self, rung: int) -> float:
        """Rate above which to leave a rung upwards: the ladder's, on a host as fast as now."""
        return self.ladder.up[rung] / self._pace.slower(rung)

    def _down(self, rung: int) -> float:
        """Rate below which to leave it downwards: by the same correction as the climb to it."""
        return (1 - self.ladder.hysteresis) * self._up(rung - 1)

    def _keep(self) -> None:
        rung = self._rung
        self._lower = self._down(rung) if rung else 0.0
        self._upper = self._up(rung) if rung < len(self.ladder.sizes) else inf
        self._fastest = self.ladder.sizes[self._pace.fastest]
        self._above = self._pace.widest + 1
        self._enough = 1 if self.pressed else min(self.size, self._fastest)

    def _move(self) -> None:
        # One rung more than there are sizes: it stands for loads that none carries at leisure.
        rung, sizes = self._rung, self.ladder.sizes
        while rung < len(sizes) and self.rate > self._up(rung):
            rung += 1
        while rung > 0 and self.rate < self._down(rung):
            rung -= 1
        self._rung = rung
        last = min(rung, len(sizes) - 1)
        before, self.size = self.size, sizes[last]
        self.hold_seconds = self.ladder.hold_seconds[last]
        self.changes += self.size != before
        self._keep()


def _steps(most: int) -> list[int]:
    """Sizes from 1 to `most`, each about `_STEP` times the one before."""
    found, size = [1], 1.0
    while found[-1] < most:
        size *= _STEP
        if round(size) > found[-1]:
            found.append(min(round(size), most))
    return found


def _check(
    target: float, most: int, utilisation: float, hysteresis: float, margin: float, ahead: int
) -> None:
    if not 0 < target < inf:
        raise ValueError(f"a latency target is above 0 seconds, not {target!r}")
    if most < 1 or ahead < 0:
        raise ValueError(f"a batch of {most} events, {ahead} batches ahead: too few")
    if not 0 <= hysteresis < 1:
        raise ValueError(f"hysteresis is at least 0 and below 1, not {hysteresis!r}")
    for name, share in (("utilisation", utilisation), ("margin", margin)):
        if not 0 < share <= 1:
            raise ValueError(f"{name} is above 0 and at most 1, not {share!r}")
