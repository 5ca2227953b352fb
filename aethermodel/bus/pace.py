"""How long batches take: by a law at first, then by what was really seen."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import pairwise

# Sizes that by the law carry less than this share of the best are no candidates for a backlog:
# however wrong the law, no more is lost by trying one.
_CANDIDATE = 0.8
# The size in use is kept while it is this near to the best: hysteresis.
_NEAR = 0.95
# Weight of one service time in its own size's correction, and the share of the change that is
# taken for the host's, which slows all sizes, rather than that size's own.
_WEIGHT, _COMMON = 1 / 3, 1 / 4
# Weight with which candidates not in use forget, one a batch in turn, what set them apart.
_FORGET = 1 / 64
# One service time counts as at most this much longer or shorter than expected: a pause, however
# long, is then no more than a step, which the next batches take back.
_CLIP = 1.25


class Pace:
    """How much slower than by the law each size is served, live, and which carries most.

    Beyond the caches a larger batch may be slower than a smaller one, which a law fitted over all
    sizes need not show; and the host is not always as fast as when the law was taken. So each
    size has a factor of its own and all have one together, corrected by the service times that
    `served` tells. The size for a backlog is the smallest that carries nearly the most; one that
    was not tried for long is tried again, and as each candidate is near the best by the law,
    trying is cheap.

    Parameters
    ----------
    sizes : sequence of int
        Ascending.
    seconds : sequence of float
        What a batch of each takes, by the law.

    Attributes
    ----------
    fastest : int
        Place of the size to serve a backlog in; without service times, the smallest near the
        law's best.
    """

    def __init__(self, sizes: Sequence[int], seconds: Sequence[float]) -> None:
        self._sizes, self._seconds = list(sizes), list(seconds)
        # What one event more costs, by the law, up to the next size; the last has no next.
        laws = pairwise(zip(sizes, seconds, strict=True))
        self._slopes = [(later - t) / (more - n) for (n, t), (more, later) in laws] + [0.0]
        self._rates = [size / time for size, time in zip(sizes, seconds, strict=True)]
        best = max(self._rates)
        # The candidates for a backlog, and which of them had its turn.
        self._first = next(i for i, rate in enumerate(self._rates) if rate >= _CANDIDATE * best)
        self._last = self._turn = len(self._sizes) - 1
        self._common = 1.0
        self._own = [1.0] * len(self._sizes)
        self._choose()

    def slower(self, rung: int) -> float:
        """Return how many times as long as by the law a batch of this place's size takes."""
        return self._common * self._own[rung]

    def carried(self, rung: int) -> float:
        """Return how many events a second batches of this place's size carry."""
        return self._rates[rung] / (self._common * self._own[rung])

    def served(self, events: int, seconds: float) -> None:
        """Correct the law by the time that a batch really took.

        Parameters
        ----------
        events : int
            At least 1.
        seconds : float
            Of no use, and passed over, unless above 0.
        """
        if seconds <= 0:
            return
        own = self._own
        rung = bisect_right(self._sizes, events) - 1
        law = self._seconds[rung] + (events - self._sizes[rung]) * self._slopes[rung]
        before = self._common * own[rung]
        seen = min(max(seconds / law, before / _CLIP), before * _CLIP)
        now = before + _WEIGHT * (seen - before)
        self._common *= (now / before) ** _COMMON
        own[rung] = now / self._common
        if rung >= self._first:
            # One a batch, and not all: this is paid at every batch.
            other = self._turn = self._turn + 1 if self._turn < self._last else self._first
            own[other] += _FORGET * (own[rung] - own[other])
            now, carried = self.carried(self.fastest), self.carried(other)
            # Too far behind the other; or that is smaller and carries no less, and fills sooner.
            if now < _NEAR * carried or (other < self.fastest and carried > now):
                self._choose()

    def _choose(self) -> None:
        candidates = range(self._first, self._last + 1)
        enough = _NEAR * max(self.carried(rung) for rung in candidates)
        self.fastest = next(rung for rung in candidates if self.carried(rung) >= enough)
