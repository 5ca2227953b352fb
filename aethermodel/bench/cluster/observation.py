"""Observation of a cluster: simulated until its throughput and P99 are known, or it is too long."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from aethermodel.clusters.simulation.run import Simulated, simulate
from aethermodel.model.cluster.cluster import Cluster

Floats = npt.NDArray[np.float64]

#: Half a 99 % interval of the P99, and of the rate, at which the simulation ends, as a share.
NARROW, NARROW_RATE = 0.05, 0.01
#: Parts of equal time of the first run, each far longer than queues remember.
_PARTS = 12
# Batches of a run, for the sake of memory.
_LONGEST = 3_000_000
# Deviations of a normal law within which 99 % lie.
_DEVIATIONS = 2.576
#: Growth of the P99 from the first third of what a run measured to the last that is no noise: a
#: queue that grows in proportion to time gives some 1.5, one that does not grow 1.
GROWS = 1.2
#: The same of a run that has not settled; and how uneven its halves may be.
SETTLED = 1.3
_EVEN = 0.02


@dataclass(frozen=True)
class Interval:
    """A figure with a 99 % interval.

    Attributes
    ----------
    value, low, high : float
    """

    value: float
    low: float
    high: float

    @property
    def half(self) -> float:
        """Half its width, as a share."""
        return (self.high - self.low) / 2 / self.value if self.value else float("inf")

    def error(self, told: float) -> Interval:
        """Error of what was told, as a share, with the interval of what was seen."""
        return Interval(
            told / self.value - 1, told / self.high - 1, told / max(self.low, 1e-300) - 1
        )


@dataclass(frozen=True)
class Observation:
    """What simulations of one cluster saw.

    Attributes
    ----------
    batches_per_second : Interval
    p99 : Interval
        In seconds.
    settled : bool
        Whether the last run was no longer on its way.
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


def observe(
    cluster: Cluster,
    seconds: float,
    rate: float,
    most: int,
    seed: int,
    *,
    warm_up: float = 0.0,
    growing: bool = False,
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
    warm_up : float
        Seconds, at least, of a run that has settled.
    growing : bool
        Whether to ask if the P99 grows without end; it has no interval then.

    Notes
    -----
    Runs that have not settled do not count. Parts of equal time of those that have are what
    varies: the interval of a rate is that of their mean, and of a quantile that of the share above
    it, turned back into times (batch means). Runs end when both intervals are narrow, or when
    the P99 grew in two of them.
    """
    runs: list[Simulated] = []
    spent, number, grew = 0.0, 0, 0
    while True:
        run = simulate(cluster, seconds, seed + 1_000_003 * number)
        number += 1
        spent += seconds * rate
        grew += _drift(run) > GROWS
        settled = _settled(run) and seconds >= 2 * warm_up
        longer = min(2 * seconds, max(seconds, _LONGEST / rate))
        last = spent + longer * rate > most
        runs = [*runs, run] if growing or settled or last else []
        if runs:
            found = _observed(runs, settled=settled)
            missing = found.batches_per_second.high < cluster.offered
            found = replace(found, grows=grew > 1 and missing)
            if last or (found.grows if growing else found.settled and _narrow(found)):
                return found
        seconds = longer


def _narrow(found: Observation) -> bool:
    return found.p99.half <= NARROW and found.batches_per_second.half <= NARROW_RATE


def _observed(runs: list[Simulated], *, settled: bool) -> Observation:
    about = runs[0].seconds / 2 / _PARTS
    latencies = np.concatenate([run.latencies for run in runs])
    p99 = float(np.quantile(latencies, 0.99)) if latencies.size else float("nan")
    counts, above, rates = [], [], []
    for run in runs:
        parts = round(run.seconds / 2 / about)
        width = run.seconds / 2 / parts  # of this run, which is no whole number of the first one's
        part = np.minimum(((run.ends - run.seconds / 2) / width).astype(np.int64), parts - 1)
        counts.append(np.bincount(part, minlength=parts))
        above.append(np.bincount(part, run.latencies > p99, minlength=parts))
        rates.append(counts[-1] / width)
    return Observation(
        _rate(np.concatenate(rates)),
        _quantile(latencies, p99, np.concatenate(counts), np.concatenate(above)),
        settled,
        latencies.size,
    )


def _rate(rates: Floats) -> Interval:
    mean = float(rates.mean())
    wide = _DEVIATIONS * float(rates.std(ddof=1)) / np.sqrt(rates.size)
    return Interval(mean, mean - wide, mean + wide)


def _quantile(latencies: Floats, p99: float, counts: Floats, above: Floats) -> Interval:
    """Interval of a P99 from the shares above it in parts."""
    if not latencies.size:
        return Interval(p99, 0.0, float("inf"))
    beyond = above - counts * above.sum() / counts.sum()
    spread = _DEVIATIONS * float(np.sqrt(np.sum(beyond**2))) / counts.sum()
    low, high = np.quantile(latencies, [max(0.99 - spread, 0.0), min(0.99 + spread, 1.0)])
    # Of a share that may be none, the largest seen is no upper end.
    return Interval(p99, float(low), float(high) if spread < 0.01 else float("inf"))


def _drift(run: Simulated) -> float:
    """P99 of the last third of what a run measured over that of the first third."""
    third = run.latencies.size // 3
    if not third:
        return 1.0
    first, last = (
        float(np.quantile(part, 0.99)) for part in (run.latencies[:third], run.latencies[-third:])
    )
    return last / first


def _settled(run: Simulated) -> bool:
    """Whether latency and rate are no longer on their way, as far as parts of a run can tell."""
    half = run.seconds * 3 / 4
    later = float(np.mean(run.ends >= half)) if run.ends.size else 0.5
    return 1 / SETTLED < _drift(run) < SETTLED and abs(later - 0.5) < _EVEN
