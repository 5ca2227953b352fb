"""Parameters: the figures of a law with names, units and intervals."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.curve_points import Points
from aethermodel.laws.families.expressions import names_of
from aethermodel.laws.families.free_figures import free_values
from aethermodel.laws.families.terms import Term
from aethermodel.laws.fitted_curve import Parameter
from aethermodel.laws.fitting.selection import Choice
from aethermodel.laws.held_out_errors import quantile

Floats = NDArray[np.float64]


def parameters_of(
    choice: Choice, points: Points, unit: str, level: float
) -> tuple[tuple[Parameter, ...], Floats]:
    """Name the figures of the chosen law.

    Parameters
    ----------
    choice : Choice
    points : Points
    unit : str
        Of the sizes.
    level : float
        Confidence of the intervals.

    Returns
    -------
    parameters : tuple of Parameter
        Costs, then knees, steps, packets and exponents.
    covariance : ndarray
        Of the costs and the free figures.
    """
    shape = choice.shape
    covariance = shape.inverse * choice.judgement.variance
    half = quantile(level, max(choice.judgement.freedom, 1)) * np.sqrt(
        np.maximum(np.diag(covariance), 0.0)
    )
    parameters = []
    for index, term in enumerate(shape.terms):
        value = float(shape.coefficients[index])
        low, high = max(0.0, value - float(half[index])), value + float(half[index])
        parameters.append(Parameter(f"c{index}", value, low, high, unit_of(term, unit)))
    free = free_values(shape.terms)
    for value, name in names_of(shape.terms).items():
        if value in free:
            spread = float(half[len(shape.terms) + free.index(value)])
            low, high = max(0.0, value - spread), value + spread
            if name.startswith("a"):
                low = value - spread
        else:
            low, high = _ends(value, points.n, shape.terms)
        parameters.append(Parameter(name, value, low, high, "" if name.startswith("a") else unit))
    return tuple(parameters), covariance


def unit_of(term: Term, unit: str) -> str:
    """Unit of a term's cost."""
    size = unit or "1"
    match term.kind:
        case "one" | "level" | "bottleneck":
            return "s"
        case "ramp" | "slope":
            return f"s/{unit}" if unit else "s"
        case "packets":
            return "s/packet"
    # Of a power; that of a second variable is not known.
    if not unit or not term.first:
        return "s"
    if term.first < 0:
        return f"s {size}" if term.first == -1 else f"s {size}^{-term.first:.4g}"
    return f"s/{size}" if term.first == 1 else f"s/{size}^{term.first:.4g}"


def _ends(value: float, n: Floats, terms: tuple[Term, ...]) -> tuple[float, float]:
    """A step lies anywhere between the sizes on its two sides; a packet is known."""
    if any(term.kind == "packets" and term.first == value for term in terms):
        return value, value
    below, above = n[n < value], n[n >= value]
    return (
        float(below[-1]) if below.size else 0.0,
        float(above[0]) if above.size else float("inf"),
    )
