"""Terms of T_batch, each an expression in N with parameters as symbols."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import sympy

from aethermodel.model.parameters import (
    DIMENSIONS,
    K,
    N,
    Parameter,
    UnitError,
    dimension_of,
    expression_of,
)
from aethermodel.model.scaling.scalability import KAPPA, SIGMA, SPEEDUP, P

#: Order of the terms in every sum, table and plot.
TERM_NAMES = ("loop", "ffi", "kernel", "fabric")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,39}")
#: What a batch costs a producer in a process of its own: a stage beside the sum of the others.
PRODUCER = "send"
#: What the plane fetches again after a batch went through its caches: a part of the loop's term.
REFILL = "refill"
#: Topics of the router, each with a handler.
TOPICS = sympy.Symbol("k_topics", positive=True)


@dataclass(frozen=True)
class Term:
    """One summand of T_batch.

    Attributes
    ----------
    name : str
        Letters, digits and _; the built-in pipeline has `TERM_NAMES` and `PRODUCER`.
    expression : sympy.Expr
        Seconds a batch, in the symbols N, K and those of `parameters`.
    parameters : tuple of Parameter

    Raises
    ------
    ValueError
        If the name is not a term's, or a symbol has no parameter.
    UnitError
        If the expression is not a time.
    """

    name: str
    expression: sympy.Expr
    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a term's name is letters, digits and _, not {self.name!r}")
        units = {p.symbol: DIMENSIONS[p.unit] for p in self.parameters}
        units |= {N: DIMENSIONS["event"], K: DIMENSIONS["call"]}
        missing = self.expression.free_symbols - units.keys()
        if missing:
            names = ", ".join(sorted(symbol.name for symbol in missing))
            raise ValueError(f"term {self.name}: no parameter for {names}")
        dimension = dimension_of(self.expression, units)
        if dimension != DIMENSIONS["s"]:
            raise UnitError(f"term {self.name} is {dimension}, not a time")

    @property
    def summands(self) -> list[sympy.Expr]:
        """Its summands as one writes them: first what is paid once, then what grows."""
        order = {p.symbol: place for place, p in enumerate(self.parameters)}
        return sorted(
            sympy.Add.make_args(self.expression),
            key=lambda part: min(order.get(symbol, len(order)) for symbol in part.free_symbols),
        )

    @property
    def written(self) -> sympy.Expr:
        """The expression, its sum in that order."""
        return sympy.Add(*self.summands, evaluate=False)


def fixed(name: str, cost: Parameter) -> Term:
    """Return a term that costs the same for every batch."""
    return Term(name, cost.symbol, (cost,))


def affine(name: str, start: Parameter | None, per_event: Parameter) -> Term:
    """Return a term with an optional cost a batch and a cost an event."""
    expression = per_event.symbol * N
    if start is None:
        return Term(name, expression, (per_event,))
    return Term(name, start.symbol + expression, (start, per_event))


def knees(
    name: str,
    start: Parameter,
    per_event: Parameter,
    hinges: Iterable[tuple[Parameter, Parameter]],
) -> Term:
    """Return a term whose cost an event rises at known batch sizes.

    Parameters
    ----------
    name : str
        The term.
    start, per_event : Parameter
        Seconds a batch, and seconds an event below the first knee.
    hinges : iterable of (Parameter, Parameter)
        Batch size at which a memory level is full, and the further seconds that
        every event beyond it costs.
    """
    expression = start.symbol + per_event.symbol * N
    parameters = [start, per_event]
    for knee, rise in hinges:
        expression += rise.symbol * sympy.Max(0, N - knee.symbol)
        parameters += [knee, rise]
    return Term(name, expression, tuple(parameters))


def shared(term: Term, threads: Parameter, sigma: Parameter, kappa: Parameter) -> Term:
    """Return a term whose events are shared out to threads, by the universal scalability law.

    Parameters
    ----------
    term : Term
        Of one thread.
    threads, sigma, kappa : Parameter
        Dimensionless: how many, their contention and their coherency.

    Returns
    -------
    Term
        What grows with N, over the speedup; what is paid once a batch stays.
    """
    figures = {P: threads.symbol, SIGMA: sigma.symbol, KAPPA: kappa.symbol}
    once, growing = term.expression.as_independent(N, as_Add=True)
    law = once + growing / SPEEDUP.subs(figures, simultaneous=True)
    return Term(term.name, law, (*term.parameters, threads, sigma, kappa))


def expected_calls(topics: sympy.Expr | int) -> sympy.Expr:
    """Return handler calls a tick: how many topics N uniform events are expected to hit.

    Parameters
    ----------
    topics : sympy.Expr or int
        Topics, each with a handler.

    Returns
    -------
    sympy.Expr
        In N. The classical occupancy sum (Feller 1968, An Introduction to Probability Theory,
        volume 1, section IV.2).

    Raises
    ------
    TypeError
        If `topics` is neither an expression nor a number.
    ValueError
        If there is none.
    """
    k = expression_of(topics)
    if k.is_number and not k.is_positive:
        raise ValueError(f"there is at least 1 topic, not {k}")
    return k * (1 - (1 - 1 / k) ** N)


def refilled(
    loop: Term, refill: Parameter, before: tuple[Parameter, Parameter] | None = None
) -> Term:
    """Return the loop term with what the plane fetches again once events have gone by.

    Parameters
    ----------
    loop : Term
        With its caches warm.
    refill : Parameter
        Seconds for every event that went through the caches since the last tick.
    before : (Parameter, Parameter), optional
        Events that fill the cache, and what each up to there costs; `refill` is then of those
        beyond.

    Notes
    -----
    A cache that forgets what was used longest ago has lost nothing before something else went
    through it, and all of it once it has been filled anew (Agarwal, Hennessy and Horowitz 1989, An
    Analytical Cache Model, doi 10.1145/63404.63407); in between in proportion.
    """
    if before is None:
        return Term(loop.name, loop.expression + refill.symbol * N, (*loop.parameters, refill))
    full, below = before
    beyond = sympy.Max(0, N - full.symbol)
    return Term(
        loop.name,
        loop.expression + below.symbol * (N - beyond) + refill.symbol * beyond,
        (*loop.parameters, refill, below, full),
    )


def dispatch(tick: Parameter, per_call: Parameter) -> Term:
    """Return the loop term: one tick a batch and one call a topic that has a handler."""
    return Term("loop", tick.symbol + per_call.symbol * K, (tick, per_call))
