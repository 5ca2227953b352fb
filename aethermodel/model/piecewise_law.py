"""Piecewise affine law of N, its coefficients symbolic or numeric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import sympy

from aethermodel.model.batch import BatchModel
from aethermodel.model.compiled import compiled
from aethermodel.model.parameters import K, N, expression_of

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Piece:
    """``T = fixed + slope N`` from one knee to the next, symbolic.

    Attributes
    ----------
    above : sympy.Expr
        Batch size from which on the piece holds; zero for the first.
    fixed, slope : sympy.Expr
        Seconds a batch (in K and the parameters; may be negative beyond a knee, where it is an
        intercept) and seconds an event.
    """

    above: sympy.Expr
    fixed: sympy.Expr
    slope: sympy.Expr


def pieces(model: BatchModel) -> list[Piece]:
    """Split T_batch at its knees, in ascending order.

    Parameters
    ----------
    model : BatchModel
        Whose terms are affine in N and K, with summands ``c Max(0, N - knee)``.

    Raises
    ------
    ValueError
        If T_batch has another form.
    """
    if model.producer:
        raise ValueError("two stages are no one law: take model.stages, or law_of(model)")
    values = tuple((p.symbol, p.value) for p in model.parameters.values())
    return list(_pieces(model.t_batch, values))


@lru_cache(maxsize=64)
def _pieces(
    written: sympy.Expr, parameters: tuple[tuple[sympy.Symbol, float], ...]
) -> tuple[Piece, ...]:
    # Kept: the law itself and its draws ask for the same pieces, and SymPy takes its time.
    t_batch = sympy.expand(written)
    values = dict(parameters)
    rises = []
    for hinge in t_batch.atoms(sympy.Max):
        argument = next(part for part in hinge.args if not part.is_zero)
        rises.append((sympy.expand(N - argument), t_batch.coeff(hinge), hinge))
    rises.sort(key=lambda rise: float(rise[0].subs(values)))
    base = t_batch.subs({hinge: 0 for _, _, hinge in rises})
    slope = base.coeff(N, 1)
    fixed = sympy.expand(base - slope * N)
    if fixed.has(N) or slope.has(N) or slope.has(K):
        raise ValueError(f"T_batch is not piecewise affine in N: {written}")
    found = [Piece(sympy.Integer(0), fixed, slope)]
    for knee, rise, _ in rises:
        last = found[-1]
        found.append(Piece(knee, last.fixed - rise * knee, last.slope + rise))
    return tuple(found)


@dataclass(frozen=True)
class Law:
    """The same in figures: for one set of parameters, or for many drawn ones at once.

    Attributes
    ----------
    fixed, per_call, slope : ndarray, shape (pieces, draws)
        ``T = fixed + per_call K(N) + slope N`` on each piece, in seconds.
    above : ndarray, shape (pieces, draws)
        Batch size at which each piece begins.
    calls : callable
        Handler calls a tick at an array of batch sizes.
    most_calls : float
        What `calls` approaches: every topic is hit.
    """

    fixed: Floats
    per_call: Floats
    slope: Floats
    above: Floats
    calls: Callable[[Floats], Floats]
    most_calls: float

    @classmethod
    def of(cls, model: BatchModel, values: Mapping[str, npt.ArrayLike] | None = None) -> Law:
        """Evaluate a model's coefficients.

        Parameters
        ----------
        model : BatchModel
        values : mapping of str to array_like, shape (draws,), optional
            Parameter values other than the model's own.
        """
        given = {name: p.value for name, p in model.parameters.items()} | dict(values or {})
        arrays = np.broadcast_arrays(*(np.atleast_1d(given[name]) for name in model.parameters))
        symbols = tuple(p.symbol for p in model.parameters.values())
        parts = pieces(model)

        def figures(expressions: list[sympy.Expr]) -> Floats:
            results = compiled(symbols, tuple(expressions))(*arrays)
            shape = arrays[0].shape
            return np.stack([np.broadcast_to(np.asarray(r, dtype=float), shape) for r in results])

        calls = expression_of(model.calls)
        return cls(
            fixed=figures([piece.fixed.subs(K, 0) for piece in parts]),
            per_call=figures([piece.fixed.coeff(K, 1) for piece in parts]),
            slope=figures([piece.slope for piece in parts]),
            above=figures([piece.above for piece in parts]),
            calls=_evaluated(calls),
            most_calls=_limit(calls),
        )

    def seconds(self, n: npt.ArrayLike) -> Floats:
        """T_batch at batch sizes that broadcast against the draws; the law is convex between."""
        sizes = np.asarray(n, dtype=np.float64)
        lines = self.fixed + self.slope * sizes
        beyond = sizes >= self.above
        # The last piece that has begun holds.
        last = beyond.shape[0] - 1 - np.argmax(beyond[::-1], axis=0)
        chosen: Floats = np.take_along_axis(lines, last[None], axis=0)[0]
        return np.asarray(chosen + self.per_call[0] * self.calls(sizes))

    def rate(self, n: npt.ArrayLike) -> Floats:
        """Events a second at batch sizes that broadcast against the draws."""
        with np.errstate(divide="ignore"):  # a draw of very noisy terms may take no time
            return np.asarray(n, dtype=np.float64) / self.seconds(n)


@lru_cache(maxsize=64)
def _limit(calls: sympy.Expr) -> float:
    # SymPy's limits take ten times as long as all else here; of a law that just settles, putting
    # infinity in does.
    settled = calls.subs(N, sympy.oo)
    return float(settled if settled.is_number and settled.is_finite else calls.limit(N, sympy.oo))


def _evaluated(calls: sympy.Expr) -> Callable[[Floats], Floats]:
    function = compiled((N,), calls)

    def at(n: Floats) -> Floats:
        return np.broadcast_to(np.asarray(function(n), dtype=np.float64), np.shape(n))

    return at
