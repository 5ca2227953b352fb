"""Bottleneck: the binding term at each batch size, and where the next takes over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from aethermodel.model.batch import BatchModel
from aethermodel.model.compiled import compiled
from aethermodel.model.parameters import K, N
from aethermodel.model.terms import PRODUCER

Floats = npt.NDArray[np.float64]
_GRID = 400
# How far a crossing of drawn parameters may be from that of the estimates, and places between.
_REACH, _PLACES = 30.0, 60


def term_functions(model: BatchModel) -> dict[str, Callable[..., Any]]:
    """Return each term, a producer's too, as a numeric function ``f(N, *parameters)``.

    Parameters
    ----------
    model : BatchModel

    Returns
    -------
    dict of str to callable
        Arguments after N in the order of ``model.parameters``; all broadcast.
    """
    symbols = (N, *(p.symbol for p in model.parameters.values()))
    return {
        term.name: compiled(symbols, term.expression.subs(K, model.calls))
        for term in model.all_terms
    }


@dataclass(frozen=True)
class Span:
    """A range of batch sizes in which one term costs most.

    Attributes
    ----------
    term : str
    begin, end : float
        Batch sizes; the end is where the next term takes over.
    crossing : ndarray of float64, shape (draws,)
        The end for each set of parameters. Where the two terms do not cross nearby: infinite if
        this one costs more all along, the beginning if the next one does.
    """

    term: str
    begin: float
    end: float
    crossing: Floats


def bottleneck_map(
    model: BatchModel,
    top: float,
    values: Mapping[str, npt.ArrayLike] | None = None,
) -> list[Span]:
    """Return the term that binds from one event up to a largest batch.

    A producer binds where the sum of the others waits for it.

    Parameters
    ----------
    model : BatchModel
    top : float
        Largest batch size, above 1.
    values : mapping of str to array_like, shape (draws,), optional
        Drawn parameter values, for the crossings' intervals.
    """
    if not top > 1:
        raise ValueError(f"the largest batch size must be above 1, not {top:g}")
    functions = term_functions(model)
    point = [p.value for p in model.parameters.values()]
    drawn = dict(values or {})
    draws = [np.atleast_1d(drawn.get(name, p.value)) for name, p in model.parameters.items()]
    draws = list(np.broadcast_arrays(*draws))

    def cost(term: str, n: npt.ArrayLike, parameters: list[Any]) -> Floats:
        sizes = np.asarray(n, dtype=float)
        own = np.asarray(functions[term](sizes, *parameters), dtype=float)
        return np.broadcast_to(own, np.broadcast_shapes(own.shape, sizes.shape))

    def total(n: npt.ArrayLike, parameters: list[Any]) -> Floats:
        return np.asarray(sum(cost(term.name, n, parameters) for term in model.terms))

    grid = np.geomspace(1, top, _GRID)
    names = list(functions)
    binding = np.argmax([cost(term.name, grid, point) for term in model.terms], axis=0)
    if model.producer:
        late = cost(PRODUCER, grid, point) > total(grid, point)
        binding = np.where(late, names.index(PRODUCER), binding)
    changes = np.flatnonzero(np.diff(binding))
    spans, begin = [], 1.0
    for index in changes:
        here, there = names[binding[index]], names[binding[index + 1]]

        def ahead(n: Floats, parameters: list[Any], a: str = here, b: str = there) -> Floats:
            # Against the producer stands all that waits for it.
            one, other = (
                total(n, parameters)
                if PRODUCER in (a, b) and name != PRODUCER
                else cost(name, n, parameters)
                for name in (a, b)
            )
            return one - other

        end = float(_crossing(ahead, point, grid[[index]], grid[[index + 1]])[0])
        low, high = _around(ahead, draws, end)
        crossing = _crossing(ahead, draws, low, high)
        # Curves that are nearly parallel need not cross: a crossing left out would leave out just
        # those draws that say how badly it is known.
        beside = np.where(ahead(np.asarray(end), draws) > 0, np.inf, begin)
        spans.append(Span(here, begin, end, np.where(np.isnan(crossing), beside, crossing)))
        begin = end
    last = names[binding[-1]]
    return [*spans, Span(last, begin, float(top), np.full(draws[0].shape, np.nan))]


def _around(
    ahead: Callable[[Floats, list[Any]], Floats], parameters: list[Any], end: float
) -> tuple[Floats, Floats]:
    """Two sizes for each draw between which one term stops to cost more, nearest to the estimate's.

    Two terms may cross more than once: behind a knee one falls back.
    """
    factors = np.geomspace(1 / _REACH, _REACH, _PLACES)
    places = np.maximum(end * factors, 1.0)
    signs = np.stack([ahead(np.asarray(place), parameters) >= 0 for place in places])
    stops = signs[:-1] & ~signs[1:]
    middle = np.abs(np.log(np.sqrt(places[:-1] * places[1:]) / end))
    nearest = np.argmin(np.where(stops, middle[:, None], np.inf), axis=0)
    return places[nearest], places[nearest + 1]


def _crossing(
    ahead: Callable[[Floats, list[Any]], Floats], parameters: list[Any], low: Floats, high: Floats
) -> Floats:
    """Batch size at which one term stops to cost more than another, by bisection."""
    bracketed = (ahead(low, parameters) >= 0) & (ahead(high, parameters) <= 0)
    for _ in range(60):
        middle = np.sqrt(low * high)
        above = ahead(middle, parameters) > 0
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(bracketed, high, np.nan)
