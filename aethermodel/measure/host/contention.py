"""Core contention: whether the core is shared, or was migrated, at the moment.

Nothing of this is what the kernel counts. On a rented host another guest may use the second thread
of a core: what runs there then gets half of what it did. And a hypervisor moves cores: two of them
may come to be the threads of one, each in the other's way, or to lie where they no longer share a
cache: a line then takes four times as long from one to the other, and a ring between them carries
a third. Any of it lasts from a fraction of a second to minutes, so that it is looked at before and
after each sample.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from math import isnan, nan
from statistics import median
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple

from aethermodel import thresholds
from aethermodel.measure.host.affinity import usable_cores

if TYPE_CHECKING:
    from cython_core.probes.core_to_core import Bounce

# Turns of the loop at a glance and at a longer look: 5 and 20 µs of a core at 4 GHz.
_GLANCE, _LOOK = 10_000, 40_000
# Several short games, of which two are not disturbed.
_GAMES, _TRIPS = 5, 60
# Longer than a look at one core takes.
_BUSY_NS = 200_000
# Longer than any sample takes.
_LONGEST_NS = 600_000_000_000


class CoreCheck(NamedTuple):
    """One look at the cores, or the best or worst of several.

    Attributes
    ----------
    core_seconds : float
        A thousand turns of an empty loop, by the slower one where two cores were looked at, each
        while the other was busy; nan where it was not looked at.
    trip_seconds : float
        A cache line from one core to the other and back; nan where it was not looked at.
    """

    core_seconds: float = nan
    trip_seconds: float = nan

    @classmethod
    def now(cls, *, both: bool = False, crossing: bool = False) -> CoreCheck:
        """Look; about 0.1 ms, with everything 2 ms.

        Parameters
        ----------
        both : bool
            At both cores that this process may use, where what is to be timed needs two; so many
            cores that one is left over are not asked.
        crossing : bool
            Also at the way between two cores, where there are just two.
        """
        cores = usable_cores()
        pair = cores if len(cores) == 2 else []
        return cls(
            _core_seconds(pair if both else []), trip_between(*pair) if crossing and pair else nan
        )

    @classmethod
    def of(cls, row: Mapping[str, float]) -> CoreCheck:
        """Return the look that a row of samples or runs holds."""
        return cls(row["core_seconds"], row["trip_seconds"])

    def worst(self, other: CoreCheck) -> CoreCheck:
        """Return the larger of each figure; one that is there, where the other is not."""
        return CoreCheck(*(_known(max, *figures) for figures in zip(self, other, strict=True)))

    def best(self, other: CoreCheck) -> CoreCheck:
        """Return the smaller of each figure; one that is there, where the other is not."""
        return CoreCheck(*(_known(min, *figures) for figures in zip(self, other, strict=True)))

    def shared(self, best: CoreCheck) -> bool:
        """Whether a core was slower than one process has it; not where it is not known."""
        return bool(core_excess(self.core_seconds, best.core_seconds) > 1)

    def apart(self, best: CoreCheck) -> bool:
        """Whether the way between the cores was longer than at best; not where it is not known."""
        return bool(trip_excess(self.trip_seconds, best.trip_seconds) > 1)

    def calm(self, best: CoreCheck) -> bool:
        """Whether the cores are nearly what they were at best, in all that is known of both."""
        return not (self.shared(best) or self.apart(best))


def core_excess(seconds: Any, best: Any) -> Any:
    """Return an idle loop's time over what marks a shared core: above one it is.

    Parameters
    ----------
    seconds, best : float or array_like
    """
    return seconds / (thresholds.SHARED_CORE * best)


def trip_excess(seconds: Any, best: Any) -> Any:
    """Return a cache line's time between cores over what marks cores moved apart: above one."""
    return seconds / (thresholds.CORES_APART * best)


@contextmanager
def busy_core() -> Iterator[None]:
    """Keep one more core busy meanwhile, as it is where the pipeline runs in two processes.

    Where there is only one, those take turns, and so nothing is done.

    A core whose neighbour idles may run faster than it will: two of a hypervisor's cores can be
    the threads of one, and real ones share a clock and a power limit.
    """
    cores, own = usable_cores(), os.sched_getaffinity(0)
    if len(cores) < 2:
        yield
        return
    # Each has a core of its own: left to the scheduler, the two share one now and then.
    game, mine = _bounce(), own if set(cores) - own else {cores[0]}

    def spin() -> None:
        os.sched_setaffinity(0, set(cores) - mine)  # of this thread alone
        game.play(False, 2, _LONGEST_NS)  # without the interpreter

    thread = Thread(target=spin)
    thread.start()
    try:
        os.sched_setaffinity(0, mine)
        yield
    finally:
        os.sched_setaffinity(0, own)
        game.play(True, 2, _LONGEST_NS)
        thread.join()


def glance() -> float:
    """Return the seconds of a thousand turns of an idle loop on this core.

    It takes some 5 µs, and 5 before: short enough to stand beside each millisecond of a sample.
    """
    from cython_core.probes.core_pace import pace_seconds  # samples are read without it

    # Not yet looked at: a core that has just used its widest vectors is slower for some
    # microseconds.
    pace_seconds(_GLANCE)
    return pace_seconds(_GLANCE)


def _bounce() -> Bounce:
    from cython_core.probes.core_to_core import Bounce

    return Bounce()


def _known(choose: Callable[..., float], *figures: float) -> float:
    return choose((each for each in figures if not isnan(each)), default=nan)


def _core_seconds(cores: list[int]) -> float:
    if not cores:
        return _turns()
    allowed = os.sched_getaffinity(0)
    times = []
    try:
        for own, other in (cores, reversed(cores)):
            os.sched_setaffinity(0, {own})
            with _busy(other):
                times.append(_turns())
    finally:
        os.sched_setaffinity(0, allowed)
    return max(times)


@contextmanager
def _busy(core: int) -> Iterator[None]:
    """Keep a core busy, with no need of the interpreter's lock."""
    begun = Event()

    def spin() -> None:
        os.sched_setaffinity(0, {core})  # of this thread alone
        begun.set()
        _bounce().play(False, 2, _BUSY_NS)  # waits for a line that nobody hands over

    thread = Thread(target=spin)
    thread.start()
    begun.wait()
    try:
        yield
    finally:
        thread.join()


def _turns() -> float:
    from cython_core.probes.core_pace import pace_seconds

    return median(pace_seconds(_LOOK) for _ in range(3))


def trip_between(one: int, other: int) -> float:
    """Return the seconds of a cache line from one core to another and back; nan if disturbed."""
    games = [_bounce() for _ in range(_GAMES)]

    def answer() -> None:
        os.sched_setaffinity(0, {other})  # of this thread alone
        for game in games:
            game.play(False, _TRIPS)

    allowed = os.sched_getaffinity(0)
    thread = Thread(target=answer)
    try:
        os.sched_setaffinity(0, {one})
        thread.start()
        taken = [game.play(True, _TRIPS) for game in games]
    finally:
        os.sched_setaffinity(0, allowed)
        thread.join()
    # The second best: in one look of a thousand the best is half of what it can be.
    undisturbed = sorted(each for each in taken if each >= 0)
    return (undisturbed[1] if len(undisturbed) > 1 else nan) / (_TRIPS - 1) / 1e9
