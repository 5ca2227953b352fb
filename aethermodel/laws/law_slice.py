"""Section: a law of two variables at one value of the second, as a law of the size alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from aethermodel.inputs.refusals import InputError
from aethermodel.laws.families.families import kind_of
from aethermodel.laws.families.structures import Terms
from aethermodel.laws.families.terms import Term
from aethermodel.laws.fitted_curve import FittedCurve, Member, Parameter
from aethermodel.laws.held_out_errors import quantile
from aethermodel.laws.law_description import count, formula
from aethermodel.laws.law_parameters import unit_of

Floats = NDArray[np.float64]
Curve = TypeVar("Curve", bound=FittedCurve)


def section(law: Curve, value: float) -> Curve:
    """Return what a law of two variables says at one value of the second.

    Parameters
    ----------
    law : FittedCurve
    value : float
        Of the second variable.

    Returns
    -------
    FittedCurve or its subclass
        Of the size alone. Terms of one power of the size are one; intervals are those of the whole
        law. Its measured times are those at this value, or the law's own where there are none.

    Raises
    ------
    InputError
        If the law has no second variable, or none such value.
    """
    if not law.second_name:
        raise InputError(f"the law has no second variable: it is one of {law.size_name} alone")
    if not np.isfinite(value) or value < 0:
        raise InputError(f"{law.second_name} is a finite number, 0 or above, not {value!r}")
    terms, combine = _merged(law.terms, value)
    if not np.all(np.isfinite(combine)):
        raise InputError(f"the law has no time at {law.second_name} = {value:g}")
    coefficients = combine @ law.coefficients
    covariance = combine @ law.covariance @ combine.T
    sizes, means = _measured(law, value)
    family = law.family if law.family == "none" else kind_of(terms, _family(terms))
    fixed = replace(
        law,
        name=", ".join(filter(None, (law.name, f"{law.second_name}={count(value)}"))),
        family=family,
        parameters=_parameters(law, terms, coefficients, covariance),
        smallest=float(sizes[0]),
        largest=float(sizes[-1]),
        sizes=sizes,
        means=means,
        terms=terms,
        coefficients=coefficients,
        covariance=covariance,
        members=tuple(_member(member, value) for member in law.members),
        second_name="",
        second=np.empty(0),
    )
    return replace(fixed, verdict=(_headline(fixed, law, value), *law.verdict[1:]))


def _merged(terms: Terms, value: float) -> tuple[Terms, Floats]:
    """Terms of the size alone, and what each takes of each of the law's terms."""
    factors: dict[Term, list[float]] = {}
    for index, term in enumerate(terms):
        own, factor = term, 1.0
        if term.kind == "second":
            own = Term("power", term.first) if term.first else Term("one")
            with np.errstate(divide="ignore"):
                factor = float(np.float64(value) ** term.last)
        factors.setdefault(own, [0.0] * len(terms))[index] += factor
    return tuple(factors), np.array(list(factors.values()))


def _family(terms: Terms) -> str:
    powers = {term.first for term in terms if term.kind == "power"}
    return "usl" if {-1.0, 1.0} <= powers else "falling" if -1.0 in powers else "affine"


def _member(member: Member, value: float) -> Member:
    terms, combine = _merged(member.terms, value)
    return Member(terms, combine @ member.coefficients, member.offsets)


def _measured(law: FittedCurve, value: float) -> tuple[Floats, Floats]:
    here = law.second == value
    if np.any(here):
        return law.sizes[here], law.means[here]
    sizes = np.unique(law.sizes)
    return sizes, law.predict(sizes, second=value).seconds


def _parameters(
    law: FittedCurve, terms: Terms, coefficients: Floats, covariance: Floats
) -> tuple[Parameter, ...]:
    half = quantile(law.level, law.freedom) * np.sqrt(np.maximum(np.diag(covariance), 0.0))
    return tuple(
        Parameter(
            f"c{index}",
            float(cost),
            max(0.0, float(cost - spread)),
            float(cost + spread),
            unit_of(term, law.size_unit),
        )
        for index, (term, cost, spread) in enumerate(zip(terms, coefficients, half, strict=True))
    )


def _headline(fixed: FittedCurve, law: FittedCurve, value: float) -> str:
    shown = formula(fixed.terms, fixed.coefficients, law.size_unit)
    state = "holds" if law.holds else "does not hold"
    line = f"at {law.second_name} = {count(value)}: T = {shown}; the law {state}"
    known = law.second
    if known.size and not known.min() <= value <= known.max():
        line += (
            f"; extrapolated: {law.second_name} was measured from {count(known.min())} to "
            f"{count(known.max())}"
        )
    elif known.size and value not in known:
        line += f"; no measurement at this {law.second_name}"
    return line
