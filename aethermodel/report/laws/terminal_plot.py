"""Terminal plot: a law as a line of dots through its data, on logarithmic axes.

A few lines of our own: plotext 6 brings a compiled kernel and an interface that its fifth release
does not have, and all that is wanted here is one curve.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aethermodel.console import plain_console
from aethermodel.report.engineering_notation import engineering

if TYPE_CHECKING:
    from aethermodel.laws.law import Law

Floats = npt.NDArray[np.float64]
# Dots of a Braille sign, by column and row.
_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK = 0x2800
#: Rows of a plot, its axis left out.
HEIGHT = 14
_MOST_WIDTH = 80
# Sizes that a law is drawn through.
_POINTS = 300


@dataclass(frozen=True)
class Curve:
    """What is drawn.

    Attributes
    ----------
    sizes, seconds : ndarray, shape (points,)
        Of the law, at many sizes above zero.
    measured, means : ndarray, shape (m,)
        The data.
    size_unit : str
    """

    sizes: Floats
    seconds: Floats
    measured: Floats
    means: Floats
    size_unit: str = ""


def picture(law: Law, width: int | None = None) -> str:
    """Return a law through its data; as wide as the terminal unless told otherwise."""
    positive = law.sizes[law.sizes > 0]
    sizes = np.unique(np.concatenate([positive, np.geomspace(positive[0], positive[-1], _POINTS)]))
    seconds = law.predict(sizes).seconds
    kept = np.isfinite(seconds) & (seconds > 0)
    curve = Curve(sizes[kept], seconds[kept], law.sizes, law.means, law.size_unit or law.size_name)
    return plot(curve, plain_console().width if width is None else width)


def plot(curve: Curve, width: int, *, height: int = HEIGHT, braille: bool | None = None) -> str:
    """Return a plot as lines of text.

    Parameters
    ----------
    curve : Curve
    width : int
        Columns, the axis included; at most 80 are used.
    height : int
        Rows.
    braille : bool, optional
        Whether the terminal can show Braille signs; asked of standard output by default. Without
        them a row has one dot a column.
    """
    fine = _shows_braille() if braille is None else braille
    y_values = np.concatenate([curve.seconds, curve.means])
    kept = np.isfinite(y_values) & (y_values > 0)
    low, high = float(y_values[kept].min()), float(y_values[kept].max())
    if low == high:
        low, high = low / 2, high * 2
    labels = [engineering(value, "s") for value in (high, float(np.sqrt(low * high)), low)]
    margin = max(map(len, labels)) + 1
    columns = max(min(width, _MOST_WIDTH) - margin - 1, 10)
    ends = float(curve.sizes[0]), float(curve.sizes[-1])

    def place(values: Floats, bounds: tuple[float, float], steps: int) -> npt.NDArray[np.intp]:
        span = np.log(bounds[1] / bounds[0]) or 1.0
        share = np.log(np.maximum(values, 1e-300) / bounds[0]) / span
        return np.asarray(np.clip(np.round(share * (steps - 1)), 0, steps - 1), dtype=np.intp)

    across, down = (2, 4) if fine else (1, 1)
    codes = np.zeros((height, columns), dtype=np.intp)
    xs = np.geomspace(*ends, 4 * columns * across)
    ys = np.exp(np.interp(np.log(xs), np.log(curve.sizes), np.log(curve.seconds)))
    dots = zip(
        place(xs, ends, columns * across),
        height * down - 1 - place(ys, (low, high), height * down),
        strict=True,
    )
    for x, y in dots:
        codes[y // down, x // across] |= _DOTS[x % 2][y % 4] if fine else 1
    rows = [[_sign(code, fine) for code in row] for row in codes.tolist()]
    inside = (curve.measured > 0) & (curve.means > 0)
    points = zip(
        place(curve.measured[inside], ends, columns),
        height - 1 - place(curve.means[inside], (low, high), height),
        strict=True,
    )
    for x, y in points:
        rows[y][x] = "o"
    named = {0: labels[0], (height - 1) // 2: labels[1], height - 1: labels[2]}
    lines = [
        f"{named.get(at, ''):>{margin - 1}} |{''.join(row).rstrip()}" for at, row in enumerate(rows)
    ]
    lines.append(f"{'':>{margin}}+{'-' * columns}")
    lines.append(f"{'':>{margin + 1}}{_axis(ends, curve.size_unit, columns)}")
    return "\n".join(line.rstrip() for line in lines)


def _sign(code: int, fine: bool) -> str:
    if not code:
        return " "
    return chr(_BLANK + code) if fine else "."


def _axis(ends: tuple[float, float], unit: str, columns: int) -> str:
    first, last = (f"{value:,.10g} {unit}".rstrip() for value in ends)
    middle = f"{float(np.sqrt(ends[0] * ends[1])):,.3g}"
    gap = columns - len(first) - len(last)
    if gap < len(middle) + 4:
        return f"{first}{' ' * max(gap, 1)}{last}"
    left = (columns - len(middle)) // 2 - len(first)
    left = max(left, 2)
    return f"{first}{' ' * left}{middle}{' ' * (gap - left - len(middle))}{last}"


def _shows_braille() -> bool:
    return (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "") == "utf8"
