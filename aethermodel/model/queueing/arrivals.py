"""Arrival processes: Poisson, periodic or bursty, singly or in groups."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def _require(positive: dict[str, float]) -> None:
    for name, value in positive.items():
        if not (np.isfinite(value) and value > 0):
            raise ValueError(f"{name} must be a finite number above zero, not {value!r}")
    group = positive.get("group", 1)
    if group != int(group):
        raise ValueError(f"group must be a whole number of events, not {group!r}")


@dataclass(frozen=True)
class Poisson:
    """Independent arrivals.

    Parameters
    ----------
    rate : float
        Mean events per second.
    group : int
        Events that arrive together.
    """

    rate: float
    group: int = 1

    def __post_init__(self) -> None:
        _require({"rate": self.rate, "group": self.group})

    def times(self, count: int, rng: np.random.Generator) -> Floats:
        """Arrival times of the first `count` events, ascending, in seconds."""
        groups = -(-count // self.group)
        starts = np.cumsum(rng.exponential(self.group / self.rate, groups))
        return np.repeat(starts, self.group)[:count]


@dataclass(frozen=True)
class Periodic:
    """Arrivals by the clock.

    Parameters
    ----------
    rate : float
        Events per second.
    group : int
        Events that arrive together.
    """

    rate: float
    group: int = 1

    def __post_init__(self) -> None:
        _require({"rate": self.rate, "group": self.group})

    def times(self, count: int, rng: np.random.Generator) -> Floats:
        """Arrival times of the first `count` events, ascending, in seconds."""
        return np.asarray((np.arange(count) // self.group) * (self.group / self.rate))


@dataclass(frozen=True)
class Bursty:
    """Poisson arrivals that are switched on and off (interrupted Poisson process).

    Parameters
    ----------
    rate : float
        Mean events per second over all time.
    share : float
        Share of the time that is on, above 0 and at most 1; the rate within is ``rate / share``.
    burst_seconds : float
        Mean of the exponential duration of a burst.

    Notes
    -----
    Kuczura 1973, doi 10.1002/j.1538-7305.1973.tb01971.x.
    """

    rate: float
    share: float
    burst_seconds: float

    def __post_init__(self) -> None:
        _require({"rate": self.rate, "share": self.share, "burst_seconds": self.burst_seconds})
        if self.share > 1:
            raise ValueError(f"share must be at most 1, not {self.share!r}")

    def times(self, count: int, rng: np.random.Generator) -> Floats:
        """Arrival times of the first `count` events, ascending, in seconds."""
        # Draw on a clock that runs only during bursts, then put the pauses back in.
        on = np.cumsum(rng.exponential(self.share / self.rate, count))
        bursts = 16 + 2 * int(on[-1] / self.burst_seconds) if count else 16
        ends = np.cumsum(rng.exponential(self.burst_seconds, bursts))
        pause = self.burst_seconds * (1 - self.share) / self.share
        paused = np.concatenate([[0.0], np.cumsum(rng.exponential(1.0, bursts) * pause)])
        return np.asarray(on + paused[np.searchsorted(ends, on)])


Arrivals = Poisson | Periodic | Bursty

#: Kinds of arrivals by name.
Kind = Literal["poisson", "periodic", "bursty"]
# A burst's share of the time, and the batches that one burst holds on average.
_BURST_SHARE, _BURST_BATCHES = 0.5, 20


def arrivals_in_words(kind: str) -> str:
    """Return what arrivals of a kind are called in a sentence: ``Poisson arrivals``."""
    return f"{'Poisson' if kind == 'poisson' else kind} arrivals"


def arrivals_of(kind: Kind, rate: float, batch: float = 1) -> Arrivals:
    """Return arrivals of a kind at a mean rate.

    Parameters
    ----------
    kind : {"poisson", "periodic", "bursty"}
        Bursts last half of the time and hold 20 batches on average.
    rate : float
        Events, or whatever arrives, a second.
    batch : float
        How many of them a batch holds.
    """
    if kind == "poisson":
        return Poisson(rate)
    if kind == "periodic":
        return Periodic(rate)
    return Bursty(rate, _BURST_SHARE, _BURST_BATCHES * batch * _BURST_SHARE / rate)
