"""Mean value analysis of credit windows, a closed network of batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.stations import Stage
from aethermodel.model.cluster.waits import Waits, arrival_variation, waits_at

Floats = npt.NDArray[np.float64]

#: Credits of a producer up to which its batches keep the distance that they have.
FEW_CREDITS = 2
# Halvings of a bisection, and what they leave of a rate.
_HALVINGS = 18
_PRECISE = 1e-5


@dataclass(frozen=True)
class Window:
    """Throughput of producers that never wait for anything but their credits.

    Attributes
    ----------
    batches_per_second : float
        Of the whole cluster.
    asymptote : float
        The same if no batch ever waited for another: no cluster is faster.
    by_producer : ndarray, shape (producers,)
        Batches a second of each.
    waits : tuple of Waits
        At the stations of each stage.
    population : int
        Batches in flight.
    """

    batches_per_second: float
    asymptote: float
    by_producer: Floats
    waits: tuple[Waits, ...]
    population: int


def window(
    stages: list[Stage],
    credits: int,
    empty_seconds: float,
    *,
    in_turn: bool,
    offered: float = float("inf"),
) -> Window:
    """Solve the closed network.

    Parameters
    ----------
    stages : list of Stage
    credits : int
        Batches of each producer that are in flight at any time.
    empty_seconds : float
        Round trip of a credit where no batch waits for another.
    in_turn : bool
        Whether each producer takes the consumers in turn (round robin).
    offered : float
        Batches a second of each producer, at most.

    Notes
    -----
    Bard-Schweitzer: an arriving batch finds the queue of a network with one batch less (Schweitzer
    1979; Lazowska et al., "Quantitative System Performance", 1984, section 7.4), and of the batch
    in service the mean residual time (Reiser 1979, doi 10.1016/0376-5075(79)90007-5). The wait is
    then Pollaczek-Khinchine's at the load without the batch's own. Producers behind a full station
    slow down by themselves; a full consumer slows down all of them, as each waits for its credits.
    """
    from scipy.optimize import brentq

    own = [stage for stage in stages if stage.side == "producers"]
    shared = [stage for stage in stages if stage.side == "consumers"]
    producers = own[0].ends.size
    population = producers * credits
    # Most that each producer can send, and that all consumers can take.
    cap = np.min([1 / (s.members * s.seconds)[s.station] for s in own], axis=0)
    most = 1 / max(float(stage.demand.max()) for stage in shared)
    # No producer waits less than for nothing.
    free = np.minimum(cap, min(credits / empty_seconds, offered))
    asymptote = min(most, float(free.sum()))

    # Whoever has waited comes in step with those it waited for: only scatter parts them again,
    # and batches that are ready at random times.
    in_step = in_turn and np.isinf(offered)
    scatter = max(stage.scatter * float(stage.seconds.max()) for stage in stages)
    # Of few credits each, who has met meets again before that parts them.
    least = max(stage.scatter for stage in stages) if credits <= FEW_CREDITS else 0.0

    def chain(side: list[Stage], rates: list[Floats], before: Sequence[Waits] = ()) -> list[Waits]:
        found: list[Waits] = []
        for stage, rate in zip(side, rates, strict=True):
            load = rate * stage.seconds
            variation = arrival_variation(stage, load, producers, in_turn=in_turn)
            # A producer's own few batches keep their distance on a link that it has for itself.
            alone = stage.name == "uplink" and int(stage.members.max()) == 1
            if in_step and (stage.side == "consumers" or (alone and credits <= FEW_CREDITS)):
                noise = np.maximum(scatter / stage.seconds, 0.0 if alone else least) ** 2
                variation = np.minimum(variation, noise / (1 + noise))  # of 1 half, as simulated
            if found and found[0].stage.name == "producer" and stage.side == "producers":
                variation *= _together(found[0], stage, load)
            found.append(waits_at(stage, rate, variation, [*before, *found]))
        return found

    def taken(total: float) -> list[Waits]:
        """Waits on the consumers' side, of batches that have met on the producers' side already."""
        others = total * (1 - 1 / population)
        before = sending(free * (total / float(free.sum())))
        return chain(shared, [others * stage.share for stage in shared], before)

    def sending(rate: Floats) -> list[Waits]:
        """Waits on the producers' side."""
        return chain(own, [_others(stage, rate, credits) for stage in own])

    def sent(waiting: list[Waits]) -> Floats:
        """Batches a second of each producer."""
        trip = empty_seconds + sum(float(np.sum(w.stage.share * w.mean)) for w in waiting)

        def fits(rate: Floats) -> npt.NDArray[np.bool_]:
            waits = np.sum([w.mean[w.stage.station] for w in sending(rate)], axis=0)
            return np.asarray(rate * (trip + waits) <= credits)

        return _largest(fits, free)

    def spare(total: float) -> float:
        """Batches a second that producers send beyond what comes back."""
        return float(sent(taken(total)).sum()) - total

    total = asymptote
    if spare(asymptote) < 0:
        total = float(brentq(spare, 0.0, asymptote, rtol=_PRECISE))
    rates = sent(taken(total))
    rates *= total / rates.sum()
    found = sending(rates) + taken(total)
    return Window(total, asymptote, rates, tuple(found), population)


def _together(making: Waits, stage: Stage, load: Floats) -> Floats:
    """Squared coefficient of variation of what several producers send that are never idle.

    Departures: Whitt, "The queueing network analyzer" (1983), equation 38; several of them:
    equations 29 and 33.
    """
    busy = min(float(making.load.max()), 1.0)
    alone = busy**2 * making.stage.scatter**2 + 1 - busy**2
    weight = 1 / (1 + 4 * (1 - np.minimum(load, 1)) ** 2 * (stage.members - 1))
    return np.asarray(weight * alone + 1 - weight)


def _others(stage: Stage, rate: Floats, credits: int) -> Floats:
    """Rate at each station without the arriving batch's own part."""
    through = np.bincount(stage.station, rate, stage.seconds.size)
    population = stage.members * credits
    return np.asarray(through * (population - 1) / population)


def _largest(fits: Callable[[Floats], npt.NDArray[np.bool_]], most: Floats) -> Floats:
    """Largest rates up to `most` that fit, by bisection."""
    low, high = np.zeros_like(most), most
    good = fits(most)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        below = fits(middle)
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.where(good, most, low)
