"""Mean value analysis of credit windows, a closed network of batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.credits.finite_source import finite_source_wait
from aethermodel.model.cluster.stations import Stage
from aethermodel.model.cluster.waits import Waits, arrival_variation, poisson_wait, waits_at

Floats = npt.NDArray[np.float64]

#: Credits of a producer up to which its batches keep the distance that they have.
FEW_CREDITS = 2
#: Batches in flight, of all producers, from which on they do not fall into step by themselves.
FEW_BATCHES = 16
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
    by_chance : float
        Batches a second if batches met by chance what they may keep their distance to: at stations
        of their own producers, and, of one credit each in turn, behind those of several consumers.
    """

    batches_per_second: float
    asymptote: float
    by_producer: Floats
    waits: tuple[Waits, ...]
    population: int
    by_chance: float


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
    Stations of consumers: Bard-Schweitzer. An arriving batch finds the queue of a network with one
    batch less (Schweitzer 1979; Lazowska et al., "Quantitative System Performance", 1984, section
    7.4), and of the batch in service the mean residual time (Reiser 1979, doi
    10.1016/0376-5075(79)90007-5). The wait is then Pollaczek-Khinchine's at the load without the
    batch's own. Stations of producers have few batches, all their own: `finite_source_wait`.
    Producers behind a full station slow down by themselves; a full consumer slows down all of them,
    as each waits for its credits.

    Batches in turn meet at a consumer whom they met at the one before, so that only what scatters
    in a trip, in services the variance n, makes them wait. Of one credit each it is n: of
    exponential times that is product form, and of small n the reflected random walk of neighbours.
    Of K credits a late one is overtaken by the producer's others: of exponential times the
    superposition of K renewal processes, which vary by 1/K. Between these, n / (1 + (K - 1) n).
    """
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

    # Whoever has waited comes in step with those it waited for, unless batches are ready at random
    # times.
    in_step = in_turn and np.isinf(offered)
    scatter = max(stage.scatter * float(stage.seconds.max()) for stage in stages)
    # Of few credits each, who has met meets again before that parts them.
    least = max(stage.scatter for stage in stages) if credits <= FEW_CREDITS else 0.0
    services = sum(float(s.share @ (s.scatter * s.seconds) ** 2) for s in stages)

    def taken(total: float, *, mixed: bool = False) -> list[Waits]:
        """Waits on the consumers' side, of batches that have met on the producers' side already."""
        # Its wires part batches of one link, whether those waited for it or kept their distance.
        before = passing(free * (total / float(free.sum())), by_themselves)
        found: list[Waits] = []
        for stage in shared:
            rate = total * (1 - 1 / population) * stage.share
            variation = arrival_variation(stage, rate * stage.seconds, producers, in_turn=in_turn)
            if in_step and not mixed:
                noise = np.maximum(scatter / stage.seconds, least) ** 2
                variation = np.minimum(variation, noise / (1 + (credits - 1) * noise))
            found.append(waits_at(stage, rate, variation, [*before, *found]))
        return found

    def jitter(waiting: Sequence[Waits], total: float) -> float:
        """Variance of a trip but for its waits on the producers' side."""
        # Who is away for longer than a trip may come back at any time of it, and no more.
        anywhere = (population / max(total, _PRECISE * asymptote)) ** 2 / 12
        return services + sum(_variance(part, anywhere) for part in waiting)

    def sending(rate: Floats, variance: float | None) -> list[Waits]:
        """Waits on the producers' side."""

        def explained(stage: Stage, others: Floats) -> Floats:
            """Variation of arrivals that explains a wait in place of that of Poisson arrivals."""
            through = np.asarray(
                np.bincount(stage.station, rate, stage.seconds.size), dtype=np.float64
            )
            wait = finite_source_wait(stage, through, credits, variance)
            poisson, noise = poisson_wait(stage, others), stage.scatter**2
            ratio = np.divide(wait, poisson, out=np.ones_like(wait), where=poisson > 0)
            return np.maximum(ratio * (1 + noise) - noise, 0.0)

        # Batches that are ready at random times are Poisson arrivals.
        return passing(rate, by_themselves if np.isfinite(offered) else explained)

    def by_themselves(stage: Stage, _: Floats) -> Floats:
        """Variation of arrivals at random times."""
        return np.ones(stage.seconds.size)

    def passing(rate: Floats, explained: Callable[[Stage, Floats], Floats]) -> list[Waits]:
        """Waits at stations of producers, of arrivals that vary so much."""
        found: list[Waits] = []
        for stage in own:
            others = _others(stage, rate, credits)
            variation = explained(stage, others)
            if found and found[0].stage.name == "producer":
                variation = variation * _together(found[0], stage, others * stage.seconds)
            found.append(waits_at(stage, others, np.stack([variation, variation]), found))
        return found

    def sent(waiting: list[Waits], variance: float | None) -> Floats:
        """Batches a second of each producer."""
        trip = empty_seconds + sum(float(np.sum(w.stage.share * w.mean)) for w in waiting)

        def fits(rate: Floats) -> npt.NDArray[np.bool_]:
            waits = np.sum([w.mean[w.stage.station] for w in sending(rate, variance)], axis=0)
            return np.asarray(rate * (trip + waits) <= credits)

        return _largest(fits, free)

    def spare(total: float) -> float:
        """Batches a second that producers send beyond what comes back."""
        waiting = taken(total)
        return float(sent(waiting, jitter(waiting, total)).sum()) - total

    def spare_by_chance(total: float) -> float:
        """The same if batches met at stations of their own producers as if they came by chance.

        Few batches may also meet by chance at consumers.
        """
        return float(sent(taken(total, mixed=population < FEW_BATCHES), None).sum()) - total

    total, by_chance = (_root(rest, asymptote) for rest in (spare, spare_by_chance))
    waiting = taken(total)
    rates = sent(waiting, jitter(waiting, total))
    rates *= total / rates.sum()
    if in_step and credits == 1:
        longer = max(_meetings(stage, population / asymptote, producers) for stage in shared)
        by_chance = population / (population / by_chance + longer)
    found = sending(rates, jitter(waiting, total)) + waiting
    return Window(total, asymptote, rates, tuple(found), population, by_chance)


def _root(spare: Callable[[float], float], most: float) -> float:
    """Rate up to the largest at which nothing is to spare."""
    from scipy.optimize import brentq

    return most if spare(most) >= 0 else float(brentq(spare, 0.0, most, rtol=_PRECISE))


def _meetings(stage: Stage, trip: float, producers: int) -> float:
    """Seconds that a trip of one credit in turn is longer, by others in the same row of consumers.

    Two producers that are behind the same station of several consumers meet there again for the
    rest of the row, and all of them pass it once in a round. They begin their turns anywhere.
    """
    from scipy.stats import binom

    behind = int(stage.members.max())
    if behind == 1:
        return 0.0
    others = np.arange(producers)
    chance = binom.pmf(others, producers - 1, behind / stage.ends.size)
    rounds = np.maximum((others + 1) * float(stage.seconds.max()), trip)
    return float(chance @ rounds) - trip


def _variance(part: Waits, most: float) -> float:
    """Variance of a wait at a stage, and of where it is served, at each station up to `most`."""
    stage = part.stage
    served = stage.seconds if stage.name == "consumer" else 0.0
    times = part.mean + served
    squares = part.variance + (times - stage.share @ times) ** 2
    return float(stage.share @ np.minimum(squares, most))


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
