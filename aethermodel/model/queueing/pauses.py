"""Pauses of the host, during which queues grow."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pauses:
    """How often a core stops running a process, and for how long.

    Attributes
    ----------
    per_second : float
        Pauses per second of running time; they come independently of each other.
    seconds : ndarray of float64
        Durations seen, drawn from as they are; may be empty.
    """

    per_second: float
    seconds: Floats

    def __post_init__(self) -> None:
        if not (np.isfinite(self.per_second) and self.per_second >= 0):
            raise ValueError(f"pauses per second must not be negative, not {self.per_second!r}")
        if not np.all(np.isfinite(self.seconds) & (self.seconds >= 0)):
            raise ValueError("every pause must be a finite number of seconds, not below zero")

    @property
    def share(self) -> float:
        """Share of all time that is pause."""
        stopped = self.per_second * float(self.seconds.mean()) if self.seconds.size else 0.0
        return stopped / (1 + stopped)

    def clock(self, until: float, rng: np.random.Generator) -> Clock:
        """Draw the pauses up to a time, in seconds."""
        if not self.seconds.size or not self.per_second:
            return Clock(np.zeros(0), np.zeros(1))
        mean = self.per_second * until
        count = int(mean + 6 * np.sqrt(mean) + 6)
        begins = np.cumsum(rng.exponential(1 / self.per_second, count))
        lengths = rng.choice(self.seconds, count)
        return Clock(begins, np.concatenate([[0.0], np.cumsum(lengths)]))


@dataclass(frozen=True)
class Clock:
    """Running time, which stands still during pauses, against real time.

    Attributes
    ----------
    begins : ndarray, shape (pauses,)
        Running time at which each pause begins, ascending.
    stopped : ndarray, shape (pauses + 1,)
        Length of all pauses before each, and of all.
    """

    begins: Floats
    stopped: Floats

    def running(self, real: Floats) -> Floats:
        """Running time at each real time."""
        before = np.searchsorted(self.begins + self.stopped[:-1], real, side="right")
        held = np.concatenate([[-np.inf], self.begins])[before]
        return np.asarray(np.maximum(held, real - self.stopped[before]))

    def real(self, running: Floats) -> Floats:
        """Real time at each running time; at a pause, its beginning."""
        before = np.searchsorted(self.begins, running, side="left")
        return np.asarray(running + self.stopped[before])
