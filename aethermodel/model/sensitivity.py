"""Sensitivities: elasticities of T_batch by SymPy's derivatives, ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import sympy

from aethermodel.model.batch import BatchModel
from aethermodel.model.compiled import compiled
from aethermodel.model.parameters import K, N

Floats = npt.NDArray[np.float64]


def elasticity(model: BatchModel, name: str) -> sympy.Expr:
    """Return the relative change of T_batch per relative change of a parameter, symbolic.

    Parameters
    ----------
    model : BatchModel
    name : str
        Of a parameter of the model.

    Returns
    -------
    sympy.Expr
        ``p / T dT/dp``, dimensionless; for a cost its share of T_batch. Throughput has the same
        with the sign turned.
    """
    return elasticity_of(model.t_batch, model.parameters[name].symbol)


@lru_cache(maxsize=512)
def elasticity_of(time: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """Return the relative change of any time per relative change of a symbol in it."""
    return symbol * sympy.diff(time, symbol) / time


@dataclass(frozen=True)
class Gain:
    """What halving one cost buys at one batch size.

    Attributes
    ----------
    name : str
        Parameter, or term where `is_term`.
    is_term : bool
    share : ndarray of float64, shape (draws,)
        Its share of T_batch, the elasticity; zero in a stage that waits for a slower one.
    halved : ndarray of float64, shape (draws,)
        Relative gain in throughput if it is halved: a stage is linear in each of its costs.
    """

    name: str
    is_term: bool
    share: Floats
    halved: Floats


def gains(
    model: BatchModel, n: float, values: Mapping[str, npt.ArrayLike] | None = None
) -> list[Gain]:
    """Rank terms and their parameters by what halving them buys.

    Parameters
    ----------
    model : BatchModel
    n : float
        Batch size.
    values : mapping of str to array_like, shape (draws,), optional
        Parameter values other than the model's own.

    Returns
    -------
    list of Gain
        Terms and cost parameters together, the greatest median gain first. Batch sizes of knees
        and counts of threads are no costs and are left out.
    """
    if not n > 0:
        raise ValueError(f"a batch size must be positive, not {n:g}")
    given = {name: p.value for name, p in model.parameters.items()} | dict(values or {})
    arrays = np.broadcast_arrays(*(np.atleast_1d(given[name]) for name in model.parameters))
    symbols = (N, *(p.symbol for p in model.parameters.values()))
    shape = arrays[0].shape

    def figures(expressions: list[sympy.Expr]) -> list[Floats]:
        at = tuple(e.subs(K, model.calls) for e in expressions)
        found = compiled(symbols, at)(float(n), *arrays)
        return [np.broadcast_to(np.asarray(each, dtype=float), shape) for each in found]

    stages = model.stages
    totals = np.stack(figures([stage.t_batch for stage in stages]))
    whole = totals.max(axis=0)
    ranked = []
    for index, (stage, total) in enumerate(zip(stages, totals, strict=True)):
        costs = [name for name, p in stage.parameters.items() if p.is_cost]
        named = [(name, False) for name in costs] + [(term.name, True) for term in stage.terms]
        expressions = [elasticity(stage, name) for name in costs]
        expressions += [term.expression / stage.t_batch for term in stage.terms]
        beside = np.delete(totals, index, axis=0).max(axis=0, initial=0.0)
        for (name, is_term), share in zip(named, figures(expressions), strict=True):
            after = np.maximum(total * (1 - share / 2), beside)
            of_whole = np.where(total == whole, share, 0.0)
            ranked.append(Gain(name, is_term, of_whole, whole / after - 1))
    return sorted(ranked, key=lambda gain: -float(np.median(gain.halved)))
