"""Inputs of what is timed: batches as a stage gets them, made outside the clock."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from itertools import cycle, islice
from typing import Any

#: Batches that are made ahead for a stage that changes what it is given.
_AHEAD = 64


class Inputs:
    """Batches as a stage gets them.

    A stage that leaves its batch as it is gets the same few in turn; of one that changes it (seen
    by a first call) each is new.

    Parameters
    ----------
    make : callable
        ``seed -> batch``.
    use : callable
        What is done with one, to see whether it changes it.
    pool : int
    """

    def __init__(self, make: Callable[[int], Any], use: Callable[[Any], object], pool: int) -> None:
        self._make = make
        self._next = pool
        first = make(0)
        before = _content(first)
        use(first)
        self.used_up = before is None or before != _content(first)
        self._pool: Iterator[Any] = iter(())
        if not self.used_up:
            self._pool = cycle([first, *(make(seed) for seed in range(1, pool))])

    def take(self, count: int) -> list[Any]:
        """Return so many batches."""
        if not self.used_up:
            return list(islice(self._pool, count))
        self._next += count
        return [self._make(seed) for seed in range(self._next - count, self._next)]

    def at_hand(self, count: int) -> bool:
        """Whether so many can be had at once: where each is new, few fit into memory."""
        return not self.used_up or count <= _AHEAD

    def chunks(self, loops: int) -> Iterator[list[Any]]:
        """Yield so many batches in parts that fit into memory."""
        most = _AHEAD if self.used_up else 4096
        while loops > 0:
            yield self.take(min(loops, most))
            loops -= most


def _content(batch: Any) -> bytes | None:
    try:
        return pickle.dumps(batch, protocol=5)
    except Exception:
        return None  # an open file, a generator: it is taken to be used up
