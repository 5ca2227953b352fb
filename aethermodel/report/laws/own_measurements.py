"""Own measurements: the parameters of notebook 90, and what it shows of the file that it read."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, field_validator

from aethermodel.readers.read import read
from aethermodel.readers.units import time_unit
from aethermodel.report.blocks import Block
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.html_table import data_table

if TYPE_CHECKING:
    from aethermodel.readers.measurements import Measurements

#: Most curves that the table of what was read shows.
MOST_CURVES = 40


class OwnMeasurements(BaseModel):
    """Parameters of notebook 90.

    Attributes
    ----------
    file : str
        Measurements in any format that has a reader; empty: the sample, data/decode-times.csv.
    size, time, unit : str
        Columns or parameters, and the unit of the times; empty: as the file says.
    group : str
        Columns that tell curves apart, with commas between them; empty: as found.
    format : str
        Name of a reader; empty: by content.
    rate : float
        Arrivals a second to answer for; 0: none.
    latency : float
        Seconds, the most that a batch may take; 0: no limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = ""
    size: str = ""
    time: str = ""
    unit: str = ""
    group: str = ""
    format: str = ""
    rate: float = Field(0.0, ge=0, allow_inf_nan=False)
    latency: float = Field(0.0, ge=0, allow_inf_nan=False)

    @field_validator("unit")
    @classmethod
    def _known(cls, unit: str) -> str:
        if unit and time_unit(unit) is None:
            raise ValueError("a unit of time: s, ms, us or ns")
        return unit

    def measurements(self) -> Measurements:
        """Read the file.

        Raises
        ------
        InputError
            If it holds no times over sizes.
        """
        sample = files("aethermodel") / "data" / "decode-times.csv"
        return read(
            self.file or str(sample),
            size=self.size or None,
            time=self.time or None,
            unit=self.unit or None,
            group=[name.strip() for name in self.group.split(",") if name.strip()],
            format=self.format or None,
        )


def what_was_read(measurements: Measurements) -> Block:
    """Return a table with a row for each curve: rows, sizes and times."""
    import numpy as np
    import pandas as pd

    some = measurements.series[:MOST_CURVES]
    unit = measurements.size_unit
    return data_table(
        pd.DataFrame(
            {
                "Curve": [series.name or "the only one" for series in some],
                "Rows": [len(series) for series in some],
                "Sizes": [len(np.unique(series.sizes)) for series in some],
                "From": [f"{series.sizes.min():,.10g} {unit}".rstrip() for series in some],
                "To": [f"{series.sizes.max():,.10g} {unit}".rstrip() for series in some],
                "Shortest": [engineering(float(series.seconds.min()), "s") for series in some],
                "Longest": [engineering(float(series.seconds.max()), "s") for series in some],
            }
        ),
        f"Read as {measurements.format}: {measurements.time_kind}",
    )
