"""Jitter of the host: pauses of a loop, and its speed between them.

An idle loop sees every pause, but not what it leaves behind: whoever ran meanwhile has displaced
what was in the caches, and a tick fetches it again. Nor does a neighbour slow down a tick as much
as an idle loop. So where ticks can be had for it, ticks are looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.measure.host.contention import core_excess, glance
from aethermodel.measure.host.core_losses import beyond_usual
from aethermodel.measure.host.steal_and_switches import Noise, Reading
from aethermodel.model.queueing.host_pace import HostPace

Floats = npt.NDArray[np.float64]

#: Seconds of a stretch: hundreds of turns, and shorter than what a neighbour does lasts.
STRETCH = 20e-6
#: Ticks between two looks at the core, while ticks are watched: some 2 ms.
TICKS_WATCHED = 250


@dataclass(frozen=True)
class Watch:
    """What was seen.

    Attributes
    ----------
    gaps : ndarray of float64
        Seconds between two turns that were too long to be the loop's own.
    turns : ndarray of float64, shape (stretches,)
        Of the loop, in each stretch.
    seconds : float
        How long it lasted.
    noise : Noise
        What disturbed it.
    stretch : float or ndarray of float64, shape (stretches,)
        Seconds of each.
    core_seconds : ndarray of float64, shape (stretches,), optional
        Of an idle loop beside each, where the loop itself is none.
    lost : ndarray of float64, shape (stretches,), optional
        Seconds of each in which others had the core, where that is known.
    """

    gaps: Floats
    turns: Floats
    seconds: float
    noise: Noise
    stretch: float | Floats = STRETCH
    core_seconds: Floats | None = None
    lost: Floats | None = None

    @property
    def running(self) -> float:
        """Seconds that were no gap."""
        return self.seconds - float(self.gaps.sum())

    @property
    def rates(self) -> Floats:
        """Turns a second, in each stretch."""
        return self.turns / self.stretch


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
        if now - last > thresholds.PAUSE_SECONDS:
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


def watch_ticks(
    ticks: Callable[[], Floats], seconds: float, lost: Callable[[], Floats] | None = None
) -> Watch:
    """Let ticks follow each other, with an idle loop beside every few.

    Parameters
    ----------
    ticks : callable
        Runs a few, of some milliseconds in all, and returns the seconds of each.
    seconds : float
        How long; called once at least.
    lost : callable, optional
        Returns the seconds in which others had the core, in each of the last ones.
    """
    taken: list[Floats] = []
    cores: list[Floats] = []
    losses: list[Floats] = []
    before = Reading.now()
    start, core = perf_counter(), glance()
    while perf_counter() - start < seconds or not taken:
        taken.append(ticks())
        last, core = core, glance()
        if lost:
            losses.append(lost())
        cores.append(np.full(taken[-1].size, max(last, core)))
    noise = Noise.since(before)
    stretch = np.concatenate(taken)
    late = stretch - np.median(stretch)
    gaps = late[late > thresholds.PAUSE_SECONDS]
    turns = np.ones(stretch.size)
    return Watch(
        gaps, turns, float(stretch.sum()), noise, stretch, np.concatenate(cores),
        np.concatenate(losses) if losses else None,
    )  # fmt: skip


def full_rate(watches: list[Watch]) -> float:
    """Return the turns a second at full speed, by everything that was watched.

    In the sense of the terms: the median of stretches as long as the slices that those are taken
    in, where the core was as at its best. What disturbs many times in each of them, such as a
    hypervisor at 20 kHz, is in the terms, and so it is in what full speed means.
    """
    parts = [_slices(each) for each in watches]
    rates, cores = (np.concatenate(column) for column in zip(*parts, strict=True))
    return float(np.median(rates[core_excess(cores, cores.min()) <= 1]))


def _slices(seen: Watch) -> tuple[Floats, Floats]:
    """Turns a second in each slice, and seconds of an idle loop beside it, in whatever unit."""
    seconds = np.broadcast_to(seen.stretch, seen.turns.shape)
    ends = np.cumsum(seconds)
    # Whole ones: what is left over belongs to the last.
    of = np.minimum(
        ends / thresholds.SLICE_SECONDS, max(1, ends[-1] // thresholds.SLICE_SECONDS) - 0.5
    ).astype(int)
    _, of = np.unique(of, return_inverse=True)  # a long pause leaves slices without a turn
    rates = np.bincount(of, seen.turns) / np.bincount(of, seconds)
    if seen.core_seconds is None:
        return rates, 1 / np.maximum(rates, 1)
    cores = np.zeros(rates.size)
    np.maximum.at(cores, of, seen.core_seconds)
    return rates, cores


def pace_of(watches: list[Watch], full: float, *, left_alone: bool = False) -> HostPace:
    """Return how fast the host ran in some watches, one after the other.

    Parameters
    ----------
    watches : list of Watch
    full : float
        Turns a second at full speed: a single stretch may be faster.
    left_alone : bool
        Only by the stretches in which nobody else had the core, or a part of it; by all, where
        these are too few or nobody knows.
    """
    speeds = np.concatenate([each.rates for each in watches]) / full
    seconds = np.concatenate([np.broadcast_to(each.stretch, each.turns.shape) for each in watches])
    if left_alone and (calm := _calm(watches)) is not None:
        speeds, seconds = speeds[calm], seconds[calm]
    return HostPace(seconds, speeds)


def _calm(watches: list[Watch]) -> npt.NDArray[np.bool_] | None:
    """Whether each stretch was left alone; None where too few were."""
    found = [(each.lost, each.core_seconds) for each in watches]
    known = [(lost, core) for lost, core in found if lost is not None and core is not None]
    if len(known) < len(watches):
        return None
    lost, cores = (np.concatenate(column) for column in zip(*known, strict=True))
    best = np.quantile(cores, thresholds.BEST_CORE_QUANTILE)
    usual = np.median(
        np.concatenate([each.stretch + np.zeros(each.turns.size) for each in watches])
    )
    held = beyond_usual(lost) > thresholds.HELD_UP * usual
    calm = np.asarray(~held & (core_excess(cores, best) <= 1))
    least = max(thresholds.CALM_SLICES_OF_A_RUN, thresholds.CALM_SHARE_OF_A_RUN * calm.size)
    return calm if calm.sum() >= least else None
