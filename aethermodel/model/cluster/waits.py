"""Waits at the stations of a cluster whose producers nothing holds back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.arrival_variation import (
    damping,
    variation_in_turn,
    variation_of_steady,
)
from aethermodel.model.cluster.lone_sender import variation_of_lone_sender
from aethermodel.model.cluster.stations import Stage
from aethermodel.model.cluster.turn_waits import can_count, variation_of_turns

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Complexes = npt.NDArray[np.complex128]

#: Share of a lone sender's batches up to which they come to a station as if at random.
FEW_SHARE = 0.05


class Times(Protocol):
    """Random times at the stations of a stage."""

    stage: Stage

    @property
    def figures(self) -> Floats:
        """What tells stations apart, shape (figures, stations)."""

    def transform(self, s: Complexes, stations: Integers) -> Complexes:
        """Laplace-Stieltjes transforms, shape (stations, points)."""


@dataclass(frozen=True)
class Waits:
    """Waits at the stations of a stage, as mixtures of none and a stretched M/G/1 wait.

    Attributes
    ----------
    stage : Stage
    rate : ndarray, shape (stations,)
        Batches a second at each.
    share, stretch : ndarray, shape (stations,)
        A wait is, with probability `share`, `stretch` times that of Poisson arrivals.
    """

    stage: Stage
    rate: Floats
    share: Floats
    stretch: Floats

    @property
    def load(self) -> Floats:
        """Share of the time that each station is busy."""
        return self.rate * self.stage.seconds

    @property
    def mean(self) -> Floats:
        """Mean wait at each station, in seconds."""
        return self.share * self.stretch * poisson_wait(self.stage, self.rate)

    @property
    def variance(self) -> Floats:
        """Variance of the wait at each station, in square seconds (Pollaczek-Khinchine)."""
        noise, seconds = self.stage.scatter**2, self.stage.seconds
        mean = poisson_wait(self.stage, self.rate)
        cube = seconds**3 * (1 + noise) * (1 + 2 * noise)
        square = 2 * mean**2 + self.rate * cube / (3 * (1 - self.load))
        return np.asarray(self.share * self.stretch**2 * square - self.mean**2)

    @property
    def figures(self) -> Floats:
        """What tells stations apart."""
        return np.stack([self.rate, self.share, self.stretch])

    def transform(self, s: Complexes, stations: Integers) -> Complexes:
        """Laplace-Stieltjes transforms of the waits.

        Notes
        -----
        Pollaczek-Khinchine: with Poisson arrivals it is ``(1 - load) s / (s - rate (1 - B(s)))``.
        """
        share, rate = self.share[stations, None], self.rate[stations, None]
        scaled = self.stretch[stations, None] * s
        busy = service_transform(self.stage, scaled, self.stage.seconds[stations, None])
        poisson = (1 - self.load[stations, None]) * scaled / (scaled - rate * (1 - busy))
        return np.asarray(1 - share + share * poisson)


@dataclass(frozen=True)
class Services:
    """Service times at the stations of a stage, beyond the shortest one where it is constant."""

    stage: Stage

    @property
    def shortest(self) -> float:
        """Seconds that every service takes at least."""
        return 0.0 if self.stage.scatter else float(self.stage.seconds.min())

    @property
    def mean(self) -> Floats:
        """Mean of each station, beyond the shortest."""
        return np.asarray(self.stage.seconds - self.shortest)

    @property
    def figures(self) -> Floats:
        """What tells stations apart."""
        return self.stage.seconds[None, :]

    def transform(self, s: Complexes, stations: Integers) -> Complexes:
        """Laplace-Stieltjes transforms of the service times."""
        return service_transform(self.stage, s, self.mean[stations, None])


def service_transform(stage: Stage, s: Complexes, seconds: Floats) -> Complexes:
    """Transform of a time that is constant, or gamma with the stage's scatter."""
    return np.asarray(np.exp(log_transform(stage, s, seconds)))


def log_transform(stage: Stage, s: Complexes, seconds: Floats) -> Complexes:
    """Logarithm of `service_transform`; that of n services is n times as large."""
    if not stage.scatter:
        return np.asarray(-s * seconds)
    variation = stage.scatter**2
    return np.asarray(-np.log(1 + s * seconds * variation) / variation)


def poisson_wait(stage: Stage, rate: Floats) -> Floats:
    """Mean wait of Poisson arrivals (Pollaczek-Khinchine), in seconds."""
    load = rate * stage.seconds
    return np.asarray(rate * stage.seconds**2 * (1 + stage.scatter**2) / (2 * (1 - load)))


def open_waits(
    stages: list[Stage],
    batches_per_second: float,
    senders: int,
    *,
    in_turn: bool,
    before: Sequence[Waits] = (),
    steady: int = 0,
    pace_scatter: float = 0.0,
) -> list[Waits]:
    """Waits at every stage of a cluster that is not overloaded.

    Parameters
    ----------
    stages : list of Stage
    batches_per_second : float
        Of all producers.
    senders : int
        Producers.
    in_turn : bool
        Whether each producer takes the consumers in turn (round robin).
    before : sequence of Waits
        What batches have waited for before the first stage.
    steady : int
        Producers that send together at a steady pace, as they or their link are never idle; or 0.
    pace_scatter : float
        Standard deviation over mean of the time from one of their batches to the next.

    Notes
    -----
    Arrivals at a station are more regular than Poisson ones for two reasons.

    Batches that came through one wire have waited for each other there already, and do not again.
    For n inputs of the same rate this is the factor ``(n - 1) / n`` of Karol, Hluchyj and Morgan,
    "Input versus output queueing on a space-division packet switch", IEEE Trans. Communications 35
    (1987), doi 10.1109/TCOM.1987.1096719; for a single one, the tandem of Avi-Itzhak, "A sequence
    of service stations with arbitrary input and regular service times", Management Science 11
    (1965), doi 10.1287/mnsc.11.5.565, where only the slowest station makes a batch wait.

    Batches sent in turn are more regular by themselves (`variation_in_turn`). What scatter adds to
    the wait is damped as by Kraemer and Langenbach-Belz (1976); see Whitt, "The queueing network
    analyzer", Bell System Technical Journal 62 (1983), doi 10.1002/j.1538-7305.1983.tb03204.x,
    equations 44 to 45.
    """
    found: list[Waits] = []
    for stage in stages:
        rate = batches_per_second * stage.share
        load = rate * stage.seconds
        variation = arrival_variation(
            stage, load, senders,
            in_turn=in_turn, steady=steady, pace_scatter=pace_scatter, counted=True,
        )  # fmt: skip
        found.append(waits_at(stage, rate, variation, [*before, *found]))
    return found


def arrival_variation(
    stage: Stage,
    load: Floats,
    senders: int,
    *,
    in_turn: bool,
    steady: int = 0,
    pace_scatter: float = 0.0,
    counted: bool = False,
) -> Floats:
    """Squared coefficients of variation of arrivals, for mean and tail: shape (2, stations).

    Parameters
    ----------
    stage, load, senders, in_turn, steady, pace_scatter
        As `open_waits` takes them.
    counted : bool
        Whether batches in turn are counted (`turn_waits`), which takes longer.
    """
    sending = stage.side == "producers"
    if not steady and (sending or not in_turn):
        return np.ones((2, stage.seconds.size))
    figures = np.stack([load, stage.members, stage.share])
    kinds, alike = np.unique(figures, axis=1, return_inverse=True)
    noise, ends, found = stage.scatter**2, stage.ends.size, []
    for busy, members, share in kinds.T:
        behind = int(members)
        hosts = -(-senders // max(steady, 1))
        if steady and sending:
            found.append(_periodic(float(busy), noise, -(-behind // steady), pace_scatter**2))
        elif steady and (behind == ends or (in_turn and behind == 1)):
            # Each sender's batches come evenly, or every so many of them.
            own, every = (hosts, 1) if behind == ends else (senders, ends)
            found.append(_periodic(float(busy), noise, own, pace_scatter**2 / every))
        elif in_turn and counted and can_count(behind, ends):
            found.append(
                variation_of_turns(float(busy), noise, behind, ends, senders, steady=steady > 0)
            )
        elif in_turn:
            found.append(variation_in_turn(float(busy), noise, behind, ends, senders))
        elif hosts == 1 and share > FEW_SHARE:
            pace = pace_scatter**2
            found.append(variation_of_lone_sender(float(busy), noise, float(share), pace))
        else:
            found.append(variation_of_steady(float(busy), hosts, float(share)))
    return np.array(found).T[:, alike.ravel()]


def _periodic(load: float, noise: float, senders: int, pace_noise: float) -> tuple[float, float]:
    """Variation of what senders send that each come at a steady pace, as in every second turn."""
    if senders == 1:
        return variation_of_lone_sender(load, noise, 1.0, pace_noise)
    if not noise:
        return variation_of_steady(load, senders)
    return variation_of_turns(load, noise, 1, 2, senders, steady=True)


def waits_at(stage: Stage, rate: Floats, variation: Floats, before: Sequence[Waits]) -> Waits:
    """Waits at the stations of one stage.

    Parameters
    ----------
    stage : Stage
    rate : ndarray, shape (stations,)
        Batches a second at each.
    variation : ndarray, shape (2, stations)
        Squared coefficients of variation of arrivals, for mean and tail; 1 for Poisson ones.
    before : sequence of Waits
        At earlier stages; what has been waited there is not waited again.
    """
    load, noise = rate * stage.seconds, stage.scatter**2
    # Poisson arrivals at a station without scatter; what scatter adds follows.
    plain = rate * stage.seconds**2 / (2 * (1 - load))
    waited, calmed = np.zeros_like(plain), np.zeros_like(plain)
    for upstream in before:
        again, calm = _waited_before(upstream, stage, plain)
        waited, calmed = waited + again, np.maximum(calmed, calm)
    spared = np.minimum(_over(waited, plain), variation[0])
    calmed = np.minimum(calmed, spared)
    arriving = variation[0] - calmed
    # Times without scatter keep batches apart; the more they scatter, the more those meet again.
    known = variation[0] - (spared + noise * calmed) / (1 + noise)
    mean = plain * (known + noise * damping(load, arriving, noise))
    # Regular arrivals make all waits shorter; what was waited for before makes them rarer.
    stretch = np.maximum((variation[1] + noise) / (1 + noise), 1e-9)
    share = np.minimum(_over(mean, plain * (1 + noise) * stretch), 1)
    return Waits(stage, rate, share, stretch)


def _waited_before(upstream: Waits, stage: Stage, plain: Floats) -> tuple[Floats, Floats]:
    """Mean wait at a stage that batches of one input had before, and how much calmer they come.

    Notes
    -----
    What leaves a station varies less than what came, by its load's square (Marshall 1968, doi
    10.1287/opre.16.3.651; Whitt 1983, equations 36, 38 and 29: what is split, and put together).
    """
    through, waited = upstream.stage, upstream.mean
    spaced = 1 - min(through.scatter, 1.0) ** 2
    calm = upstream.load**2 * spaced
    if through.name == "producer":  # what it makes comes spaced out as far as its times are alike
        waited = waited * spaced
    if through.side != stage.side:  # any of its stations leads to any of these
        weight = through.share[:, None]
        spent = stage.share * waited[:, None]
        saved = (weight * np.minimum(spent, weight * plain)).sum(axis=0)
        return np.asarray(saved), np.asarray(stage.share * float(through.share @ calm))
    # Stations nest: many lead into one on the producers' side, one to many on the consumers'.
    if stage.side == "producers":
        inner, outer = np.arange(waited.size), np.empty(waited.size, dtype=np.int64)
        outer[through.station] = stage.station
    else:
        inner, outer = np.empty(plain.size, dtype=np.int64), np.arange(plain.size)
        inner[stage.station] = through.station
    # Share of what arrives here that came from there, and of what left there that came here.
    weight = np.minimum(_over(through.share[inner], stage.share[outer]), 1)
    onward = np.minimum(_over(stage.share[outer], through.share[inner]), 1)
    saved = weight * np.minimum(onward * waited[inner], weight * plain[outer])
    totals = (
        np.bincount(outer, part, stage.seconds.size)
        for part in (saved, weight * onward * calm[inner])
    )
    found, calmer = (np.asarray(total, dtype=np.float64) for total in totals)
    return found, calmer


def _over(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
