"""Sizes left out of published tables: what laws and their peers say of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aethermodel.bench.tables import peers
from aethermodel.bench.tables.published import Table
from aethermodel.laws.fit import fit_series
from aethermodel.readers.measurements import Series

Floats = NDArray[np.float64]
Progress = Callable[[int, int], None]

#: In between, each interior size is left out in one of so many turns.
TURNS = 3
#: Beyond, sizes above the largest over this are left out.
CUT = 4.0
#: Distinct sizes that a fit needs for its prediction to mean anything.
LEAST = 4
BETWEEN, BEYOND = "between", "beyond"


@dataclass(frozen=True)
class Split:
    """A table without some of its sizes.

    Attributes
    ----------
    kind : {"between", "beyond"}
    shown : Table
    asked : ndarray
        Sizes left out.
    """

    kind: str
    shown: Table
    asked: Floats


def splits(table: Table) -> Iterator[Split]:
    """Leave out every third interior size, in three turns; then all beyond a quarter."""
    sizes = table.sizes
    inner = sizes[1:-1]
    for kind, asked in (
        *((BETWEEN, inner[turn::TURNS]) for turn in range(TURNS)),
        (BEYOND, sizes[sizes > sizes[-1] / CUT]),
    ):
        shown = ~np.isin(table.n, asked)
        if asked.size and np.unique(table.n[shown]).size >= LEAST:
            yield Split(kind, replace(table, n=table.n[shown], seconds=table.seconds[shown]), asked)


def leave_out(
    tables: list[Table], extrap: Path | None = None, progress: Progress | None = None
) -> pd.DataFrame:
    """Predict the sizes left out of each table.

    Parameters
    ----------
    tables : list of Table
    extrap : path, optional
        Interpreter that has Extra-P; without it Extra-P is left out.
    progress : callable, optional
        Called with tables done and tables in all.

    Returns
    -------
    pandas.DataFrame
        One row a table, split, model and size: ``table``, ``kind``, ``model``, ``n``, ``error``
        (relative, against the median of the size's rows; infinite without an answer),
        ``covered`` (share of the size's rows in the 95 % interval of a new measurement) and
        ``width`` (high over low), nan for models without intervals.
    """
    rows: list[dict[str, object]] = []
    for done, table in enumerate(tables, 1):
        for split in splits(table):
            rows += _predicted(table, split, extrap)
        if progress:
            progress(done, len(tables))
    return pd.DataFrame(rows)


def _predicted(table: Table, split: Split, extrap: Path | None) -> Iterator[dict[str, object]]:
    shown, asked = split.shown, split.asked
    law = fit_series(Series({}, shown.n, shown.seconds))
    band = law.predict(asked, of="new")
    said = {
        "laws": band.seconds,
        "log-log lines": peers.lines(shown, asked),
        "polynomial": peers.polynomial(shown, asked),
    }
    if extrap:
        said["Extra-P"] = peers.extrap(shown, asked, extrap)
    for model, seconds in said.items():
        for index, size in enumerate(asked):
            measured = table.figure(size)
            error = abs(seconds[index] / np.median(measured) - 1)
            row = {
                "table": table.name,
                "kind": split.kind,
                "model": model,
                "n": float(size),
                "error": float(error) if np.isfinite(error) else float("inf"),
                "covered": float("nan"),
                "width": float("nan"),
            }
            if model == "laws":
                low, high = band.low[index], band.high[index]
                row["covered"] = float(np.mean((low <= measured) & (measured <= high)))
                row["width"] = float(high / low)
            yield row


def summary(found: pd.DataFrame) -> pd.DataFrame:
    """Sum up what was predicted, one row a kind and model.

    Returns
    -------
    pandas.DataFrame
        ``kind``, ``model``, ``tables``, ``points``; over the tables: ``error`` and ``width``
        (median of their medians); over the points: ``point_error`` and ``point_width`` (median),
        ``within_10`` and ``covered`` (shares).
    """
    rows = []
    for (kind, model), own in found.groupby(["kind", "model"], sort=False):
        by_table = own.groupby("table")[["error", "width"]].median()
        rows.append(
            {
                "kind": kind,
                "model": model,
                "tables": len(by_table),
                "points": len(own),
                "error": float(by_table["error"].median()),
                "point_error": float(own["error"].median()),
                "within_10": float(np.mean(own["error"] <= 0.10)),
                "covered": float(own["covered"].mean()),
                "width": float(by_table["width"].median()),
                "point_width": float(own["width"].median()),
            }
        )
    return pd.DataFrame(rows)
