"""Fit: the law of each curve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from aethermodel.inputs.refusals import InputError
from aethermodel.laws.law import Law, Parameter
from aethermodel.laws.laws import Laws
from aethermodel.laws.points import points_of
from aethermodel.laws.terms import Term, design
from aethermodel.readers.measurements import Measurements, Series

Floats = NDArray[np.float64]


def fit(
    measurements: Any,
    size: str | None = None,
    time: str | None = None,
    group: Sequence[str] = (),
    *,
    unit: str = "s",
    level: float = 0.95,
) -> Laws:
    """Fit the law of each curve.

    Parameters
    ----------
    measurements : Measurements, or a table (pandas, Arrow, polars, dict of arrays)
        A table needs `size` and `time`.
    size, time : str, optional
        Columns of a table.
    group : sequence of str
        Columns of a table that tell its curves apart.
    unit : {"s", "ms", "us", "ns"}
        Of a table's times.
    level : float
        Confidence of the intervals of the parameters.

    Raises
    ------
    InputError
        If a curve cannot be fitted; names the curve.
    """
    if not isinstance(measurements, Measurements):
        if size is None or time is None:
            raise InputError("a table needs the names of its columns of size and time")
        columns = [group] if isinstance(group, str) else list(group)
        measurements = Measurements.from_frame(
            measurements, size=size, time=time, group=columns, unit=unit
        )
    laws = {}
    for series in measurements.series:
        try:
            laws[series.name] = fit_series(series, measurements, level=level)
        except InputError as error:
            where = (
                f"{measurements.source}: {series.name}: "
                if series.name
                else (f"{measurements.source}: ")
            )
            raise InputError(f"{where}{error}") from None
    return Laws(laws)


def fit_series(series: Series, of: Measurements | None = None, *, level: float = 0.95) -> Law:
    """Fit the law of one curve."""
    points = points_of(series)
    best = None
    for family, terms in (
        ("constant", (Term("one"),)),
        ("affine", (Term("one"), Term("power", 1.0))),
        ("n log n", (Term("one"), Term("power", 1.0, 1.0))),
    ):
        columns = design(terms, points.n) / points.seconds[:, None]
        norm = np.linalg.norm(columns, axis=0)
        norm[norm == 0] = 1
        solution, rest = nnls(columns / norm, np.ones(points.n.size))
        score = rest**2 / max(points.n.size - len(terms), 1)
        if best is None or score < 0.9 * best[0]:
            best = (score, family, terms, solution / norm, columns)
    assert best is not None
    score, family, terms, coefficients, columns = best
    covariance = np.linalg.pinv(columns.T @ columns) * score
    half = 2 * np.sqrt(np.diag(covariance))
    unit = of.size_unit if of else ""
    units = ["s", f"s/{unit}" if unit else "s"]
    parameters = tuple(
        Parameter(f"c{i}", float(c), float(max(0, c - h)), float(c + h), units[i])
        for i, (c, h) in enumerate(zip(coefficients, half, strict=True))
    )
    return Law(
        name=series.name,
        family=family,
        parameters=parameters,
        smallest=float(points.n[0]),
        largest=float(points.n[-1]),
        sizes=points.n,
        means=points.seconds,
        holds=True,
        interpolates=False,
        size_name=of.size_name if of else "n",
        size_unit=unit,
        time_kind=of.time_kind if of else "per operation",
        source=of.source if of else "",
        verdict=(f"{family} law",),
        terms=terms,
        coefficients=coefficients,
        covariance=covariance,
        noise=float(np.sqrt(score)),
        freedom=float(max(points.n.size - len(terms), 1)),
        level=level,
    )
