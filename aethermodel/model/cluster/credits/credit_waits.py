"""Waits for a credit, of producers that are offered batches at random times."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from aethermodel.model.cluster.stations import Stage
from aethermodel.model.cluster.waits import Waits


def credit_waits(stage: Stage, rate: float, credits: int, variation: float) -> Waits:
    """Waits of producers whose credits come back after a trip.

    Parameters
    ----------
    stage : Stage
        Each producer by itself, its seconds those of a trip.
    rate : float
        Batches a second of each; times a trip's seconds it is below `credits`.
    credits : int
        Of each.
    variation : float
        Squared coefficient of variation of a trip.

    Returns
    -------
    Waits
        Of a stage with as many servers in one: its seconds are a trip's over `credits`.

    Notes
    -----
    A credit is a server that is busy for a trip: M/G/K. Erlang's C is the chance to wait, and who
    waits does so as at one server of `credits` times the pace (Lee and Longton 1959, see Whitt,
    "Approximations for the GI/G/m queue", Production and Operations Management 2 (1993), doi
    10.1111/j.1937-5956.1993.tb00094.x).
    """
    busy = rate * float(stage.seconds[0])
    lost = 1.0
    for server in range(1, credits + 1):
        lost = busy * lost / (server + busy * lost)
    load = busy / credits
    chance = lost / (1 - load * (1 - lost))
    together = replace(stage, seconds=stage.seconds / credits, scatter=float(np.sqrt(variation)))
    # At one server the chance to wait is the load.
    every = np.ones(stage.seconds.size)
    return Waits(together, rate * every, min(chance / load, 1.0) * every, every)
