"""Latency under load: a server that takes whatever waits, up to a largest batch, in T_batch(n)."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aethermodel.model.arrivals import Arrivals, Poisson
from aethermodel.model.bulk_chain import poisson_latency
from aethermodel.model.pauses import Pauses

Floats = npt.NDArray[np.float64]
Service = Callable[[Floats], npt.ArrayLike]


@dataclass(frozen=True)
class Latency:
    """Distribution of an event's time from arrival to the end of its batch.

    Attributes
    ----------
    rate : float
        Offered events per second.
    load : float
        Share of the stability limit that is offered.
    mean : float
        Seconds.
    grid, cumulative : ndarray of float64
        Latency in seconds, ascending, and the share of events at or below it.
    exact : bool
        Whether it was computed (up to the grid) rather than simulated.
    """

    rate: float
    load: float
    mean: float
    grid: Floats
    cumulative: Floats
    exact: bool

    def quantile(self, share: npt.ArrayLike) -> Floats:
        """Latency that a share of the events does not exceed, in seconds."""
        asked = np.asarray(share, dtype=np.float64)
        if not np.all((asked > 0) & (asked < 1)):
            raise ValueError("a quantile lies between 0 and 1")
        return np.asarray(np.interp(asked, self.cumulative, self.grid))

    @property
    def percentiles(self) -> dict[str, float]:
        """P50, P90, P99 and P99.9, in seconds."""
        shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "p99.9": 0.999}
        return {name: float(self.quantile(share)) for name, share in shares.items()}


def stability_limit(service: Service, largest: int) -> float:
    """Events per second above which the queue grows without end: ``n / T(n)`` at full batches.

    Parameters
    ----------
    service : callable
        Seconds that a batch takes, given an array of batch sizes.
    largest : int
        Largest batch that is taken.

    Notes
    -----
    Under overload every batch is full, so what smaller batches could do is of no help (Neuts 1967,
    doi 10.1214/aoms/1177698869, the general bulk service rule with minimum one).
    """
    return largest / float(_table(service, largest)[-1])


def latency_under(
    arrivals: Arrivals,
    service: Service,
    largest: int,
    *,
    events: int = 400_000,
    seed: int = 0,
    variation: Callable[[np.random.Generator, int], npt.ArrayLike] | None = None,
    pauses: Pauses | None = None,
) -> Latency:
    """Latency in the steady state.

    Computed exactly for single Poisson arrivals, a service time without variation or pauses and a
    queue that stays short enough; simulated otherwise.

    Parameters
    ----------
    arrivals : Poisson, Periodic or Bursty
        Offered events.
    service : callable
        Seconds that a batch takes, given an array of batch sizes.
    largest : int
        Largest batch that is taken; the server starts as soon as one event waits.
    events : int
        Events of a simulation; the first tenth is warm-up.
    seed : int
        Of a simulation.
    variation : callable, optional
        Given a generator and a count, factors of mean 1 that multiply the service times.
    pauses : Pauses, optional
        Of the host. The service times are then those of an undisturbed one.

    Returns
    -------
    Latency

    Raises
    ------
    ValueError
        If the load is not below the stability limit, or an argument is out of range.
    """
    table = _table(service, largest)
    running = 1.0 if pauses is None else 1 - pauses.share
    load = arrivals.rate * float(table[-1]) / largest / running
    if load >= 1:
        raise ValueError(
            f"{arrivals.rate:g} events/s are not below the stability limit of "
            f"{running * largest / table[-1]:g} events/s"
        )
    if isinstance(arrivals, Poisson) and arrivals.group == 1 and not (variation or pauses):
        found = poisson_latency(arrivals.rate, table)
        if found is not None:
            return Latency(arrivals.rate, load, *found, exact=True)
    if events < 1000:
        raise ValueError("a simulation needs at least 1,000 events")
    rng = np.random.default_rng(seed)
    times = arrivals.times(events, rng)
    factors = None if variation is None else np.asarray(variation(rng, events), dtype=np.float64)
    if pauses is None:
        waited = serve(times, table, factors)
    else:
        # In running time the server never pauses, and what came during a pause came at once.
        clock = pauses.clock(2 * float(times[-1]), rng)
        begun = clock.running(times)
        waited = clock.real(begun + serve(begun, table, factors)) - times
    waited = np.sort(waited[events // 10 :])
    cumulative = (np.arange(waited.size) + 0.5) / waited.size
    return Latency(arrivals.rate, load, float(waited.mean()), waited, cumulative, exact=False)


def serve(arrivals: Floats, table: Floats, factors: Floats | None = None) -> Floats:
    """Latency of each event of a trace, first come first served.

    Parameters
    ----------
    arrivals : ndarray, shape (events,)
        Arrival times, ascending, in seconds.
    table : ndarray, shape (largest,)
        Seconds that batches of 1, 2, ... events take.
    factors : ndarray, optional
        Multiplies the service time of each batch in turn; at least as many as batches.

    Returns
    -------
    ndarray of float64, shape (events,)
        Seconds from arrival to the end of the event's batch.
    """
    waiting = np.asarray(arrivals, dtype=np.float64).tolist()
    seconds = np.asarray(table, dtype=np.float64).tolist()
    scale = None if factors is None else factors.tolist()
    largest, total = len(seconds), len(waiting)
    ends: list[float] = []
    sizes: list[int] = []
    first, free = 0, 0.0
    while first < total:
        start = max(free, waiting[first])
        size = bisect_right(waiting, start, first, min(first + largest, total)) - first
        spent = seconds[size - 1]
        free = start + (spent if scale is None else spent * scale[len(ends)])
        ends.append(free)
        sizes.append(size)
        first += size
    return np.asarray(np.repeat(ends, sizes) - arrivals)


def _table(service: Service, largest: int) -> Floats:
    if largest < 1 or largest != int(largest):
        raise ValueError(f"the largest batch must be a whole number above zero, not {largest!r}")
    sizes = np.arange(1, int(largest) + 1, dtype=np.float64)
    table = np.broadcast_to(np.asarray(service(sizes), dtype=np.float64), sizes.shape)
    if not np.all(np.isfinite(table) & (table > 0)):
        raise ValueError("every service time must be a finite number of seconds above zero")
    return table
