"""Measurements: curves of time over size, whatever file they came from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aethermodel.inputs.refusals import InputError, quoted

Floats = NDArray[np.float64]

#: Seconds of one unit of time.
TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


class UnreadableMeasurements(InputError):  # noqa: N818  # it says what the input is
    """Measurements that cannot be read; one line with file, line and remedy."""


@dataclass(frozen=True)
class Series:
    """One curve of time over size.

    Attributes
    ----------
    axes : mapping of str to str
        What tells it from the other curves of its source; empty where there is one.
    sizes : ndarray, shape (rows,)
        In `Measurements.size_unit`; repeats are several rows of one size.
    seconds : ndarray, shape (rows,)
        Time of one operation.
    spread : ndarray, shape (rows,), optional
        Standard deviation behind a row, where the format has only that, in seconds.
    repeats : ndarray, shape (rows,), optional
        How many repeats a row is the mean of, where the format says so.
    resolution : ndarray, shape (rows,), optional
        Rounding step of a row (two printed digits), in seconds.
    process : ndarray of str, shape (rows,), optional
        Process or run that a row comes from.
    second : mapping of str to ndarray, shape (rows,)
        Further numeric variables ("threads", "bytes").
    """

    axes: Mapping[str, str]
    sizes: Floats
    seconds: Floats
    spread: Floats | None = None
    repeats: Floats | None = None
    resolution: Floats | None = None
    process: NDArray[np.str_] | None = None
    second: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Axes as text: ``op=allreduce, place=out-of-place``; empty without axes."""
        return ", ".join(f"{axis}={value}" for axis, value in self.axes.items())


@dataclass(frozen=True)
class Measurements:
    """All curves of one source.

    Attributes
    ----------
    source : str
        File name as given.
    format : str
        Name of the reader.
    size_name, size_unit : str
        Such as "bytes" and "B", or "n" and "".
    time_kind : str
        "one way", "round trip", "per operation" or "per batch".
    series : tuple of Series
    notes : tuple of str
        What was left out or read otherwise, each with its line number.
    """

    source: str
    format: str
    size_name: str
    size_unit: str
    time_kind: str
    series: tuple[Series, ...]
    notes: tuple[str, ...] = ()

    def select(self, **axes: str) -> Measurements:
        """Return the curves whose axes have these values."""
        kept = tuple(
            one
            for one in self.series
            if all(one.axes.get(axis) == value for axis, value in axes.items())
        )
        return replace(self, series=kept)

    @classmethod
    def from_frame(
        cls,
        frame: Any,
        *,
        size: str,
        time: str,
        group: Sequence[str] = (),
        unit: str = "s",
        source: str = "table",
    ) -> Measurements:
        """Take the curves from a table.

        Parameters
        ----------
        frame : pandas.DataFrame, pyarrow.Table, polars.DataFrame or dict of arrays
        size, time : str
            Columns of size and time.
        group : sequence of str
            Columns that tell the curves apart.
        unit : {"s", "ms", "us", "ns"}
            Of the times.
        source : str
            What to call the table.
        """
        if unit not in TIME_UNITS:
            raise UnreadableMeasurements(
                f"{source}: unit {quoted(unit)} is none of {', '.join(TIME_UNITS)}"
            )
        columns = {name: _column(frame, name, source) for name in (size, time, *group)}
        try:
            sizes = np.asarray(columns[size], dtype=np.float64)
            seconds = np.asarray(columns[time], dtype=np.float64) * TIME_UNITS[unit]
        except (TypeError, ValueError) as error:
            raise UnreadableMeasurements(
                f"{source}: size and time must be numbers: {error}"
            ) from None
        labels = [
            tuple(map(str, row)) for row in zip(*(columns[name] for name in group), strict=True)
        ]
        if not group:
            labels = [()] * sizes.size
        series = []
        for label in dict.fromkeys(labels):
            own = np.array([one == label for one in labels], dtype=bool)
            axes = dict(zip(group, label, strict=True))
            series.append(Series(axes, sizes[own], seconds[own]))
        return cls(source, "table", size, "", "per operation", tuple(series))


def _column(frame: Any, name: str, source: str) -> NDArray[Any]:
    try:
        return np.asarray(frame[name])
    except (KeyError, IndexError, ValueError):
        raise UnreadableMeasurements(f"{source}: there is no column {quoted(name)}") from None
