"""Bulk-service Markov chain: stationary queue and latency of Poisson arrivals."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

# Longest queue that is solved for; the linear system grows with its square.
MOST_STATES = 1600
NEGLIGIBLE = 1e-13
CELLS = 32
BINS = 1 << 16


def poisson_latency(rate: float, table: Floats) -> tuple[float, Floats, Floats] | None:
    """Latency distribution of the M/D(n)/1 queue with bulk service from one event up.

    Parameters
    ----------
    rate : float
        Events per second, below the stability limit.
    table : ndarray, shape (largest,)
        Seconds that batches of 1, 2, ... events take.

    Returns
    -------
    tuple of (float, ndarray, ndarray) or None
        Mean latency in seconds; latencies, ascending, and the share of events at or below them.
        None if the queue grows too long for the chain.

    Notes
    -----
    The queue found at each start of service is a Markov chain (Bailey 1954, doi
    10.1111/j.2517-6161.1954.tb00149.x). An event that arrives with age u into a service of t
    seconds finds what was left over and a Poisson(rate u) number before it; it waits out the t - u,
    then whole full batches for those before it, then its own batch, whose size the arrivals behind
    it decide. Given u all of these are Poisson, so only u is put on a grid.
    """
    start = queue_at_start(rate, table)
    if start is None:
        return None
    largest = table.size
    taken = np.minimum(np.arange(1, start.size + 1), largest)
    arriving = rate * table[taken - 1]
    # The event that ends an idle period is served alone and at once.
    idle = float(np.sum(start[:largest] * np.exp(-arriving[:largest])))
    places, widths, weights = [np.array([table[0]])], [np.zeros(1)], [np.array([idle])]
    for size in range(1, min(largest, start.size) + 1):
        # All queues from the largest batch up have the same service; they differ in what is left.
        left = start[largest - 1 :] if size == largest else start[size - 1 : size]
        if left.sum() * arriving[size - 1] < NEGLIGIBLE:
            continue
        for place, weight in _during(rate, table, size, left * arriving[size - 1] / CELLS):
            places.append(place)
            weights.append(weight)
            widths.append(np.full(place.size, table[size - 1] / CELLS))
    return _distribution(np.concatenate(places), np.concatenate(widths), np.concatenate(weights))


def queue_at_start(rate: float, table: Floats) -> Floats | None:
    """Stationary probabilities of 1, 2, ... waiting events at the start of a service.

    Returns
    -------
    ndarray of float64 or None
        None if more than `MOST_STATES` events may wait.
    """
    largest = table.size
    states = min(MOST_STATES, 2 * largest + 64)
    if largest > MOST_STATES // 2:
        return None
    while True:
        counts = np.arange(states + 1)
        chain = np.zeros((states, states))
        for queue in range(1, states + 1):
            size = min(queue, largest)
            if queue <= largest:
                arrived = _poisson(rate * float(table[size - 1]), counts)
            left = queue - size
            row = chain[queue - 1]
            row[max(left, 1) - 1 :] = arrived[max(1 - left, 0) : states - left + 1]
            if left == 0:
                row[0] += arrived[0]
            row[-1] += max(0.0, 1 - row.sum())
        balance = chain.T - np.eye(states)
        balance[-1] = 1.0
        right = np.zeros(states)
        right[-1] = 1.0
        solved: Floats = np.clip(np.linalg.solve(balance, right), 0, None)
        if solved[-(states // 10) :].sum() < 1e-9:
            return np.asarray(solved / solved.sum())
        if states == MOST_STATES:
            return None
        states = min(MOST_STATES, 2 * states)


def _poisson(mean: float, counts: npt.NDArray[np.int64]) -> Floats:
    from scipy.special import gammaln

    log = counts * np.log(mean) - mean - gammaln(counts + 1)
    probability: Floats = np.exp(log)
    return probability


def _spread(mean: float) -> tuple[int, Floats]:
    """First count and probabilities of all counts that matter."""
    reach = 8 * np.sqrt(mean) + 12
    low = max(0, int(mean - reach))
    return low, _poisson(mean, np.arange(low, int(mean + reach) + 1))


def _during(rate: float, table: Floats, size: int, left: Floats) -> list[tuple[Floats, Floats]]:
    """Latencies of the events that arrive during a service of `size`, cell by cell of its age."""
    largest, seconds = table.size, float(table[size - 1])
    found = []
    for cell in range(CELLS):
        age = seconds * (cell + 0.5) / CELLS
        low, before = _spread(rate * age)
        ahead = np.convolve(left, before)
        for batches in range(low // largest, (low + ahead.size - 1) // largest + 1):
            own = ahead[max(0, batches * largest - low) : max(0, (batches + 1) * largest - low)]
            if own.sum() < NEGLIGIBLE:
                continue
            rank = max(0, low - batches * largest)
            waits = seconds - age + batches * float(table[-1])
            behind, after = _spread(rate * waits)
            joint = np.convolve(own, after)
            sizes = np.minimum(rank + behind + 1 + np.arange(joint.size), largest)
            weight: Floats = np.bincount(sizes, joint).astype(np.float64)
            kept = np.flatnonzero(weight > NEGLIGIBLE / CELLS)
            found.append((waits + table[kept - 1], weight[kept]))
    return found


def _distribution(places: Floats, widths: Floats, weights: Floats) -> tuple[float, Floats, Floats]:
    """Mean, grid and cumulative shares of masses spread evenly about their places."""
    weights = weights / weights.sum()
    mean = float(weights @ places)
    step = float(np.max(places + widths)) / (BINS - 4)
    # A mass spread over [a, b] raises the density at a and lowers it at b.
    widths = np.maximum(widths, step)
    rise = weights / widths
    change = np.zeros(BINS)
    for edge, sign in ((places - widths / 2, 1.0), (places + widths / 2, -1.0)):
        position = edge / step
        whole = np.floor(position).astype(np.int64)
        part = position - whole
        change += sign * np.bincount(whole, rise * (1 - part), minlength=BINS)
        change += sign * np.bincount(whole + 1, rise * part, minlength=BINS)
    density = np.cumsum(change)
    cumulative = np.cumsum(density) * step
    grid = np.asarray(np.arange(BINS) * step + step / 2, dtype=np.float64)
    return mean, grid, np.clip(np.maximum.accumulate(cumulative), 0, 1)
