"""Measurements: times over sizes, as every reader gives them and every law is fitted to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from aethermodel.inputs.refusals import quoted
from aethermodel.readers.assembly import assemble
from aethermodel.readers.column_choice import Asked, names
from aethermodel.readers.series import Floats, Labels, Series, UnreadableMeasurements
from aethermodel.readers.table import Table, frame_table
from aethermodel.readers.units import size_unit

__all__ = ["Floats", "Labels", "Measurements", "Series", "UnreadableMeasurements"]


@dataclass(frozen=True)
class Measurements:
    """What a reader took from a file or a table.

    Attributes
    ----------
    source : str
        Name of the file as given.
    format : str
        Name of the reader.
    size_name, size_unit : str
        Such as ``bytes`` and ``B``; the unit is empty for a plain count.
    time_kind : str
        ``one way``, ``round trip``, ``per operation`` or ``per batch``.
    series : tuple of Series
        At least one, each of at least one row.
    notes : tuple of str
        Lines that were left out or read otherwise, each with its number.
    """

    source: str
    format: str
    size_name: str
    size_unit: str
    time_kind: str
    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()

    def select(self, **axes: str) -> Measurements:
        """Return the series that have these values on their axes.

        Raises
        ------
        UnreadableMeasurements
            If none has.
        """
        wanted = {axis: str(value) for axis, value in axes.items()}
        kept = tuple(series for series in self.series if wanted.items() <= series.axes.items())
        if not kept:
            names = "; ".join(series.name or "one without a name" for series in self.series)
            asked = ", ".join(f"{axis}={value}" for axis, value in wanted.items())
            raise UnreadableMeasurements(
                f"{self.source}: no series {quoted(asked)}; it has {names}"
            )
        return replace(self, series=kept)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        size: str,
        time: str,
        group: Sequence[str] | str = (),
        unit: str = "s",
        source: str = "table",
        second: Sequence[str] | str = (),
        process: str | None = None,
    ) -> Measurements:
        """Take times over sizes from a table in memory.

        Parameters
        ----------
        frame : pandas, Arrow or polars table, or mapping of arrays
            One row a measured value.
        size, time : str
            Columns.
        group : sequence of str
            Columns whose values tell one curve from another.
        unit : str
            Of the times: ``s``, ``ms``, ``us`` or ``ns``.
        source : str
            What messages call the table.
        second : sequence of str
            Columns of further numeric variables.
        process : str, optional
            Column that tells processes or runs from each other.

        Raises
        ------
        UnreadableMeasurements
            If a column is missing, or no row holds a size and a time.
        """
        asked = Asked(
            size,
            time,
            unit,
            names(group),
            names(second),
            process or "",
            unit_is_default=unit == "s",
        )
        return cls.of_table(frame_table(frame, source), source, "table", asked)

    @classmethod
    def of_table(cls, table: Table, source: str, format: str, asked: Asked) -> Measurements:
        """Take times over sizes from the rows that a reader found.

        Parameters
        ----------
        table : Table
        source : str
            Name of the file.
        format : str
            Name of the reader.
        asked : Asked
            Columns and a unit that somebody asked for.

        Raises
        ------
        UnreadableMeasurements
            If a column or a unit has to be named, or no row holds a size and a time.
        """
        parts = assemble(table, source, asked)
        unit = size_unit(parts.size) if table.size_unit is None else table.size_unit
        return cls(source, format, parts.size, unit, parts.time_kind, parts.series, parts.notes)
