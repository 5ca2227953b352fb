"""Waits behind a lone sender: one producer that is never idle, or one full link."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from aethermodel.model.cluster.turn_waits import variation_explaining

Floats = npt.NDArray[np.float64]

# Cells that waits are counted in, and how far beyond the mean decay of long waits they reach.
_CELLS, _DECAYS = 800, 8.0
# Services that cells reach at least.
_LEAST_REACH = 4.0


@lru_cache(maxsize=256)
def variation_of_lone_sender(
    load: float, noise: float, share: float, pace_noise: float
) -> tuple[float, float]:
    """Squared coefficients of variation that explain the mean wait at a station, and its P99.

    Parameters
    ----------
    load, noise, share, pace_noise
        As `exceeding_of_lone_sender` takes them.

    Returns
    -------
    mean, tail : float
        As `arrival_variation.variation_in_turn` returns them.
    """
    if not 0 < load < 1:
        return 1.0, 1.0
    if share == 1 and not noise and not pace_noise:
        return 0.0, 0.0
    return variation_explaining(
        *exceeding_of_lone_sender(load, noise, share, pace_noise), load, noise
    )


def exceeding_of_lone_sender(
    load: float, noise: float, share: float, pace_noise: float
) -> tuple[Floats, Floats]:
    """Chance that a batch waits for longer than so many services.

    Parameters
    ----------
    load : float
        Of the station, below 1.
    noise : float
        Squared coefficient of variation of its service times.
    share : float
        Of the batches, any of which comes to this station by chance.
    pace_noise : float
        Squared coefficient of variation of the time from batch to batch of the sender.

    Returns
    -------
    waits, chance : ndarray

    Notes
    -----
    Lindley's recursion (1952, doi 10.1017/S0305004100027638) from one batch of the sender to the
    next: work grows by a service with chance `share`, and shrinks by the time between. It is solved
    for its stationary law on a lattice that keeps the mean of both times.
    """
    pace = share / load  # services from batch to batch of the sender
    drift = pace - share
    variance = share * (1 + noise - share) + pace_noise * pace**2
    # Long waits decay as those of Brownian motion, or where times scatter as if at random times.
    decay = max(variance / (2 * drift), noise * share / (1 - load))
    reach = max(_DECAYS * decay, _LEAST_REACH)
    step = reach / _CELLS
    served, passed = _on_lattice(1.0, noise, step), _on_lattice(pace, pace_noise, step)
    comes = share * served
    comes[0] += 1 - share
    grown = np.convolve(comes, passed[::-1])  # cell `passed.size - 1` is no change
    change = np.zeros(2 * _CELLS + 1)
    offset = np.clip(np.arange(grown.size) - (passed.size - 1), -_CELLS, _CELLS) + _CELLS
    np.add.at(change, offset, grown)
    cell = np.arange(_CELLS)
    moves = change[np.subtract.outer(cell, cell) + _CELLS]  # row: to, column: from
    below, above = np.cumsum(change), np.cumsum(change[::-1])
    moves[0] = below[_CELLS - cell]
    moves[-1] = above[_CELLS - (_CELLS - 1 - cell)]
    balance = moves - np.eye(_CELLS)
    balance[-1] = 1.0  # all chances together
    chance = np.clip(np.linalg.solve(balance, np.eye(_CELLS)[-1]), 0.0, None)
    beyond = np.clip(1 - np.cumsum(chance) / chance.sum(), 0.0, 1.0)
    return np.asarray(cell * step), np.asarray(beyond)


def _on_lattice(mean: float, noise: float, step: float) -> Floats:
    """Chances of a constant or gamma time in cells, with its mean.

    Each time counts in the two cells beside it, the nearer one the more.
    """
    from scipy.special import gammainc

    cells = int((mean + 12 * mean * np.sqrt(noise) + 20 * mean * noise) / step) + 3
    at = np.arange(cells + 1) * step
    if noise:
        shape, scale = 1 / noise, mean * noise
        over = mean * (1 - gammainc(shape + 1, at / scale)) - at * (1 - gammainc(shape, at / scale))
    else:
        over = np.maximum(mean - at, 0.0)
    # Mean excess over a bound: its second difference is the chance of the cell there.
    steep = np.concatenate([[-1.0], np.diff(over) / step])
    chance = np.diff(steep)
    return np.asarray(np.clip(chance, 0.0, None) / chance.clip(0.0).sum())
