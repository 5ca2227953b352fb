"""Finite sources: waits at a station that few batches come to, again and again."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.stations import Stage

Floats = npt.NDArray[np.float64]

#: Batches of a station from which on their number hardly matters.
MANY = 512
# Pace at which a batch comes back, in services, from rare to at once.
_PACES = np.geomspace(1e-5, 50.0, 400)
# Load beside a full one, and share of a service, that do not count.
_NEVER = 1e-9


def finite_source_wait(stage: Stage, rate: Floats, credits: int, jitter: float | None) -> Floats:
    """Mean wait at each station of producers, in seconds.

    Parameters
    ----------
    stage : Stage
        On the producers' side: what comes to a station are its own producers' credits.
    rate : ndarray, shape (stations,)
        Batches a second at each.
    credits : int
        Of each producer.
    jitter : float or None
        Variance of the time that a batch is elsewhere, in square seconds; None: as random as it can
        be, so that batches meet by chance.

    Notes
    -----
    Of batches that meet by chance it is the machine repair model M/G/1 with a finite source, exact
    (Ashcroft, "The productivity of several machines under the care of one operator", Journal of the
    Royal Statistical Society B 12 (1950), doi 10.1111/j.2517-6161.1950.tb00052.x; of times that
    scatter: Takacs, "Introduction to the Theory of Queues", 1962, chapter 5).

    A batch that is elsewhere for nearly the same time keeps its distance to the others: between two
    of them it is a random walk, reflected where they touch. On average a wait is then half the
    variance of a step times the chance of a touch. Of few batches that is of rods on a circle: each
    neighbour's steps count as well, and a gap is as long as what is free. In a crowd it is that of
    one batch among all others, which together hardly move, and that are there by chance. The one is
    too much of many, the other too little of few; their geometric mean is taken. No batch waits for
    longer than by chance.
    """
    batches = stage.members * credits
    found = np.zeros(rate.size)
    for number in np.unique(batches[batches > 1]):
        here = batches == number
        seconds = stage.seconds[here]
        load = rate[here] * seconds
        chance = (
            np.interp(load, *_machine_repair(min(int(number), MANY), stage.scatter**2)) * seconds
        )
        if jitter is None:
            found[here] = chance
            continue
        step = jitter / seconds**2 + stage.scatter**2
        of_few = step / 2 * load / np.maximum(1 - load, _NEVER) * seconds
        in_crowd = step * number / (number - 1) * chance
        steps = np.sqrt(of_few * in_crowd)
        found[here] = chance * steps / np.maximum(chance + steps, _NEVER * seconds)
    return found


@lru_cache(maxsize=256)
def _machine_repair(number: int, noise: float) -> tuple[Floats, Floats]:
    """Load of a station, and the mean wait in services, of so many batches at each pace."""
    from scipy.special import gammaln

    others = np.arange(1, number)
    pace = np.multiply.outer(_PACES, others)
    # Chance that a batch does not come back within a service, as a logarithm.
    log = np.log1p(pace * noise) / noise if noise else pace
    odds = np.cumsum(log + np.log(-np.expm1(-log)), axis=1)
    ways = gammaln(number) - gammaln(others + 1) - gammaln(number - others)
    terms = np.concatenate([np.zeros((_PACES.size, 1)), ways + odds], axis=1)
    most = terms.max(axis=1)
    served = most + np.log(np.exp(terms - most[:, None]).sum(axis=1))  # in a busy time, as a log
    load = 1 / (1 + np.exp(-(np.log(number * _PACES) + served)))
    wait = np.maximum(number / load - 1 / _PACES - 1, 0.0)
    return np.concatenate([[0.0], load]), np.concatenate([[0.0], wait])
