"""Batch model: T_batch as the sum of its terms, throughput, limit, N-half."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import sympy

from aethermodel.model.compiled import compiled
from aethermodel.model.notation import as_text, written
from aethermodel.model.parameters import K, N, Parameter, expression_of
from aethermodel.model.terms import PRODUCER, TERM_NAMES, Term

Floats = npt.NDArray[np.float64]

# Beyond this batch size N-half has no meaning for an engineer: 2**32 events fill 256 GiB.
_LARGEST_BATCH = 2.0**32


@dataclass(frozen=True)
class BatchModel:
    """The time of one batch: T_batch = T_loop + T_ffi + T_kernel(N) + T_fabric.

    Where another process sends, it works beside these, and the slower of the two sets the pace:
    T_batch = max(T_loop + T_ffi + T_kernel(N) + T_fabric, T_send(N)).

    Parameters
    ----------
    terms : sequence of Term
        At most one of each name; a term left out costs nothing.
    calls : float or sympy.Expr
        Handler calls a tick: the value of K, or an expression in N.
    producer : Term, optional
        What a batch costs a producer in a process of its own.

    Raises
    ------
    ValueError
        If two terms or two parameters share a name.
    TypeError
        If the calls are neither a number nor an expression.

    Notes
    -----
    The sum is that of the specification, section 2: within a process nothing overlaps.
    """

    terms: Sequence[Term]
    calls: float | sympy.Expr = 0.0
    producer: Term | None = None

    def __post_init__(self) -> None:
        _ = expression_of(self.calls)  # which refuses a text
        names = [term.name for term in self.all_terms]
        parameters = [p.name for term in self.all_terms for p in term.parameters]
        for kind, given in (("terms", names), ("parameters", parameters)):
            if len(set(given)) != len(given):
                raise ValueError(f"two {kind} share a name: {sorted(given)}")
        order = (*TERM_NAMES, PRODUCER)
        # Terms of one's own come after the built-in ones, as they were given.
        places = {name: place for place, name in enumerate(order)}
        ordered = sorted(self.terms, key=lambda term: places.get(term.name, len(order)))
        object.__setattr__(self, "terms", tuple(ordered))

    @property
    def all_terms(self) -> tuple[Term, ...]:
        """The terms, then the producer's where there is one."""
        return (*self.terms, self.producer) if self.producer else tuple(self.terms)

    @property
    def stages(self) -> tuple[BatchModel, ...]:
        """What runs side by side, each a model of its own: the sum of the terms, the producer."""
        if self.producer is None:
            return (self,)
        return BatchModel(self.terms, self.calls), BatchModel([self.producer], self.calls)

    @property
    def parameters(self) -> dict[str, Parameter]:
        """All parameters by name, in the order of the terms."""
        return {p.name: p for term in self.all_terms for p in term.parameters}

    @property
    def t_batch(self) -> sympy.Expr:
        """T_batch, symbolic, in seconds."""
        consumer = sympy.Add(*(term.expression for term in self.terms))
        return sympy.Max(consumer, self.producer.expression) if self.producer else consumer

    @property
    def equation(self) -> sympy.Eq:
        """T_batch = ..., symbolic, as one writes it: in the order of the terms."""
        return written(
            [part for term in self.terms for part in term.summands],
            self.producer and self.producer.expression,
        )

    @property
    def formula(self) -> str:
        """The same as text."""
        return f"T_batch = {as_text(self.equation.rhs)}"

    @property
    def throughput(self) -> sympy.Expr:
        """N / T_batch, symbolic, in events a second."""
        return N / self.t_batch

    @property
    def _values(self) -> dict[sympy.Symbol, float | sympy.Expr]:
        return {p.symbol: p.value for p in self.parameters.values()} | {K: self.calls}

    def limit(self) -> sympy.Expr:
        """Return the throughput that no batch size exceeds in the end: N to infinity, symbolic."""
        if self.producer:
            return sympy.Min(*(stage.limit() for stage in self.stages))
        # Beyond every knee each Max(0, N - knee) is its second argument.
        beyond = self.t_batch.replace(sympy.Max, lambda *a: next(x for x in a if x.has(N)))
        return 1 / sympy.expand(beyond).coeff(N, 1)

    def limit_per_second(self) -> float:
        """Return `limit` in figures (events a second); infinite where nothing is paid an event."""
        values = (stage.limit().subs(self._values) for stage in self.stages)
        return min(float("inf") if value.is_infinite else float(value) for value in values)

    def n_half(self) -> float:
        """Return the smallest batch size that reaches half of the limit (Hockney's N-half).

        Returns
        -------
        float
            Events; infinite where the limit is, 0 where no cost is paid a batch.
        """
        half = self.limit_per_second() / 2
        if not np.isfinite(half):
            return float("inf")
        low, high = 0.0, 1.0
        while self.throughput_at(high) < half:
            low, high = high, 2 * high
            if high > _LARGEST_BATCH:
                return float("inf")
        for _ in range(100):
            middle = (low + high) / 2
            low, high = (middle, high) if self.throughput_at(middle) < half else (low, middle)
        return high

    @cached_property
    def _numeric(self) -> dict[str, Any]:
        values = tuple(p.value for p in self.parameters.values())
        symbols = (N, *(p.symbol for p in self.parameters.values()))
        functions = {
            term.name: compiled(symbols, term.expression.subs(K, self.calls))
            for term in self.all_terms
        }
        return {name: lambda n, f=f: f(n, *values) for name, f in functions.items()}

    def budget(self, n: npt.ArrayLike) -> dict[str, Floats]:
        """Evaluate each term.

        Parameters
        ----------
        n : array_like
            Batch sizes, positive.

        Returns
        -------
        dict of str to numpy.ndarray
            Seconds a batch by term, each of the shape of `n`; they add up to T_batch. With a
            producer also ``wait``, the time for which the rest waits for it.

        Raises
        ------
        ValueError
            If a batch size is not positive.
        """
        sizes = np.asarray(n, dtype=np.float64)
        if not (sizes > 0).all():
            raise ValueError("a batch size must be positive")
        costs = {
            name: np.broadcast_to(np.asarray(f(sizes), dtype=np.float64), sizes.shape)
            for name, f in self._numeric.items()
        }
        if self.producer:
            sends = costs.pop(PRODUCER)
            costs["wait"] = np.maximum(sends - np.sum(list(costs.values()), axis=0), 0)
        return costs

    def seconds_at(self, n: npt.ArrayLike) -> Floats:
        """Return T_batch in seconds at batch sizes `n`."""
        return np.asarray(sum(self.budget(n).values()), dtype=np.float64)

    def throughput_at(self, n: npt.ArrayLike) -> Floats:
        """Return events a second at batch sizes `n`."""
        return np.asarray(n, dtype=np.float64) / self.seconds_at(n)

    def binding_term(self, n: float) -> str:
        """Return the term that costs most at batch size `n`; ``send`` where the rest waits."""
        budget = self.budget(n)
        if budget.pop("wait", 0) > 0:
            return PRODUCER
        return max(budget, key=lambda name: float(budget[name]))

    def replaced(self, source: str, **values: float) -> BatchModel:
        """Return this model with other parameter values: what-if.

        Parameters
        ----------
        source : str
            Why these values, for the tables.
        **values : float
            By parameter name, in the parameter's own unit.

        Raises
        ------
        ValueError
            On a name the model does not have.
        """
        unknown = values.keys() - self.parameters.keys()
        if unknown:
            raise ValueError(
                f"no parameter {sorted(unknown)[0]!r}; the model has {', '.join(self.parameters)}"
            )

        def changed(term: Term) -> Term:
            parameters = tuple(
                p.with_value(values[p.name], source) if p.name in values else p
                for p in term.parameters
            )
            return Term(term.name, term.expression, parameters)

        return BatchModel(
            [changed(term) for term in self.terms],
            self.calls,
            changed(self.producer) if self.producer else None,
        )

    def latex(self) -> str:
        """Return ``T_batch = ...`` as LaTeX."""
        return r"T_{batch} = " + str(sympy.latex(self.t_batch))
