"""Queues of a closed network: how many batches an arriving one meets where credits fill them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.credits.full_stations import (
    HOME,
    at_home,
    even,
    full_in_turn,
    gathered,
    in_one_row,
)
from aethermodel.model.cluster.credits.population import (
    CELLS,
    allowed_away,
    coefficients,
    logarithm,
    number_here,
    tilt,
)
from aethermodel.model.cluster.credits.queues import BINS, Queues, binned
from aethermodel.model.cluster.stations import FULL, WIRES, Stage
from aethermodel.model.cluster.waits import Waits, poisson_wait

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Complexes = npt.NDArray[np.complex128]

#: Load of a station from which on its queue is that of the closed network, and where batches take
#: turns.
BUSY, STEP_LOAD = 0.5, 0.6
# Batches in flight from which on a station that is not busy does not notice their limit.
_FEW = 64
# Queues whose times differ by less, as a power of e, count as one.
_ALIKE = 0.1
# The largest load of an open queue.
_BELOW = 1 - 1e-9


def closed_queues(
    waits: Sequence[Waits],
    rate: float,
    away_seconds: float,
    credits: int,
    *,
    in_turn: bool,
) -> list[Waits | Queues]:
    """Waits of a network whose batches in flight are limited by credits.

    Parameters
    ----------
    waits : sequence of Waits
        At every stage, by mean value analysis.
    rate : float
        Batches a second of all producers.
    away_seconds : float
        Of a round trip, at no station that is counted: on wires and on the way back.
    credits : int
        Of each producer.
    in_turn : bool
        Whether each producer takes the consumers in turn.

    Returns
    -------
    list of Waits or Queues
        Of all stages but the producer's own.

    Notes
    -----
    Product form: the numbers at all stations are independent but for their sum, which credits
    set. Each has the marginal of largest entropy for its load and mean (Kouvatsos, "Entropy
    maximisation and queueing network models", Annals of Operations Research 48 (1994), doi
    10.1007/BF02023095). A batch that arrives finds a network with one batch less. Those away of
    each producer are no more than its credits; whose a batch is that waits, is even chance. How
    many are away on average is known from mean value analysis, and sets what product form leaves
    open.
    """
    producers = waits[0].stage.ends.size
    population = producers * credits
    waits = _filled(waits, rate, rate * away_seconds, population)
    if in_turn:
        waits = in_one_row(waits, rate)
    making = [part for part in waits if part.stage.name == "producer"]
    shared = [part for part in waits if part.stage.name != "producer"]
    home = rate * sum(
        float(np.sum(part.stage.share * (part.mean + part.stage.seconds))) for part in making
    )
    step = max(1, -(-population // CELLS))
    cells = population // step + 1
    points = 4 * cells
    radius = 10.0 ** (-8 / points)
    circle = radius * np.exp(-2j * np.pi * np.arange(points) / points)
    # A batch counts as a cell with chance 1/step: no lattice, and hardly more spread.
    z = 1 - (1 - circle) / step
    log_all = rate * away_seconds * (z - 1)
    for part in shared:
        alike, many = np.unique(_marginal(part, rate), axis=1, return_counts=True)
        for (load, more), count in zip(alike.T, many, strict=True):
            log_all = log_all + count * np.log(_generating(z, load, more, part.stage))
    allowed = allowed_away(producers, credits, step, cells)
    known = logarithm(coefficients(np.exp(log_all), radius, cells))
    allowed += tilt(known + allowed, (population - home) / step) * np.arange(cells)
    crowded = [part for part in shared if part.stage.side == "producers"]
    own = max(crowded, key=lambda part: float(part.stage.demand.max()), default=None)
    near = sum(int(np.sum(rate * part.stage.demand > HOME)) for part in waits)
    found: list[Waits | Queues] = []
    for part in shared:
        most = rate * float(part.stage.demand.max())
        turns = in_turn and part.stage.side == "consumers"
        least = _least(part, credits, population, in_turn=in_turn)
        if part is own and most > HOME:
            others = [other for other in waits if other is not part]
            found.append(at_home(part, others, away_seconds, credits))
        elif near == 1 and most > FULL and not in_turn and not part.stage.scatter:
            others = [other for other in waits if other is not part]
            found.append(gathered(part, others, away_seconds, rate, population))
        elif turns and most > FULL and not part.stage.scatter:
            found.append(even(part, rate, credits))
        elif turns and most > FULL and int(np.sum(rate * part.stage.demand > FULL)) == 1:
            others = [other for other in waits if other is not part]
            found.append(full_in_turn(part, others, credits))
        elif most < least:
            found.append(part)
        else:
            found.append(_queues(part, rate, credits, z, log_all, radius, allowed, step, least))
    return found


def _least(part: Waits, credits: int, population: int, *, in_turn: bool) -> float:
    """Load of a station from which on its queue is that of the closed network.

    Batches in turn that are not held up wait for what scatters, which is less than what is left of
    a service. At a station of producers their own credits are all that can come.
    """
    sending = part.stage.side == "producers"
    if in_turn and not sending:
        return STEP_LOAD
    come = int(part.stage.members.max()) * credits if sending else population
    return BUSY if come > _FEW else 0.0


def _marginal(part: Waits, rate: float) -> Floats:
    """Load of each station, and how much rarer each further batch is."""
    wait, seconds = part.mean, part.stage.seconds
    return np.stack(
        [np.minimum(rate * part.stage.demand, 1.0), np.maximum(wait / (wait + seconds), 1e-12)]
    )


def _generating(z: Complexes, load: float, more: float, stage: Stage) -> Complexes:
    """Generating function of the batches at a station; on a wire, of those that wait for it."""
    geometric = (1 - more) * z / (1 - more * z)
    if stage.name in WIRES:
        return np.asarray(1 - load * more * (1 - geometric))
    return np.asarray(1 - load + load * geometric)


def _filled(waits: Sequence[Waits], rate: float, counted: float, population: int) -> list[Waits]:
    """Give always busy stations the batches that mean value analysis leaves out."""
    for part in waits:
        own = 0.0 if part.stage.name in WIRES else part.stage.seconds
        counted += rate * float(np.sum(part.stage.share * (part.mean + own)))
    through = [rate * part.stage.share for part in waits]
    busy = [rate * part.stage.demand > FULL for part in waits]
    full = sum(float(flow[most].sum()) for flow, most in zip(through, busy, strict=True))
    missing = population - counted
    if missing < 0.01 * population or not full:
        return list(waits)
    found = []
    for part, flow, most in zip(waits, through, busy, strict=True):
        slower = np.minimum(flow, _BELOW / part.stage.seconds)
        alone = np.maximum(poisson_wait(part.stage, slower), 1e-300)
        stretch = (part.mean + missing / full) / alone
        found.append(
            Waits(
                part.stage,
                np.where(most, slower, part.rate),
                np.where(most, 1.0, part.share),
                np.where(most, stretch, part.stretch),
            )
        )
    return found


def _queues(
    part: Waits, rate: float, credits: int, z: Complexes, log_all: Complexes, radius: float,
    allowed: Floats, step: int, least: float,
) -> Queues:  # fmt: skip
    """Queues that an arriving batch meets at the busy stations of a stage.

    Next to producers it is one of their credits, and meets no more than the others. Where arrivals
    come spaced out, as they have waited before, it meets a batch more rarely than there is one.
    """
    load, _ = _marginal(part, rate)
    sending = part.stage.side == "producers"
    others = part.stage.members * credits - 1 if sending else np.full(load.size, np.inf)
    # Who waits does so for what is left of a service, and for a geometric number of others.
    waiting = part.mean / np.maximum(part.share, 1e-12)
    more = np.clip(waiting / (waiting + part.stage.seconds), 1e-12, 1 - 1e-12)
    residual = part.stage.seconds * (1 + part.stage.scatter**2) / 2
    met_load = part.mean / (waiting + residual)
    key = np.round(np.log(np.maximum(1 - more, 1e-12)) / _ALIKE)
    busy = load >= least
    group = np.full(load.size, -1)
    _, first, alike = np.unique(
        np.stack([key, others])[:, busy], axis=1, return_index=True, return_inverse=True
    )
    group[busy] = alike.ravel()
    members = np.flatnonzero(busy)[first]
    met, chance = np.zeros((members.size, BINS)), np.zeros((members.size, BINS))
    # One batch less is in the network that an arriving one sees.
    arriving = allowed[1:] if step == 1 else allowed
    number = np.arange(arriving.size * step, dtype=np.float64)
    # On a wire, a batch that is being sent is counted elsewhere.
    counted = np.maximum(number - 1, 0) if part.stage.name in WIRES else number
    for row, station in enumerate(members):
        own = _generating(z, load[station], more[station], part.stage)
        elsewhere = coefficients(np.exp(log_all - np.log(own)), radius, allowed.size)
        rest = number_here(logarithm(elsewhere), arriving)
        with np.errstate(divide="ignore"):
            here = np.log(met_load[station] * (1 - more[station]))
            here = here + np.maximum(number - 1, 0) * np.log(more[station])
        here[0] = np.log(max(1 - met_load[station], 1e-300))
        here[number > others[station]] = -np.inf
        grid = np.arange(arriving.size) * float(step)
        known = np.isfinite(rest)
        log = here + np.interp(counted, grid[known], rest[known], right=-np.inf)
        share = np.exp(log - log.max())
        met[row], chance[row] = binned(share / share.sum())
    return Queues(part.stage, part, group, met, chance)
