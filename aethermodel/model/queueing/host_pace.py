"""Pace of a contended host: its own time against real time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Of full speed: a host that stands still goes on at some time.
_LEAST = 1e-6


@dataclass(frozen=True)
class HostPace:
    """How fast a host ran, stretch after stretch.

    Attributes
    ----------
    stretch : float or ndarray of float64, shape (stretches,)
        Seconds that each stretch lasted.
    speeds : ndarray of float64, shape (stretches,)
        Share of its full speed; 0 while it stood still.
    """

    stretch: float | Floats
    speeds: Floats

    def __post_init__(self) -> None:
        if not self.speeds.size:
            raise ValueError("a pace has at least one stretch")
        if not np.all(np.isfinite(self.stretch) & (np.asarray(self.stretch) > 0)):
            raise ValueError(f"a stretch lasts more than zero seconds, not {self.stretch!r}")
        if not np.all(np.isfinite(self.speeds) & (self.speeds >= 0)):
            raise ValueError("every speed must be a finite share of the full one, not below zero")

    @property
    def mean(self) -> float:
        """Mean speed, as a share of the full one."""
        return float(np.average(self.speeds, weights=self._seconds))

    @property
    def _seconds(self) -> Floats:
        return np.broadcast_to(self.stretch, self.speeds.shape)

    def clock(self, until: float) -> PaceClock:
        """Return the clock up to a time in seconds or later: the stretches over and over.

        After that it runs at full speed.

        Notes
        -----
        Running time is the integral of the speed. A queue served at full speed in running time is
        the queue of the slower host in real time: which event meets which batch depends on the
        order of arrivals and ends alone, and a clock that never goes back keeps it.
        """
        seconds = self._seconds
        rounds = max(1, int(np.ceil(until / seconds.sum())))
        passed = np.maximum(self.speeds, _LEAST) * seconds
        real = np.concatenate([[0.0], np.cumsum(np.tile(seconds, rounds))])
        running = np.concatenate([[0.0], np.cumsum(np.tile(passed, rounds))])
        far = 1e6
        return PaceClock(np.append(real, real[-1] + far), np.append(running, running[-1] + far))


@dataclass(frozen=True)
class PaceClock:
    """Running time against real time, straight between its points.

    Attributes
    ----------
    points, reached : ndarray
        Real time, and the running time reached by then; both ascend.
    """

    points: Floats
    reached: Floats

    def running(self, real: Floats) -> Floats:
        """Running time at each real time."""
        return np.asarray(np.interp(real, self.points, self.reached))

    def real(self, running: Floats) -> Floats:
        """Real time at each running time."""
        return np.asarray(np.interp(running, self.reached, self.points))
