"""What the host gives an idle loop: where it pauses, and how fast it goes in between."""

from __future__ import annotations

from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt

from aethermodel.measure.noise import Noise, Reading
from aethermodel.model.host_pace import HostPace

#: Longer than a turn of the loop takes on a core that a neighbour shares.
SHORTEST_GAP = 5e-6
#: Seconds of a stretch: hundreds of turns, and shorter than what a neighbour does lasts.
STRETCH = 20e-6
# Stretches at full speed: the fastest but for a hundredth, which the clock's steps may have made.
_FULL = 99


@dataclass(frozen=True)
class Watch:
    """What was seen.

    Attributes
    ----------
    gaps : ndarray of float64
        Seconds between two turns that were too long to be the loop's own.
    turns : ndarray of float64
        Of the loop, in each stretch of `STRETCH` seconds.
    seconds : float
        How long it lasted.
    noise : Noise
        What disturbed it.
    """

    gaps: npt.NDArray[np.float64]
    turns: npt.NDArray[np.float64]
    seconds: float
    noise: Noise

    @property
    def running(self) -> float:
        """Seconds that were no gap."""
        return self.seconds - float(self.gaps.sum())


def watch(seconds: float) -> Watch:
    """Turn an idle loop and look at the clock each time.

    Parameters
    ----------
    seconds : float
        How long; at least one stretch is watched.
    """
    gaps: list[float] = []
    counts: list[int] = []
    turns = 0
    before = Reading.now()
    start = last = perf_counter()
    edge = start + STRETCH
    while last - start < seconds or not counts:
        now = perf_counter()
        if now - last > SHORTEST_GAP:
            gaps.append(now - last)
        last = now
        turns += 1
        while now >= edge:  # a pause leaves stretches without a turn
            counts.append(turns)
            turns, edge = 0, edge + STRETCH
    return Watch(
        np.array(gaps, dtype=np.float64),
        np.array(counts, dtype=np.float64),
        last - start,
        Noise.since(before),
    )


def full_turns(watches: list[Watch]) -> float:
    """Return the turns of a stretch at full speed, by everything that was watched."""
    return float(np.percentile(np.concatenate([each.turns for each in watches]), _FULL))


def pace_of(watches: list[Watch], full: float) -> HostPace:
    """Return how fast the host ran in some watches, one after the other.

    Parameters
    ----------
    watches : list of Watch
    full : float
        Turns of a stretch at full speed.
    """
    turns = np.concatenate([each.turns for each in watches])
    return HostPace(STRETCH, np.minimum(turns / full, 1.0))
