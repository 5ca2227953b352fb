"""Optimal batch size: for a share of the best rate, a rate, or a latency; in closed form.

On a piece ``T = a + b N`` the rate ``N / T`` reaches x at ``N = x a / (1 - x b)``, and the time t
at ``N = (t - a) / b``. Handler calls are part of a, and depend on N only until every topic is hit;
until then the solution is bracketed by those for the fewest and the most calls.

Of two stages side by side each has its own solution, and the whole that of the slower one. A law
of any other form is sampled, and searched (`aethermodel.model.sampled_law`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy

from aethermodel.model.batch import BatchModel
from aethermodel.model.piecewise_law import Law, pieces
from aethermodel.model.pipelined import Pipelined
from aethermodel.model.sampled_law import SampledLaw

#: What the functions here take.
AnyLaw = Law | Pipelined | SampledLaw

Floats = npt.NDArray[np.float64]
_HALVINGS = 100
# Relative width of a bracket that is closed: a batch size is asked for in whole events.
_CLOSED = 1e-13
# Places between a peak and the largest batch at which a rate is looked at.
_STEPS = 33
# Farther out than any batch that fits into memory.
_FAR = 1e18


def size_for_share(model: BatchModel, share: float) -> sympy.Expr:
    """Return N* for a share of the asymptote, symbolic, on the last piece of T_batch.

    Parameters
    ----------
    model : BatchModel
    share : float
        Above 0 and below 1.

    Returns
    -------
    sympy.Expr
        In the model's parameters and K. With one piece (no knee) and ``T = a + b N``:
        ``share / (1 - share) a / b``, Hockney's N-half for a share of one half (Hockney and
        Jesshope 1981, section 1.3).
    """
    if not 0 < share < 1:
        raise ValueError(f"a share of the asymptote lies between 0 and 1, not at {share!r}")
    last = pieces(model)[-1]
    part = sympy.nsimplify(share, rational=True)
    return sympy.simplify(part * last.fixed / ((1 - part) * last.slope))


def size_at_rate(fixed: Any, slope: Any, rate: Any) -> Any:
    """Return N for which ``N / (fixed + slope N)`` is a rate: figures or symbols alike."""
    return rate * fixed / (1 - rate * slope)


def size_at_time(fixed: Any, slope: Any, seconds: Any) -> Any:
    """Return N for which ``fixed + slope N`` is a time: figures or symbols alike."""
    return (seconds - fixed) / slope


def best_rate(law: AnyLaw, most: float = np.inf) -> tuple[Floats, Floats]:
    """Return the highest rate at any batch size, and the smallest size that has it.

    Parameters
    ----------
    law : Law, Pipelined or SampledLaw
    most : float
        Largest batch that there is room for, in events: at least 1.

    Returns
    -------
    rate, size : ndarray of float64, shape (draws,)
        Events a second, and events; the size is infinite where the rate is only approached. At a
        knee the rate may pass the asymptote: beyond it each event costs more.
    """
    if isinstance(law, SampledLaw):
        return law.best_rate(most)
    if isinstance(law, Pipelined):
        return _best_together(law, most)
    # A rate N / T has no maximum inside a piece: its derivative has the sign of a. So it lies at
    # the first size, at a knee, or at the largest one.
    sizes = np.maximum(np.concatenate([np.ones_like(law.above[:1]), law.above[1:]]), 1)
    sizes = np.minimum(sizes, most)
    places = np.concatenate([sizes, np.full_like(sizes[:1], most)])
    with np.errstate(divide="ignore"):
        last = 1 / law.slope[-1] if np.isinf(most) else law.rate(places[-1])
    rates = np.concatenate([np.stack([law.rate(size) for size in sizes]), last[None]])
    best = np.argmax(rates, axis=0)[None]
    return np.take_along_axis(rates, best, 0)[0], np.take_along_axis(places, best, 0)[0]


def _best_together(law: Pipelined, most: float) -> tuple[Floats, Floats]:
    """The highest rate of two stages: at the peak of one of them, or where they cross between.

    A stage's rate grows up to its peak and falls beyond it; but for handler calls, which make it
    rise once more after a knee that lies below what hits every topic. So all three are looked at.
    """
    peaks = [best_rate(stage, most) for stage in law.stages]
    first = np.argmin([np.minimum(size, _FAR) for _, size in peaks], axis=0)

    def pick(figures: list[Floats], late: int) -> Floats:
        return np.where(first == late, figures[0], figures[1])

    early, late = pick([s for _, s in peaks], 0), pick([s for _, s in peaks], 1)

    def lead(n: Floats) -> Floats:
        """By how much the stage that peaks late is ahead of the other."""
        rates = [stage.rate(np.minimum(n, _FAR)) for stage in law.stages]
        return pick(rates, 1) - pick(rates, 0)

    low, high = np.minimum(early, _FAR), np.minimum(late, _FAR)
    _, high = _halved(low, high, lambda n: lead(n) >= 0)
    sizes = np.stack([early, high, late])
    rates = np.stack([law.rate(np.minimum(size, _FAR)) for size in sizes])
    # The first of equals: the smallest size.
    best = np.argmax(rates >= rates.max(axis=0) * (1 - 1e-12), axis=0)[None]
    return np.take_along_axis(rates, best, 0)[0], np.take_along_axis(sizes, best, 0)[0]


def size_for_rate(law: AnyLaw, rate: npt.ArrayLike) -> Floats:
    """Return the smallest batch size that reaches a rate.

    Parameters
    ----------
    law : Law, Pipelined or SampledLaw
    rate : array_like, scalar or shape (draws,)
        Events a second, above zero.

    Returns
    -------
    ndarray of float64, shape (draws,)
        Events, at least 1; infinite where no batch size reaches it.
    """
    if isinstance(law, SampledLaw):
        return law.first_size_at(_positive(rate, "a target rate", "events a second"))
    if isinstance(law, Pipelined):
        each = np.maximum(*(size_for_rate(stage, rate) for stage in law.stages))
        # Where the later stage gets there, the earlier one may have fallen back behind a knee.
        reached = law.rate(np.minimum(each, _FAR)) >= np.multiply(rate, 1 - 1e-9)
        return np.where(reached, each, np.inf)
    wanted = np.broadcast_to(np.asarray(rate, dtype=np.float64), law.slope[0].shape)
    _positive(wanted, "a target rate", "events a second")

    def solve(calls: Floats | float) -> Floats:
        fixed = law.fixed + law.per_call * calls
        with np.errstate(divide="ignore", invalid="ignore"):
            places = size_at_rate(fixed, law.slope, wanted)
        return _first(law, places, (wanted * law.slope < 1) | (fixed < 0))

    least, most = solve(law.calls(np.ones_like(wanted))), solve(law.most_calls)
    # At a knee the rate may have a peak that has it, by the few topics not hit, and fall again.
    for knee in np.maximum(law.above[1:], 1):
        most = np.where(law.rate(knee) >= wanted, np.minimum(most, knee), most)
    found = _between(least, most, lambda n: law.rate(n) >= wanted)
    return np.where(law.rate(np.ones_like(wanted)) >= wanted, 1.0, found)


def last_size_at(law: AnyLaw, rate: npt.ArrayLike, most: float) -> Floats:
    """Return the largest batch size, up to `most`, that still reaches a rate.

    Parameters
    ----------
    law : Law, Pipelined or SampledLaw
    rate : array_like, scalar or shape (draws,)
        Events a second, above zero.
    most : float
        Largest batch to look at, in events.

    Returns
    -------
    ndarray of float64, shape (draws,)
        Events; `most` where that reaches it, nan where no size does.
    """
    return RateSearch(law, most).last_size_at(rate)


@dataclass(frozen=True)
class RateSearch:
    """Rates of a law up to a largest size, worked out once for all that is asked of them.

    Attributes
    ----------
    law : Law, Pipelined or SampledLaw
    most : float
        Largest batch to look at, in events.
    """

    law: AnyLaw
    most: float

    @cached_property
    def best(self) -> tuple[Floats, Floats]:
        """The highest rate and its size, as `best_rate` returns them."""
        return best_rate(self.law, self.most)

    @cached_property
    def _beyond_peak(self) -> tuple[Floats, Floats]:
        """Sizes from the peak to the largest, and the rates there."""
        steps = np.linspace(0, 1, _STEPS)[:, None]
        peak = self.best[1]
        grid = peak * (self.most / peak) ** steps
        return grid, np.stack([self.law.rate(np.minimum(size, self.most)) for size in grid])

    def last_size_at(self, rate: npt.ArrayLike) -> Floats:
        """Return the largest batch size that still reaches a rate, as `last_size_at` does."""
        law = self.law
        if isinstance(law, SampledLaw):
            return law.last_size_at(rate, self.most)
        stages = law.stages if isinstance(law, Pipelined) else (law,)
        shape = stages[0].slope[0].shape
        wanted = np.broadcast_to(np.asarray(rate, dtype=np.float64), shape)
        # Behind its peak a rate falls; where a knee comes before all topics are hit, not at once.
        grid, rates = self._beyond_peak
        reached = rates >= wanted * (1 - 1e-12)
        last = _STEPS - 1 - np.argmax(reached[::-1], axis=0)[None]
        low = np.take_along_axis(grid, last, 0)[0]
        high = np.take_along_axis(grid, np.minimum(last + 1, _STEPS - 1), 0)[0]
        low, _ = _halved(low, high, lambda n: law.rate(n) < wanted)
        found = np.where(
            law.rate(np.full(shape, self.most)) >= wanted * (1 - 1e-12), self.most, low
        )
        return np.where(reached.any(axis=0), found, np.nan)


def size_within(law: AnyLaw, seconds: npt.ArrayLike) -> Floats:
    """Return the largest batch size whose T_batch stays within a time.

    Parameters
    ----------
    law : Law, Pipelined or SampledLaw
    seconds : array_like, scalar or shape (draws,)
        Above zero.

    Returns
    -------
    ndarray of float64, shape (draws,)
        Events; nan where one event already takes longer, infinite where nothing is paid an event.
    """
    if isinstance(law, SampledLaw):
        return law.last_size_within(_positive(seconds, "a latency target", "seconds"))
    if isinstance(law, Pipelined):
        return np.minimum(*(size_within(stage, seconds) for stage in law.stages))
    limit = np.broadcast_to(np.asarray(seconds, dtype=np.float64), law.slope[0].shape)
    _positive(limit, "a latency target", "seconds")

    def solve(calls: Floats | float) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            places = size_at_time(law.fixed + law.per_call * calls, law.slope, limit)
        # One event is the least there is, however little of the time is left for it.
        return _first(law, np.maximum(places, 1.0), places < np.inf)

    least, most = solve(law.most_calls), solve(law.calls(np.ones_like(limit)))
    found = _between(least, most, lambda n: law.seconds(n) > limit)
    return np.where(law.seconds(np.ones_like(limit)) > limit, np.nan, found)


def best_within(law: AnyLaw, seconds: npt.ArrayLike) -> Floats:
    """Return the batch size of the highest rate among those whose T_batch stays within a time."""
    _, peak = best_rate(law)
    return np.asarray(np.minimum(peak, size_within(law, seconds)))


def _positive(target: npt.ArrayLike, what: str, unit: str) -> Floats:
    figures = np.asarray(target, dtype=np.float64)
    if not np.all(figures > 0):
        raise ValueError(f"{what} must be above zero {unit}")
    return figures


def _first(law: Law, places: Floats, possible: npt.NDArray[np.bool_]) -> Floats:
    """The solution on the first piece that holds it; infinite without one."""
    ends = np.concatenate([law.above[1:], np.full_like(law.above[:1], np.inf)])
    # Where two pieces meet, rounding must not lose the solution between them.
    inside = possible & (places >= law.above * (1 - 1e-9)) & (places <= ends)
    first = np.argmax(inside, axis=0)[None]
    found = np.take_along_axis(places, first, 0)[0]
    return np.where(inside.any(axis=0), found, np.inf)


def _between(
    least: Floats, most: Floats, passed: Callable[[Floats], npt.NDArray[np.bool_]]
) -> Floats:
    """Settle a solution between those with the fewest and the most handler calls.

    The two are the same once every topic is hit, and then there is nothing to settle.
    """
    open_ended = ~np.isfinite(most)
    low, high = np.clip(least, 1, _FAR), np.maximum(np.where(open_ended, _FAR, most), 1)
    if np.allclose(low, high, rtol=1e-12):
        return most
    _, high = _halved(low, high, passed)
    return np.where(open_ended, np.inf, high)


def _halved(
    low: Floats, high: Floats, passed: Callable[[Floats], npt.NDArray[np.bool_]]
) -> tuple[Floats, Floats]:
    """Narrow brackets, by ratios, around where something is passed, until they are closed."""
    for _ in range(_HALVINGS):
        middle = np.sqrt(low * high)
        beyond = passed(middle)
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
        if np.all(high - low <= _CLOSED * high):
            break
    return low, high
