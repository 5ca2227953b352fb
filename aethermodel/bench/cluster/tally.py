"""Tally of simulated latencies: counts by part of the time and size, however many there are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

# Width of a bin, as a power of e, and the bins beyond the shortest latency: up to e^21 times it.
_WIDTH, _BINS = 0.002, 10_500
# Deviations of a normal law within which 99 % lie.
_DEVIATIONS = 2.576
# Parts from which on their spread tells an interval.
_INTERVAL_PARTS = 8
# Parts of each run whose batches are counted where there are not enough of the others.
_RUN_PARTS = 12
# Parts that are told apart; of more, two are put together.
_MOST_PARTS = 256


@dataclass(frozen=True)
class Interval:
    """A figure with a 99 % interval.

    Attributes
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half its width, as a share."""
        return (self.high - self.low) / 2 / self.value if self.value else float("inf")

    def error(self, predicted: float) -> Interval:
        """Error of a prediction, as a share, with the interval of what was seen."""
        return Interval(
            predicted / self.value - 1,
            predicted / self.high - 1,
            predicted / max(self.low, 1e-300) - 1,
        )

    def wider(self, share: float) -> Interval:
        """The same figure with an interval wider by a share of it on both sides."""
        margin = share * self.value
        return Interval(self.value, self.low - margin, self.high + margin)


class Tally:
    """Latencies of several runs, counted by parts of about equal time.

    Parameters
    ----------
    part_seconds : float
        Of a part, about: two memories of the busiest queue, so that parts hardly share waits.
    """

    def __init__(self, part_seconds: float) -> None:
        self._part_seconds = part_seconds
        self._shortest = 0.0
        self._counts: list[Integers] = []
        self._seconds: list[float] = []
        self._run_counts: list[int] = []
        self._run_seconds: list[float] = []

    def add(self, latencies: Floats, ends: Floats, begin: float, end: float) -> None:
        """Count a run.

        Parameters
        ----------
        latencies, ends : ndarray
            Of the batches handled from `begin` to `end`, in seconds.
        begin, end : float
        """
        if not self._shortest and latencies.size:
            self._shortest = float(latencies.min()) / 2
        parts = max(round((end - begin) / self._part_seconds), 1)
        width = (end - begin) / parts
        part = np.clip((ends - begin) / width, 0, parts - 1).astype(np.int64)
        shortest = self._shortest or 1.0
        size = np.log(np.maximum(latencies, shortest) / shortest) / _WIDTH
        cell = part * _BINS + np.minimum(size, _BINS - 1).astype(np.int64)
        counts = np.bincount(cell, minlength=parts * _BINS).reshape(parts, _BINS)
        self._counts += list(counts.astype(np.int64))
        self._seconds += [width] * parts
        in_parts, _ = np.histogram(ends, _RUN_PARTS, (begin, end))
        self._run_counts += in_parts.tolist()
        self._run_seconds += [(end - begin) / _RUN_PARTS] * _RUN_PARTS
        if len(self._counts) > _MOST_PARTS:
            self._part_seconds *= 2
            pairs = np.arange(0, len(self._counts), 2)
            self._counts = list(np.add.reduceat(np.array(self._counts), pairs))
            self._seconds = np.add.reduceat(self._seconds, pairs).tolist()

    @property
    def batches(self) -> int:
        """Batches counted."""
        return int(sum(row.sum() for row in self._counts))

    def rate(self) -> Interval:
        """Batches a second.

        Notes
        -----
        Where parts that hardly share waits are few, shorter ones do: what is handled hardly depends
        on how long it waited (of the queue M/M/1 not at all: Burke 1956, doi 10.1287/opre.4.6.699).
        """
        counts, seconds = [int(row.sum()) for row in self._counts], self._seconds
        if len(counts) < _INTERVAL_PARTS:
            counts, seconds = self._run_counts, self._run_seconds
        mean = float(np.sum(counts) / np.sum(seconds))
        margin = _margin(counts - mean * np.array(seconds)) / float(np.sum(seconds))
        return Interval(mean, mean - margin, mean + margin)

    def quantile(self, share: float) -> Interval:
        """Latency that a share of the batches does not exceed, in seconds.

        Notes
        -----
        Its interval is that of the share above it, turned back into times (batch means).
        """
        counts = np.array(self._counts)
        below = np.cumsum(counts.sum(axis=0))
        if not below[-1]:
            return Interval(float("nan"), 0.0, float("inf"))

        def latency(wanted: float) -> float:
            cell = int(np.searchsorted(below, min(max(wanted, 0.0), 1.0) * below[-1]))
            before = float(below[cell - 1]) if cell else 0.0
            inside = (wanted * below[-1] - before) / max(float(below[cell]) - before, 1.0)
            return self._shortest * float(np.exp(_WIDTH * (cell + min(max(inside, 0.0), 1.0))))

        edge = int(np.searchsorted(below, share * below[-1]))
        above = counts[:, edge + 1 :].sum(axis=1).astype(np.float64)
        totals = counts.sum(axis=1)
        margin = _margin(above - totals * above.sum() / below[-1]) / float(below[-1])
        # Of a share that may be none, the largest seen is no upper end.
        high = latency(share + margin) if margin < 1 - share else float("inf")
        return Interval(latency(share), latency(share - margin), high)


def _margin(deviations: Floats) -> float:
    """Half a 99 % interval of a sum, from its parts' own deviations."""
    if deviations.size < _INTERVAL_PARTS:
        return float("inf")
    variance = np.sum(deviations**2) * deviations.size / (deviations.size - 1)
    return _DEVIATIONS * float(np.sqrt(variance))
