"""Table: rows that a reader found, and what its columns mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aethermodel.readers.notes import Notes
from aethermodel.readers.series import UnreadableMeasurements


@dataclass
class Table:
    """Rows in long form: one a measured value.

    Attributes
    ----------
    columns : mapping
        Name to cells (numbers, texts, None) of all rows.
    lines : sequence of int
        Line of the file of each row; the row's number where a format has no lines.
    size, time : str
        Column that is taken where nobody asks for another; empty where somebody has to.
    group : sequence of str
        Columns that tell curves apart; those of one value are no axes.
    units : mapping
        Column of times to its unit.
    sizes : sequence of str
        Columns of which one may be the size; empty for any.
    second : sequence of str
        Columns of further numeric variables that belong to the law and tell no curves apart.
    spread, repeats, resolution, process : str
        Columns of the standard deviation (in the unit of the times), of the number of repeats
        behind a row, of its rounding step and of its run; empty for none. They belong to `time`.
    size_unit : str or None
        Of the sizes; None to take it from the column's name.
    time_kind : str
        Or the column that has it row by row; empty to take it from the names of the columns.
    row_word : str
        What a note calls a line: ``line``, ``row``, ``result``.
    """

    columns: Mapping[str, Sequence[Any]]
    lines: Sequence[int]
    size: str = ""
    time: str = ""
    group: Sequence[str] = ()
    sizes: Sequence[str] = ()
    second: Sequence[str] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    spread: str = ""
    repeats: str = ""
    resolution: str = ""
    process: str = ""
    size_unit: str | None = None
    time_kind: str = ""
    row_word: str = "line"
    notes: Notes = field(default_factory=Notes)

    @classmethod
    def of_rows(
        cls, rows: Iterable[Mapping[str, Any]], lines: Iterable[int] = (), **meaning: Any
    ) -> Table:
        """Make a table of rows, each a mapping from column to cell."""
        rows = list(rows)
        names = list(dict.fromkeys(name for row in rows for name in row))
        columns = {name: [row.get(name) for row in rows] for name in names}
        return cls(columns, list(lines) or list(range(1, len(rows) + 1)), **meaning)


def frame_table(frame: Any, source: str) -> Table:
    """Return the table of a pandas, Arrow or polars table, or of a mapping of arrays.

    Raises
    ------
    UnreadableMeasurements
        If it is none.
    """
    if hasattr(frame, "to_pandas") and not isinstance(frame, Mapping):  # Arrow, polars
        names = list(getattr(frame, "column_names", None) or frame.columns)
        pairs = [(str(name), frame[name]) for name in names]
    elif hasattr(frame, "items") or isinstance(frame, Mapping):
        pairs = [(str(name), values) for name, values in frame.items()]
    else:
        raise UnreadableMeasurements(
            f"{source}: {type(frame).__name__} is no table: give a pandas, Arrow or polars table, "
            "or a dict of arrays"
        )
    columns = {name: _cells(values) for name, values in pairs}
    if len(columns) < len(pairs):
        raise UnreadableMeasurements(f"{source}: two columns have one name: rename one")
    lengths = {len(cells) for cells in columns.values()}
    if len(lengths) > 1:
        raise UnreadableMeasurements(f"{source}: columns of different lengths")
    rows = lengths.pop() if lengths else 0
    return Table(columns, range(1, rows + 1), row_word="row")


def _cells(values: Any) -> Sequence[Any]:
    """Return numbers as an array, and everything else as a list."""
    kind = getattr(getattr(values, "dtype", None), "kind", "")
    if isinstance(values, np.ndarray) and kind in "iuf":
        return values  # type: ignore[return-value]
    if kind in ("i", "u", "f") and hasattr(values, "to_numpy"):  # pandas, its own numbers too
        return values.to_numpy(dtype=np.float64, na_value=np.nan)  # type: ignore[no-any-return]
    for method in ("to_pylist", "to_list", "tolist"):
        if hasattr(values, method):
            listed = getattr(values, method)()
            return listed if isinstance(listed, list) else [listed]
    return list(values)
