"""Figures that a notebook hands to whoever executed it: a sweep keeps them with the point."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from aethermodel.execute.notebooks import read_notebook
from aethermodel.inputs.fields import Name
from aethermodel.inputs.input_files import refusing

_KIND = "application/vnd.aethermodel.figures+json"

_FIGURES = TypeAdapter(
    dict[Name, Annotated[float, Field(strict=True, allow_inf_nan=False)] | None],
)


def record(**figures: float) -> None:
    """Record figures of this notebook, by name; to be called in a cell.

    Parameters
    ----------
    **figures : float
        The name carries the unit, such as ``t_batch_seconds``.
    """
    from IPython.display import display

    # JSON has no word for infinity and NaN: no figure is known.
    plain = {n: float(v) if math.isfinite(v) else None for n, v in figures.items()}
    text = ", ".join(f"{name} = {value:.6g}" for name, value in figures.items())
    display({_KIND: plain, "text/plain": text}, raw=True)  # type: ignore[no-untyped-call]


def recorded(executed: Path) -> dict[str, float | None]:
    """Return what an executed notebook recorded; a later figure of a name wins.

    Raises
    ------
    InputError
        If that is no figures.
    """
    figures: dict[str, float | None] = {}
    for cell in read_notebook(executed).cells:
        for output in cell.outputs:
            data = output.get("data")
            if isinstance(data, dict) and _KIND in data:
                with refusing(executed, ": what it recorded"):
                    figures |= _FIGURES.validate_python(data[_KIND])
    return figures
