"""Which batch size serves a backlog fastest: by the law at first, then by what was really seen."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

# Sizes that by the law carry less than this share of the best are no candidates: however wrong
# the law, no more is lost by trying one.
_CANDIDATE = 0.8
# The size in use is kept while it is this near to the best: hysteresis.
_NEAR = 0.95
# Weight of one service time in the correction of its own size, and the share by which the others'
# corrections follow it: what slows one down mostly slows all, and what was seen once grows old.
_WEIGHT, _FOLLOW = 1 / 3, 1 / 256
# One service time counts as at most this much longer or shorter than expected: pauses are rare.
_CLIP = 2.0


class Fastest:
    """The size that carries most events a second, live.

    Beyond the caches a larger batch may be slower than a smaller one, which a law fitted over all
    sizes need not show. So each candidate's time by the law has a factor of its own, corrected by
    the service times that `served` tells. It tries what looks best, keeps what is, and tries again
    what it has not seen for long; every candidate is near the best by the law, so that trying is
    cheap.

    Parameters
    ----------
    sizes : sequence of int
        Ascending.
    seconds : sequence of float
        What a batch of each takes, by the law.

    Attributes
    ----------
    size : int
        To serve a backlog in; without service times, the smallest near the law's best.
    """

    def __init__(self, sizes: Sequence[int], seconds: Sequence[float]) -> None:
        rates = [size / time for size, time in zip(sizes, seconds, strict=True)]
        first = next(i for i, rate in enumerate(rates) if rate >= _CANDIDATE * max(rates))
        self._sizes, self._rates = list(sizes[first:]), rates[first:]
        self._slower = [1.0] * len(self._sizes)
        self._choose()

    def served(self, events: int, seconds: float) -> None:
        """Correct the law by the time that a batch really took; small batches tell nothing."""
        rung = bisect_right(self._sizes, events) - 1
        if rung < 0 or seconds <= 0:
            return
        before = self._slower[rung]
        # The rate at a rung stands for all sizes up to the next one.
        seen = seconds * self._rates[rung] / events
        seen = min(max(seen, before / _CLIP), before * _CLIP)
        now = before + _WEIGHT * (seen - before)
        self._slower = [other + _FOLLOW * (now - other) for other in self._slower]
        self._slower[rung] = now
        carried = self._carried()
        if carried[self._rung] < _NEAR * max(carried):
            self._choose()

    def _carried(self) -> list[float]:
        return [rate / slower for rate, slower in zip(self._rates, self._slower, strict=True)]

    def _choose(self) -> None:
        carried = self._carried()
        enough = _NEAR * max(carried)
        self._rung = next(i for i, rate in enumerate(carried) if rate >= enough)
        self.size = self._sizes[self._rung]
