"""Recommendation: largest batch and longest wait for a rate within a latency target."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel import thresholds
from aethermodel.advice.latency_under_load import Percentile, Server, check_arrivals
from aethermodel.advice.law_answers import Quantity
from aethermodel.calibrate.predict.size_answers import SHARE
from aethermodel.inputs.refusals import InputError
from aethermodel.published.batching_settings import Setting, system
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.laws.law import Law

#: Share of the target to plan with; the rest is for what the law does not know: the host's pauses.
MARGIN = 0.8
#: Share of what full batches carry up to which head-room is looked for: a queue near it has no end.
BUSIEST = 0.95
_HALVINGS = 10


@dataclass(frozen=True)
class Recommendation:
    """Settings for a service.

    Attributes
    ----------
    rate : float
        Records a second that were asked for.
    target_seconds : float
        P99 that was asked for.
    batch : int
        Largest batch, in records.
    wait_seconds : float
        Longest wait for it to fill.
    p50, p99 : Quantity
        Expected latency with these.
    utilisation : float
        Share of its time that the server is busy if all batches are full.
    headroom : float
        How many times the rate is carried within the target, with the same settings.
    settings : tuple of Setting
        The same for the system that was named; empty without one.
    title, remark : str
        Full name of the system, and what its settings cannot say.
    assumes : str
    extrapolated : bool
        Whether batches smaller than any measured are expected: they take the smallest one's time.
    """

    rate: float
    target_seconds: float
    batch: int
    wait_seconds: float
    p50: Quantity
    p99: Quantity
    utilisation: float
    headroom: float
    settings: tuple[Setting, ...]
    title: str
    remark: str
    assumes: str
    extrapolated: bool

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says."""
        return asdict(self)


def recommend(
    law: Law,
    rate: float,
    p99: float,
    system_name: str | None = None,
    *,
    arrivals: str = "poisson",
    record_bytes: float | None = None,
    level: float = thresholds.LEVEL,
    seed: int = 0,
) -> Recommendation:
    """Return the largest batch and the longest wait that keep a latency target at a rate.

    Parameters
    ----------
    law : Law
        Time of a batch over its size, in records or in bytes.
    rate : float
        Records a second.
    p99 : float
        Longest time wanted from a record's arrival to the end of its batch, in seconds, for 99 of
        100 records.
    system_name : str, optional
        Of ``data/batching-settings.toml``.
    arrivals : {"poisson", "bursty", "steady"}
    record_bytes : float, optional
        Needed where the law or a setting is in bytes.
    level : float
    seed : int
        Of the simulation.

    Raises
    ------
    InputError
        If the target cannot be kept: says by how much, and what could be.

    Notes
    -----
    An event waits out at most a batch in service and then its own: so the batch is the smallest
    that has 95 % of the best rate of those of which two fit into the planned time, 0.8 of the
    target. The wait is the longest for which the upper end of P99, simulated with the batch and
    the wait, stays within the planned time: the longer it is, the fewer and fuller the batches.
    """
    _check(rate, p99, arrivals)
    server = Server(law, record_bytes)
    named = system(system_name) if system_name else None
    if named is not None:
        named.settings(1, 0.0, record_bytes)  # refuses what it lacks before anything is computed
    planned = MARGIN * p99
    batch = _batch(server, rate, planned, p99)
    at_once = server.percentiles(rate, batch, arrivals=arrivals, level=level, seed=seed)
    spread = at_once[1].high / at_once[1].seconds
    if not spread * at_once[1].seconds <= planned:
        raise InputError(
            f"P99 is {_time(at_once[1].seconds)} (at most {_time(at_once[1].high)}) even with no "
            f"wait, batches up to {batch:,}: a target of {_time(p99)} has "
            f"{percentage(MARGIN, 0)} of it to plan with; share the rate between more servers"
        )

    def longest(hold: float, factor: float = 1.0) -> float:
        return spread * server.percentile(
            factor * rate, batch, 0.99, arrivals=arrivals, hold_seconds=hold, seed=seed
        )

    wait = _longest_wait(rate, batch, planned, longest)
    wait = named.rounded_wait(wait) if named else float(f"{0.995 * wait:.2g}")
    expected = at_once
    if wait > 0:
        expected = server.percentiles(
            rate, batch, arrivals=arrivals, hold_seconds=wait, level=level, seed=seed
        )
    capacity = server.capacity(batch)
    return Recommendation(
        rate=rate,
        target_seconds=p99,
        batch=batch,
        wait_seconds=wait,
        p50=_quantity(expected[0]),
        p99=_quantity(expected[1]),
        utilisation=rate / capacity,
        headroom=_headroom(BUSIEST * capacity / rate, lambda factor: longest(wait, factor) <= p99),
        settings=named.settings(batch, wait, record_bytes) if named else (),
        title=named.title if named else "",
        remark=named.remark if named else "",
        assumes=server.assumes(arrivals),
        extrapolated=server.smallest > 1,
    )


def _check(rate: float, p99: float, arrivals: str) -> None:
    for name, figure in (("rate", rate), ("P99 target", p99)):
        if not 0 < figure < math.inf:
            raise InputError(f"a {name} is a finite number above 0, not {figure!r}")
    check_arrivals(arrivals)


def _batch(server: Server, rate: float, planned: float, target: float) -> int:
    """Largest batch: the smallest with 95 % of the best rate of those that the time allows."""
    limit = server.times.last_size_within(planned / 2)[0]
    if np.isnan(limit):
        shortest = float(server.times.table.min())
        raise InputError(
            f"the smallest batch takes {_time(shortest)}: a record waits out one batch and then "
            f"its own, and {percentage(MARGIN, 0)} of a target of {_time(target)} has no "
            "room for two"
        )
    most = int(max(1, min(limit, server.largest)))
    best, size = (figures[0] for figures in server.times.best_rate(most))
    first = server.times.first_size_at(SHARE * best)[0]
    batch = int(np.clip(np.ceil(first), 1, most))
    if rate >= SHARE * server.capacity(batch):
        batch = int(np.clip(np.ceil(size), 1, most))
    capacity = server.capacity(batch)
    if rate >= capacity:
        raise InputError(
            f"batches up to {most:,}, of which two fit into the target, carry {capacity:,.4g}/s at "
            f"most, and {rate:,.4g}/s are asked for: take {math.ceil(rate / (0.8 * capacity))} "
            "servers, or a longer target"
        )
    return batch


def _longest_wait(
    rate: float, batch: int, planned: float, longest: Callable[[float], float]
) -> float:
    # By then a batch is as good as always full: a longer wait would change nothing.
    most = min(planned, 10 * batch / rate)
    if longest(most) <= planned:
        return most
    low, high = 0.0, most
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if longest(middle) <= planned else (low, middle)
    # In a shorter one hardly a second record comes.
    return low if low * rate >= 0.1 else 0.0


def _headroom(most: float, within: Callable[[float], bool]) -> float:
    low, high = 1.0, most
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if within(middle) else (low, middle)
    return low


def _quantity(percentile: Percentile) -> Quantity:
    return Quantity(percentile.seconds, percentile.low, percentile.high, "s")


def _time(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds * 1e9:.3g} ns"
