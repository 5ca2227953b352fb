"""Measurements: times over sizes, as every reader gives them and every law is fitted to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from aethermodel.inputs.refusals import InputError, quoted

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.str_]


class UnreadableMeasurements(InputError):
    """A file or a table holds no times over sizes; says in one line where, why and what to do."""


@dataclass(frozen=True)
class Series:
    """One curve: times over sizes, one row a measured value.

    Attributes
    ----------
    axes : mapping
        What tells this curve from the others, such as ``{"op": "allreduce"}``; empty for one.
    sizes : (rows,) array
        In `Measurements.size_unit`; repeats of one size are several rows.
    seconds : (rows,) array
        Time of one operation.
    spread : (rows,) array or None
        Standard deviation behind a row in seconds, where only that is known.
    repeats : (rows,) array or None
        Of how many repeats a row is the mean, where that is known.
    resolution : (rows,) array or None
        Rounding step of a row in seconds: what the last printed digit is worth.
    process : (rows,) array of str or None
        Label of the process or run that a row comes from.
    second : mapping
        Further numeric variables by row, such as ``threads``.
    """

    axes: Mapping[str, str]
    sizes: Floats
    seconds: Floats
    spread: Floats | None = None
    repeats: Floats | None = None
    resolution: Floats | None = None
    process: Labels | None = None
    second: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Axes in one line, such as ``op=allreduce, place=out-of-place``."""
        return ", ".join(f"{axis}={value}" for axis, value in self.axes.items())

    def __len__(self) -> int:
        return self.sizes.size


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
            raise UnreadableMeasurements(f"{self.source}: no series {quoted(asked)}; it has {names}")
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
        from aethermodel.readers.columns import from_columns, table_columns

        return from_columns(
            table_columns(frame, source),
            size=size,
            time=time,
            group=group,
            unit=unit,
            source=source,
            second=second,
            process=process,
            format="table",
        )
