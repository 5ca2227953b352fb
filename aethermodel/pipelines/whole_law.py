"""Whole as a law: the composed time of a batch, for answers, reports and gates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from aethermodel import thresholds
from aethermodel.laws.families.terms import Term
from aethermodel.laws.fitted_curve import Band, Floats, Member, Parameter
from aethermodel.laws.law import Law
from aethermodel.pipelines.calibration_file import document
from aethermodel.pipelines.composition.composed_laws import ComposedLaws

if TYPE_CHECKING:
    import sympy


@dataclass(frozen=True)
class WholeLaw(Law):
    """Time of a batch of a pipeline over its records.

    Attributes
    ----------
    of : ComposedLaws
    """

    of: ComposedLaws | None = None

    @property
    def counted(self) -> str:
        """What its sizes count."""
        return "records"

    @cached_property
    def expression(self) -> sympy.Expr:
        """Sum of the terms of each group, and the largest of the groups'."""
        from sympy import Max, Symbol

        from aethermodel.model.parameters import N

        of = self._calibration
        sums = []
        for group in of.groups:
            total = 0
            for name in group.terms:
                term = of.terms[name]
                renamed = {
                    symbol: Symbol(f"{name}_{symbol}", nonnegative=True)
                    for symbol in term.law.expression.free_symbols
                    if symbol != N
                }
                law = term.law.expression.xreplace(renamed)
                if term.kind == "assumed" and term.law.size_unit == "B":
                    law = law.subs(N, N * (of.record_bytes or 1))
                total = total + law
            sums.append(total / group.workers)
        return Max(*sums) if len(sums) > 1 else sums[0]

    @property
    def _calibration(self) -> ComposedLaws:
        assert self.of is not None
        return self.of

    def predict(
        self,
        n: ArrayLike,
        *,
        of: Literal["mean", "new"] = "mean",
        level: float = thresholds.LEVEL,
        second: ArrayLike | None = None,
    ) -> Band:
        """Time at sizes with its interval; of one new batch also by what the stages scatter."""
        at = np.asarray(n, dtype=np.float64)
        found = self._calibration.predict(at.ravel(), level)
        low, high = found.low, found.high
        if of == "new":
            wide = self._scatter(found.budget, found.seconds) * _normal(level)
            low = np.maximum(found.seconds - np.hypot(found.seconds - low, wide), low * 1e-3)
            high = found.seconds + np.hypot(high - found.seconds, wide)
        return Band(
            found.seconds.reshape(at.shape),
            low.reshape(at.shape),
            high.reshape(at.shape),
            found.extrapolated.reshape(at.shape),
        )

    def _scatter(self, budget: dict[str, Floats], seconds: Floats) -> Floats:
        parts = [
            np.nan_to_num(self._calibration.terms[name].law.noise) * times
            for name, times in budget.items()
        ]
        share = seconds / np.maximum(np.sum(list(budget.values()), axis=0), 1e-300)
        return np.asarray(np.sqrt(np.sum(np.square(parts), axis=0)) * share)

    def draws(
        self, n: ArrayLike, count: int = 1000, seed: int = 0, second: ArrayLike | None = None
    ) -> Floats:
        """Joint draws of the mean curve, shape (count, sizes)."""
        return self._calibration.draws(n, count, seed)

    def document(self) -> dict[str, Any]:
        """Return the calibration as JSON values: a composed law has no file of its own."""
        return document(self._calibration)


def _normal(level: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf((1 + level) / 2)


def whole_law(calibration: ComposedLaws) -> WholeLaw:
    """Return the composed time of a batch as a law."""
    sizes = np.unique(np.concatenate([calibration.sizes]))
    terms = calibration.terms.values()
    parameters = tuple(
        replace_name(parameter, f"{term.name}_{parameter.name}")
        for term in terms
        for parameter in term.law.parameters
    )
    holding = [term for term in terms if term.law.holds]
    left = [term.name for term in terms if not term.law.holds]
    verdict = [
        f"the sum of {len(calibration.terms)} terms"
        if len(calibration.groups) == 1
        else f"{len(calibration.groups)} groups side by side, of {len(calibration.terms)} terms"
    ]
    if left:
        verdict.append(f"no law of the family holds for {', '.join(left)}")
    first = next(iter(terms)).law
    one = Term("one")
    return WholeLaw(
        name=calibration.pipeline,
        family="knees",
        parameters=parameters,
        smallest=calibration.smallest,
        largest=calibration.largest,
        sizes=sizes,
        means=calibration.composed(sizes).seconds,
        holds=len(holding) == len(calibration.terms),
        interpolates=any(term.law.interpolates for term in terms),
        size_name="N",
        size_unit="",
        time_kind="per batch",
        source=calibration.file,
        verdict=tuple(verdict),
        terms=(one,),
        coefficients=np.array([1.0]),
        covariance=np.zeros((1, 1)),
        noise=float("nan"),
        freedom=first.freedom,
        members=(Member((one,), np.array([1.0]), np.empty(0)),),
        misses=None,
        notes=calibration.warnings,
        of=calibration,
    )


def replace_name(parameter: Parameter, name: str) -> Parameter:
    """Return a parameter under another name."""
    return replace(parameter, name=name)
