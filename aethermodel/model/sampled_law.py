"""Sampled law: times at many sizes, for a law of any form; its optimal sizes by search.

Between two sizes the law is a power of N, so that a rate or a time is met in closed form there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class SampledLaw:
    """Times at sizes, for one curve or for many drawn ones at once.

    Attributes
    ----------
    sizes : ndarray, shape (points,)
        Ascending, above zero.
    table : ndarray, shape (draws, points)
        Seconds, above zero.
    """

    sizes: Floats
    table: Floats

    def __post_init__(self) -> None:
        if self.sizes.ndim != 1 or self.sizes.size < 2 or not np.all(np.diff(self.sizes) > 0):
            raise ValueError("a sampled law needs at least two sizes in ascending order")
        if self.sizes[0] <= 0 or self.table.shape[1:] != self.sizes.shape:
            raise ValueError("sizes are above zero, and each draw has a time at every one of them")

    @classmethod
    def of(cls, seconds: Callable[[Floats], npt.ArrayLike], sizes: npt.ArrayLike) -> SampledLaw:
        """Sample a callable that gives seconds at an array of sizes."""
        at = np.asarray(sizes, dtype=np.float64)
        return cls(at, np.atleast_2d(np.asarray(seconds(at), dtype=np.float64)))

    @cached_property
    def rates(self) -> Floats:
        """Events a second at each size, shape (draws, points)."""
        return np.asarray(self.sizes / self.table)

    def seconds(self, n: npt.ArrayLike) -> Floats:
        """Seconds at a size, or at one a draw; nan outside the sampled sizes."""
        draws, points = self.table.shape
        at = np.broadcast_to(np.asarray(n, dtype=np.float64), (draws,))
        inside = (at >= self.sizes[0] * (1 - 1e-12)) & (at <= self.sizes[-1] * (1 + 1e-12))
        x = np.log(self.sizes)
        place = np.log(np.where(inside, at, self.sizes[0]))
        left = np.clip(np.searchsorted(x, place, side="right") - 1, 0, points - 2)
        share = (place - x[left]) / (x[left + 1] - x[left])
        row = np.arange(draws)
        from_, to = np.log(self.table[row, left]), np.log(self.table[row, left + 1])
        value = np.exp(from_ + share * (to - from_))
        return np.asarray(np.where(inside, value, np.nan))

    def rate(self, n: npt.ArrayLike) -> Floats:
        """Events a second at a size, or at one a draw."""
        return np.asarray(np.asarray(n, dtype=np.float64) / self.seconds(n))

    def up_to(self, most: float) -> SampledLaw:
        """Return the law up to a size, which is its last one."""
        if most >= self.sizes[-1]:
            return self
        most = max(most, float(self.sizes[0]) * (1 + 1e-9))
        kept = self.sizes < most
        last = self.seconds(most)[:, None]
        return SampledLaw(np.append(self.sizes[kept], most), np.hstack([self.table[:, kept], last]))

    def best_rate(self, most: float) -> tuple[Floats, Floats]:
        """Highest rate at a size up to `most`, and the smallest size that has it."""
        law = self.up_to(most)
        best = law.rates.max(axis=1, keepdims=True)
        first = np.argmax(law.rates >= best * (1 - 1e-12), axis=1)
        return best[:, 0], law.sizes[first]

    def first_size_at(self, rate: npt.ArrayLike) -> Floats:
        """Smallest size that reaches a rate; infinite where none does."""
        wanted = np.broadcast_to(np.asarray(rate, dtype=np.float64), self.table.shape[:1])
        reached = self.rates >= wanted[:, None]
        first = np.argmax(reached, axis=1)
        between = self._meet(self.rates, wanted, first - 1)
        found = np.where(first == 0, self.sizes[0], between)
        return np.asarray(np.where(reached.any(axis=1), found, np.inf))

    def last_size_at(self, rate: npt.ArrayLike, most: float) -> Floats:
        """Largest size up to `most` that reaches a rate; nan where none does."""
        law = self.up_to(most)
        wanted = np.broadcast_to(np.asarray(rate, dtype=np.float64), law.table.shape[:1])
        return law._last(law.rates >= wanted[:, None] * (1 - 1e-12), law.rates, wanted)

    def last_size_within(self, seconds: npt.ArrayLike) -> Floats:
        """Largest size whose time stays within a limit; nan where none does, infinite at the end.

        The end of the sampled sizes is no answer: what comes behind it may be within the limit too.
        """
        limit = np.broadcast_to(np.asarray(seconds, dtype=np.float64), self.table.shape[:1])
        inside = self.table <= limit[:, None] * (1 + 1e-12)
        found = self._last(inside, self.table, limit)
        return np.asarray(np.where(inside[:, -1], np.inf, found))

    def _last(self, fits: npt.NDArray[np.bool_], figures: Floats, wanted: Floats) -> Floats:
        points = self.sizes.size
        last = points - 1 - np.argmax(fits[:, ::-1], axis=1)
        between = self._meet(figures, wanted, last)
        found = np.where(last == points - 1, self.sizes[-1], between)
        return np.asarray(np.where(fits.any(axis=1), found, np.nan))

    def _meet(self, figures: Floats, wanted: Floats, left: npt.NDArray[np.intp]) -> Floats:
        """Size right of point `left` at which a figure, a power of N there, is the one wanted."""
        points = self.sizes.size
        left = np.clip(left, 0, points - 2)
        row = np.arange(figures.shape[0])
        x = np.log(self.sizes)
        # Logarithms of two figures a draw, not of the whole table.
        from_, to = np.log(figures[row, left]), np.log(figures[row, left + 1])
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(to == from_, 1.0, (np.log(wanted) - from_) / (to - from_))
        share = np.clip(share, 0, 1)
        return np.asarray(np.exp(x[left] + share * (x[left + 1] - x[left])))
