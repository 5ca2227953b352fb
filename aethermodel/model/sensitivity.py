"""What a change buys: elasticities of T_batch, by SymPy's derivatives, ranked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sympy

from aethermodel.model.batch import BatchModel
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
    symbol = model.parameters[name].symbol
    return symbol * sympy.diff(model.t_batch, symbol) / model.t_batch


@dataclass(frozen=True)
class Gain:
    """What halving one cost buys at one batch size.

    Attributes
    ----------
    name : str
        Parameter, or term where `is_term`.
    is_term : bool
    share : ndarray of float64, shape (draws,)
        Its share of T_batch, the elasticity.
    """

    name: str
    is_term: bool
    share: Floats

    @property
    def halved(self) -> Floats:
        """Relative gain in throughput if it is halved: T is linear in each cost."""
        return np.asarray(1 / (1 - self.share / 2) - 1)


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
    costs = [name for name, p in model.parameters.items() if p.is_cost]
    expressions = [elasticity(model, name) for name in costs]
    expressions += [term.expression / model.t_batch for term in model.terms]
    symbols = [p.symbol for p in model.parameters.values()]
    numeric = sympy.lambdify(
        symbols,
        [e.subs(K, model.calls).subs(N, sympy.Float(n)) for e in expressions],
        "numpy",
    )
    shape = arrays[0].shape
    shares = [np.broadcast_to(np.asarray(s, dtype=float), shape) for s in numeric(*arrays)]
    named = [(name, False) for name in costs] + [(term.name, True) for term in model.terms]
    ranked = [Gain(name, term, share) for (name, term), share in zip(named, shares, strict=True)]
    return sorted(ranked, key=lambda gain: -float(np.median(gain.halved)))
