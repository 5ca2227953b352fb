"""Observation of a cluster: simulated until its throughput and P99 are known, or it is too long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aethermodel.bench.cluster.tally import Interval, Tally
from aethermodel.clusters.simulation.run import Simulated, simulate
from aethermodel.model.cluster.cluster import Cluster

Integers = npt.NDArray[np.int64]

#: Half a 99 % interval of the P99, and of the rate, at which the simulation ends, as a share.
NARROW, NARROW_RATE = 0.05, 0.01
#: Memories of the busiest queue before a run counts, and in one of the parts that are compared.
WARM_UP, PART = 4, 2
#: Parts of the first run.
_PARTS = 12
# Batches of a run, for the sake of memory; more only where it would not settle otherwise.
_LONGEST, _LONGEST_TO_SETTLE = 3_000_000, 12_000_000
#: Growth of the P99 from the first third of what a run measured to the last that is no noise: a
#: queue that grows in proportion to time gives some 1.5, one that does not grow 1.
GROWS = 1.2
#: The same of a run that has not settled; and how uneven its halves may be.
SETTLED = 1.3
_EVEN = 0.02


@dataclass(frozen=True)
class Observation:
    """What simulations of one cluster saw.

    Attributes
    ----------
    batches_per_second : Interval
    p99 : Interval
        In seconds.
    settled : bool
        Whether it is what the cluster does for ever, and no longer on its way.
    batches : int
        Handled after warm-up.
    grows : bool
        Whether the P99 grew in two runs, and less was handled than offered.
    """

    batches_per_second: Interval
    p99: Interval
    settled: bool
    batches: int
    grows: bool = False

    @property
    def narrow(self) -> bool:
        """Whether both figures are known as well as anybody asks for."""
        return self.p99.half <= NARROW and self.batches_per_second.half <= NARROW_RATE


def always(seen: Observation) -> bool:
    """Every observation will do."""
    return True


def observe(
    cluster: Cluster,
    seconds: float,
    rate: float,
    most: int,
    seed: int,
    *,
    memory: float = 0.0,
    growing: bool = False,
    precise: int | None = None,
    judged: Callable[[Observation], bool] = always,
    first_to: Integers | None = None,
) -> Observation:
    """Simulate a cluster in longer and longer runs, the first half of each a warm-up.

    Parameters
    ----------
    cluster : Cluster
    seconds : float
        Of the first run.
    rate : float
        Batches a second that are expected.
    most : int
        Batches of all runs, at most.
    seed : int
        Of the first run; each has its own.
    memory : float
        Seconds after which the busiest queue has forgotten how it was.
    growing : bool
        Whether to ask if the P99 grows without end; it has no interval then.
    precise : int, optional
        Batches that are spent on narrow intervals, at most; beyond them runs go on only for as
        long as they leave it open what `judged` asks. All, if not given.
    judged : callable
        Whether an observation answers what it is made for.
    first_to : ndarray of int, optional
        Consumers at which the first batches gather (`simulate`).

    Notes
    -----
    A run counts if its warm-up was long enough, and if neither its P99 nor its rate was on its
    way; else a longer one begins anew. Where runs are as long as they get, all of them count, and
    together they must not be on their way: what is noise of one run differs from run to run.

    Parts of equal time are what varies, each of two memories at least: the interval of a rate is
    that of their mean, and of a quantile that of the share above it, turned back into times (batch
    means). Runs end when both intervals are narrow and the question is answered, or when the P99
    grew in two of them.
    """
    warm_up = WARM_UP * memory
    longest = max(seconds, _LONGEST / rate, min(2 * warm_up, _LONGEST_TO_SETTLE / rate))
    part = max(seconds / 2 / _PARTS, PART * memory)
    tally, ways = Tally(part), Settling()
    grew = number = 0
    spent = 0.0
    while True:
        run = simulate(cluster, seconds, seed + 1_000_003 * number, first_to=first_to)
        number += 1
        spent += seconds * rate
        longer = min(2 * seconds, longest)
        last = spent + longer * rate > most
        grew += _drift(run) > GROWS
        ways.add(run)
        settled = seconds >= 2 * warm_up and ways.settled
        if not (settled or growing or last or seconds == longer):
            tally, ways = Tally(part), Settling()
        else:
            tally.add(run.latencies, run.ends, seconds / 2, seconds)
            rate_seen = tally.rate()
            grows = grew > 1 and rate_seen.high < cluster.offered
            found = Observation(rate_seen, tally.quantile(0.99), settled, tally.batches, grows)
            enough = found.narrow or spent > (most if precise is None else precise)
            if last or (grows if growing else settled and enough and judged(found)):
                return found
        seconds = longer


class Settling:
    """Whether runs of one length are on their way, as far as parts of them can tell."""

    def __init__(self) -> None:
        self._drifts: list[float] = []
        self._later: list[float] = []

    def add(self, run: Simulated) -> None:
        """Count a run."""
        half = run.seconds * 3 / 4
        self._drifts.append(float(np.log(_drift(run))))
        self._later.append(float(np.mean(run.ends >= half)) if run.ends.size else 0.5)

    @property
    def settled(self) -> bool:
        """Whether latency and rate are as large later as before, on average of all runs."""
        drift, later = float(np.mean(self._drifts)), float(np.mean(self._later))
        return abs(drift) < np.log(SETTLED) and abs(later - 0.5) < _EVEN


def _drift(run: Simulated) -> float:
    """P99 of the last third of what a run measured over that of the first third."""
    third = run.latencies.size // 3
    if not third:
        return 1.0
    first, last = (
        float(np.quantile(part, 0.99)) for part in (run.latencies[:third], run.latencies[-third:])
    )
    return last / first
