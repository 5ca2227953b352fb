"""Times of a Python function over sizes, in this process: samples for a law of one's own code."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Sequence
from time import monotonic, perf_counter
from typing import Any

import numpy as np

from aethermodel.inputs.refusals import InputError
from aethermodel.measure.sampling.garbage_collection import uncollected
from aethermodel.measure.sampling.worker import size_loop
from aethermodel.readers.measurements import Measurements, Series

#: Least seconds of a sample, so that reading the clock is less than a thousandth of it.
LEAST_SECONDS = 1e-3
#: Rounds over all sizes, in random order.
ROUNDS = 7
#: Longest time for all, in seconds; at least two rounds are made.
MOST_SECONDS = 60.0
# Of so many timings in a row the median is a sample: one interruption does not make it.
_TIMINGS = 3
_LEAST_ROUNDS = 2


def time_function(
    function: Callable[[Any], object],
    sizes: Sequence[int],
    *,
    setup: Callable[[int], Any] | None = None,
    rounds: int = ROUNDS,
    most_seconds: float = MOST_SECONDS,
    source: str = "",
    advance: Callable[[int, int], None] | None = None,
) -> Measurements:
    """Time a function at each size.

    Parameters
    ----------
    function : callable
        Called with a size, or with what `setup` made for it.
    sizes : sequence of int
        At least 1 each.
    setup : callable, optional
        Called once with each size, before the clock runs.
    rounds : int
        Samples of each size.
    most_seconds : float
        Rounds that would end later are left out, but for the first two.
    source : str
        What messages call the function.
    advance : callable, optional
        Told ``(done, total)`` samples.

    Raises
    ------
    InputError
        If a size is no whole number of at least 1, or there is none.
    """
    wanted = sorted({_whole(size) for size in sizes})
    if not wanted or rounds < 1:
        raise InputError("wanted is at least one size, and one round")
    begun = monotonic()
    timers = {n: _timer(function, setup(n) if setup else n) for n in wanted}
    loops = {n: size_loop(timers[n], LEAST_SECONDS)[0] for n in wanted}
    rows: list[tuple[int, float]] = []
    order = random.Random(0)
    for done in range(rounds):
        spent = monotonic() - begun
        if done >= _LEAST_ROUNDS and spent * (done + 1) / done > most_seconds:
            break
        order.shuffle(wanted)
        gc.collect()
        with uncollected():
            for at, n in enumerate(wanted):
                timings = [timers[n](loops[n]) / loops[n] for _ in range(_TIMINGS)]
                rows.append((n, float(np.median(timings))))
                if advance:
                    advance(done * len(wanted) + at + 1, rounds * len(wanted))
    rows.sort(key=lambda row: row[0])
    table = np.array(rows, dtype=np.float64)
    series = Series({}, table[:, 0], table[:, 1])
    return Measurements(source, "function", "N", "", "per operation", (series,))


def _whole(size: int) -> int:
    if size != int(size) or size < 1:
        raise InputError(f"a size is a whole number of at least 1, not {size!r}")
    return int(size)


def _timer(function: Callable[[Any], object], argument: Any) -> Callable[[int], float]:
    def timed(loops: int) -> float:
        begun = perf_counter()
        for _ in range(loops):
            function(argument)
        return perf_counter() - begun

    return timed
