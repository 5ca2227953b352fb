"""Batch-service queue: latency under load of a server that takes what waits."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.model.bulk_chain import poisson_latency
from aethermodel.model.queueing.arrivals import Arrivals, Poisson
from aethermodel.model.queueing.pauses import Pauses

Floats = npt.NDArray[np.float64]
Service = Callable[[Floats], npt.ArrayLike]
# Of a simulation, for its own error.
_PIECES = 20


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
    trace : ndarray of float64, optional
        Of a simulation: the latencies in the order of arrival, warm-up left out.
    """

    rate: float
    load: float
    mean: float
    grid: Floats
    cumulative: Floats
    exact: bool
    trace: Floats | None = None

    def quantile(self, share: npt.ArrayLike) -> Floats:
        """Latency that a share of the events does not exceed, in seconds."""
        asked = np.asarray(share, dtype=np.float64)
        if not np.all((asked > 0) & (asked < 1)):
            raise ValueError("a quantile lies between 0 and 1")
        return np.asarray(np.interp(asked, self.cumulative, self.grid))

    def simulation_error(self, share: float) -> float:
        """Standard error of a quantile that comes from the simulation's length, in seconds.

        By batch means (Law & Kelton, Simulation Modeling and Analysis): the trace is cut into
        consecutive pieces, longer than a busy period and so nearly independent, and the quantiles
        of the pieces tell how much that of all varies. 0 where the latency was computed.
        """
        if self.trace is None:
            return 0.0
        self.quantile(share)  # refuses what is no share
        found = [float(np.quantile(piece, share)) for piece in np.array_split(self.trace, _PIECES)]
        return float(np.std(found, ddof=1) / np.sqrt(_PIECES))

    @property
    def percentiles(self) -> dict[str, float]:
        """P50, P90, P99 and P99.9, in seconds."""
        return {name: float(self.quantile(s)) for name, s in thresholds.PERCENTILES.items()}


class HostClock(Protocol):
    """A host's running time against real time."""

    def running(self, real: Floats) -> Floats:
        """Running time at each real time."""

    def real(self, running: Floats) -> Floats:
        """Real time at each running time."""


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
    hold_seconds: float = 0.0,
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
        Largest batch that is taken.
    events : int
        Events of a simulation; the first tenth is warm-up.
    seed : int
        Of a simulation.
    variation : callable, optional
        Given a generator and a count, factors of mean 1 that multiply the service times.
    pauses : Pauses, optional
        Of the host. The service times are then those of an undisturbed one.
    hold_seconds : float
        Longest time that the oldest event waits for its batch to fill while the server is idle;
        0 starts as soon as one event waits.

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
    if not hold_seconds >= 0:
        raise ValueError(f"a time to hold must not be negative, not {hold_seconds!r}")
    plain = not (variation or pauses or hold_seconds)
    if isinstance(arrivals, Poisson) and arrivals.group == 1 and plain:
        found = poisson_latency(arrivals.rate, table)
        if found is not None:
            return Latency(arrivals.rate, load, *found, exact=True)
    if events < 1000:
        raise ValueError("a simulation needs at least 1,000 events")
    rng = np.random.default_rng(seed)
    times = arrivals.times(events, rng)
    factors = None if variation is None else np.asarray(variation(rng, events), dtype=np.float64)
    trace = serve_paused(times, table, pauses, rng, factors, hold_seconds)[events // 10 :]
    waited = np.sort(trace)
    cumulative = (np.arange(waited.size) + 0.5) / waited.size
    mean = float(waited.mean())
    return Latency(arrivals.rate, load, mean, waited, cumulative, exact=False, trace=trace)


def serve(
    arrivals: Floats, table: Floats, factors: Floats | None = None, hold_seconds: float = 0.0
) -> Floats:
    """Latency of each event of a trace, first come first served.

    Parameters
    ----------
    arrivals : ndarray, shape (events,)
        Arrival times, ascending, in seconds.
    table : ndarray, shape (largest,)
        Seconds that batches of 1, 2, ... events take.
    factors : ndarray, optional
        Multiplies the service time of each batch in turn; at least as many as batches.
    hold_seconds : float
        A batch starts once it is full, or once its oldest event has waited so long.

    Returns
    -------
    ndarray of float64, shape (events,)
        Seconds from arrival to the end of the event's batch.
    """
    if len(table) == 1:
        return _served_singly(arrivals, float(table[0]), factors)
    found = serve_in_batches(arrivals, table, factors, hold_seconds)
    return np.asarray(np.repeat(found.ends, found.sizes) - arrivals)


class Batches(NamedTuple):
    """Batches that a server took, one after the other.

    Attributes
    ----------
    ready, ends : ndarray, shape (batches,)
        When each was full or had waited long enough, and when it was done, in seconds.
    sizes : ndarray of int, shape (batches,)
    """

    ready: Floats
    ends: Floats
    sizes: npt.NDArray[np.int64]


def serve_in_batches(
    arrivals: Floats, table: Floats, factors: Floats | None = None, hold_seconds: float = 0.0
) -> Batches:
    """Return the batches of a trace; parameters as of `serve`."""
    waiting = np.asarray(arrivals, dtype=np.float64).tolist()
    seconds = np.asarray(table, dtype=np.float64).tolist()
    scale = None if factors is None else factors.tolist()
    largest, total = len(seconds), len(waiting)
    readies: list[float] = []
    ends: list[float] = []
    sizes: list[int] = []
    first, free = 0, 0.0
    while first < total:
        full = waiting[first + largest - 1] if first + largest <= total else math.inf
        ready = min(waiting[first] + hold_seconds, full)
        start = max(free, ready)
        size = bisect_right(waiting, start, first, min(first + largest, total)) - first
        spent = seconds[size - 1]
        free = start + (spent if scale is None else spent * scale[len(ends)])
        readies.append(ready)
        ends.append(free)
        sizes.append(size)
        first += size
    return Batches(np.array(readies), np.array(ends), np.array(sizes, dtype=np.int64))


def _served_singly(arrivals: Floats, seconds: float, factors: Floats | None) -> Floats:
    """Serve events one by one, all at once: Lindley's recursion as a running maximum.

    An event ends when all since the last idle moment are done: that moment is the arrival that
    is latest, less what had been served before it.
    """
    events = len(arrivals)
    spent = np.full(events, seconds) if factors is None else seconds * factors[:events]
    done = np.cumsum(spent)
    return np.asarray(done + np.maximum.accumulate(arrivals - (done - spent)) - arrivals)


def serve_paused(
    arrivals: Floats,
    table: Floats,
    pauses: Pauses | None,
    rng: np.random.Generator,
    factors: Floats | None = None,
    hold_seconds: float = 0.0,
) -> Floats:
    """Latency of each event of a trace, as `serve` gives it, on a host that pauses.

    Parameters
    ----------
    arrivals, table, factors, hold_seconds
        As in `serve`; the service times are those of an undisturbed host.
    pauses : Pauses or None
        Without any, it is `serve`.
    rng : numpy.random.Generator
        Draws the pauses.
    """
    if pauses is None:
        return serve(arrivals, table, factors, hold_seconds)
    clock = pauses.clock(2 * float(arrivals[-1]), rng)
    return serve_by_clock(clock, arrivals, table, factors, hold_seconds)


def serve_by_clock(
    clock: HostClock,
    arrivals: Floats,
    table: Floats,
    factors: Floats | None = None,
    hold_seconds: float = 0.0,
) -> Floats:
    """Latency of each event of a trace, as `serve` gives it, by a host's own clock.

    Parameters
    ----------
    clock : HostClock
        Of a host that pauses (`aethermodel.model.queueing.pauses.Pauses.clock`) or is slowed down
        (`aethermodel.model.queueing.host_pace.HostPace.clock`).
    arrivals, table, factors, hold_seconds
        As in `serve`; arrivals in real time, service times and the hold in running time.
    """
    # In running time the server never pauses, and what came during a pause came at once.
    begun = clock.running(arrivals)
    return np.asarray(clock.real(begun + serve(begun, table, factors, hold_seconds)) - arrivals)


def _table(service: Service, largest: int) -> Floats:
    if largest < 1 or largest != int(largest):
        raise ValueError(f"the largest batch must be a whole number above zero, not {largest!r}")
    sizes = np.arange(1, int(largest) + 1, dtype=np.float64)
    table = np.broadcast_to(np.asarray(service(sizes), dtype=np.float64), sizes.shape)
    if not np.all(np.isfinite(table) & (table > 0)):
        raise ValueError("every service time must be a finite number of seconds above zero")
    return table
