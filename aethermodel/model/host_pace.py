"""A host that runs slower now and then, as neighbours let it: its own time against real time."""

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
    stretch : float
        Seconds that each stretch lasted.
    speeds : ndarray of float64, shape (stretches,)
        Share of its full speed; 0 while it stood still.
    """

    stretch: float
    speeds: Floats

    def __post_init__(self) -> None:
        if not (np.isfinite(self.stretch) and self.stretch > 0):
            raise ValueError(f"a stretch lasts more than zero seconds, not {self.stretch!r}")
        if not self.speeds.size:
            raise ValueError("a pace has at least one stretch")
        if not np.all(np.isfinite(self.speeds) & (self.speeds >= 0)):
            raise ValueError("every speed must be a finite share of the full one, not below zero")

    @property
    def mean(self) -> float:
        """Mean speed, as a share of the full one."""
        return float(self.speeds.mean())

    def clock(self, until: float) -> PaceClock:
        """Return the clock up to a time in seconds: the stretches, over and over; then full speed.

        Notes
        -----
        Running time is the integral of the speed. A queue served at full speed in running time is
        the queue of the slower host in real time: which event meets which batch depends on the
        order of arrivals and ends alone, and a clock that never goes back keeps it.
        """
        count = max(1, int(np.ceil(until / self.stretch)))
        speeds = np.maximum(np.resize(self.speeds, count), _LEAST)
        real = self.stretch * np.arange(count + 1)
        running = np.concatenate([[0.0], np.cumsum(speeds * self.stretch)])
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
