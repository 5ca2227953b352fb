"""Words: what a law says of itself."""

from __future__ import annotations

from dataclasses import replace
from html import escape
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from aethermodel.laws.curve_points import Points
from aethermodel.laws.families.terms import Term, design
from aethermodel.laws.family_names import FAMILIES
from aethermodel.laws.fitted_curve import FittedCurve
from aethermodel.laws.fitting.selection import Choice
from aethermodel.laws.law_parameters import unit_of
from aethermodel.text.percentages import percentage
from aethermodel.text.times import duration

Floats = NDArray[np.float64]
Curve = TypeVar("Curve", bound=FittedCurve)

# A point that its neighbours miss by a quarter, and by five times what is usual, is named.
_FAR, _UNUSUAL, _MOST_NAMED = 1.25, 5.0, 3
_TINY = 1e-300


def count(size: float) -> str:
    """Write a size: whole and with thousands' commas where it is whole."""
    return f"{size:,.0f}" if float(size).is_integer() else f"{size:.4g}"


def formula(terms: tuple[Term, ...], coefficients: Floats, unit: str) -> str:
    """Write a law with its figures, such as ``4.10 µs + 8.00 ns/B N``."""
    parts: dict[tuple[float, float], list[str]] = {}
    for term, cost in zip(terms, coefficients, strict=True):
        own = unit_of(term, unit).removeprefix("s")
        written = duration(float(cost)) + (own if own.startswith("/") else "") + _factor(term)
        segment = (term.first, term.last) if term.kind in ("level", "slope") else (0.0, 0.0)
        parts.setdefault(segment, []).append(written)
    pieces = []
    for (first, last), sums in parts.items():
        where = f"from {count(round(first))}" if first else ""
        where += f"{' ' if where else ''}below {count(round(last))}" if 0 < last < np.inf else ""
        pieces.append(" + ".join(sums) + (f" {where}" if where else ""))
    return "; ".join(pieces)


def _factor(term: Term) -> str:
    end = "" if np.isinf(term.last) else f" below {count(round(term.last))}"
    start = "" if not term.first else f" from {count(round(term.first))}"
    match term.kind:
        case "one":
            return ""
        case "power":
            power = "" if term.first == 1 else f"^{term.first:.3g}"
            size = f" N{power}" if term.first else ""
            logs = (
                "" if not term.last else " log2 N" if term.last == 1 else f" (log2 N)^{term.last:g}"
            )
            return f"{size}{logs}"
        case "ramp":
            return f" N{start}{end}"
        case "slope":
            return " N"
        case "level":
            return ""
        case "packets":
            return f" a packet of {count(term.first)}"
        case "bottleneck":
            return f" up to {count(round(term.first))}, then in proportion to N"
    first = "" if not term.first else " N" + ("" if term.first == 1 else f"^{term.first:g}")
    second = "" if not term.last else " M" + ("" if term.last == 1 else f"^{term.last:g}")
    return first + second


def verdict(law: Curve, choice: Choice, points: Points) -> Curve:
    """Return a law that says what it is, how sure, and what it does not explain."""
    lines = [_headline(law, points)]
    residual = np.log(points.seconds) - np.log(
        np.maximum(design(law.terms, points.n, points.second) @ law.coefficients, _TINY)
    )
    lines += _fit_lines(law, choice, points, residual)
    if points.second is None:
        lines += unexplained(points, residual)
    if law.seconds_of_nothing is not None:
        lines.append(
            f"size 0 takes {duration(law.seconds_of_nothing)}, "
            f"{points.seconds[0] / law.seconds_of_nothing:.3g} times less than size "
            f"{count(points.n[0])}: it does something else, and the law leaves it out"
        )
    if points.between.variance:
        lines.append(
            f"{points.between.processes} processes differ by "
            f"{percentage(np.sqrt(points.between.variance), 1)}: intervals hold it"
        )
    return replace(law, verdict=tuple(lines))


def _headline(law: FittedCurve, points: Points) -> str:
    unit = f" {law.size_unit}" if law.size_unit else ""
    span = f"{count(law.smallest)} to {count(law.largest)}{unit}"
    if law.family in ("interpolation", "none"):
        name = FAMILIES[law.family if points.freedom else f"{law.family}, single rows"]
        return f"{name}; measured from {span}"
    shown = formula(law.terms, law.coefficients, law.size_unit)
    if law.second_name:
        shown += f", N is {law.size_name} and M {law.second_name}"
    said = f"{FAMILIES[law.family]}: T = {shown}; "
    if points.n.size < 4:
        return f"{said}assumed from {span}"
    if law.holds:
        return f"{said}holds from {span}"
    return f"{said}of all laws the nearest to what was measured from {span}, but it does not hold"


def _fit_lines(law: FittedCurve, choice: Choice, points: Points, residual: Floats) -> list[str]:
    if points.n.size < 4:
        sizes = "one size" if points.n.size == 1 else f"{points.n.size} sizes"
        return [f"{sizes}: too few to test any law by sizes left out; measure more"]
    lines = []
    missed = np.abs(choice.candidate.inside)
    typical = float(np.median(np.abs(residual)))
    if choice.holds:
        if missed.size:
            half = np.expm1(np.median(missed))
            lines.append(f"sizes left out in between are missed by {percentage(half, 1)} (median)")
        return lines
    if points.freedom:
        within = float(np.sqrt(np.mean(points.deviation**2)))
        lines.append(
            f"sizes scatter about it by {percentage(np.sqrt(np.mean(residual**2)), 1)}, "
            f"of which their repeats explain {percentage(within, 1)}"
        )
    else:
        lines.append(
            f"half of the sizes miss the nearest law by more than "
            f"{percentage(np.expm1(typical), 1)}"
        )
        if not choice.structure:
            lines.append("repeats of each size would tell whether that is noise: measure some")
    if law.interpolates:
        lines.append(
            "predictions join the data, and are refused beyond four times the largest and below "
            "a quarter of the smallest size"
        )
    return lines


def unexplained(points: Points, residual: Floats) -> list[str]:
    """Name the sizes that lie far from law and neighbours, farthest first.

    Parameters
    ----------
    points : Points
    residual : ndarray, shape (m,)
        Logarithm of measured over law.
    """
    octave, logs = points.octaves, np.log(points.seconds)
    if octave.size < 5:
        return []
    width = np.maximum(octave[2:] - octave[:-2], 1e-9)
    share = (octave[1:-1] - octave[:-2]) / width
    off = logs[1:-1] - (logs[:-2] * (1 - share) + logs[2:] * share)
    # A spike shows at its neighbours too, half as high and the other way.
    peak = np.abs(off) >= np.maximum(np.r_[0, np.abs(off[:-1])], np.r_[np.abs(off[1:]), 0])
    usual = float(np.median(np.abs(off)))
    far = peak & (np.abs(off) > max(np.log(_FAR), _UNUSUAL * usual))
    # A knee or a step bends away from its neighbours too, and the law has it.
    far &= (np.abs(residual[1:-1]) > np.log(_FAR) / 2) & (residual[1:-1] * off > 0)
    order = np.argsort(-np.abs(off[far]))[:_MOST_NAMED]
    lines = []
    for index in (np.flatnonzero(far) + 1)[order]:
        ratio = float(np.exp(off[index - 1]))
        words = f"{_times(ratio)} times" if ratio >= 1 else f"1/{_times(1 / ratio)} of"
        lines.append(
            f"no law of the family explains {count(points.n[index])}: {words} its neighbours"
        )
    return lines


def _times(ratio: float) -> str:
    return f"{ratio:.2g}" if ratio < 10 else f"{ratio:,.0f}"


def html(law: FittedCurve) -> str:
    """Return a law as an HTML fragment: verdict and parameters."""
    rows = "".join(
        f"<tr><td>{escape(p.name)}</td><td>{p.value:.4g}</td><td>{p.low:.4g}</td>"
        f"<td>{p.high:.4g}</td><td>{escape(p.unit)}</td></tr>"
        for p in law.parameters
    )
    lines = "".join(f"<p>{escape(line)}</p>" for line in law.verdict)
    head = "<tr><th></th><th>value</th><th>low</th><th>high</th><th>unit</th></tr>"
    title = f"<p><b>{escape(law.name)}</b></p>" if law.name else ""
    return f"<div>{title}{lines}<table>{head}{rows}</table></div>"
