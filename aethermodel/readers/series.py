"""Series: one curve of times over sizes, repeats and rounding kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from aethermodel.inputs.refusals import InputError

Floats = npt.NDArray[np.float64]
Labels = npt.NDArray[np.str_]


class UnreadableMeasurements(InputError):  # noqa: N818 - what it says
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
