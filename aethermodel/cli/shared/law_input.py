"""Options for files of measurements, and laws from any file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from aethermodel.laws.law import Law

Size = Annotated[
    str | None,
    typer.Option("--size", help="column or parameter of the sizes [default: as the format says]"),
]
Time = Annotated[
    str | None, typer.Option("--time", help="column of the times [default: as the format says]")
]
Unit = Annotated[
    str | None,
    typer.Option("--unit", help="of the times: s, ms, us or ns [default: as the file says]"),
]
Group = Annotated[
    list[str] | None,
    typer.Option(
        "--group", help="column that tells curves apart; may be given again [default: as found]"
    ),
]
Second = Annotated[
    str | None,
    typer.Option("--second", help="column of a second variable of the law [default: as found]"),
]
At = Annotated[
    str | None,
    typer.Option(
        "--at", help="value of a law's second variable, such as bytes=4096 [default: none]"
    ),
]
Format = Annotated[
    str | None, typer.Option("--format", help="name of the reader [default: by content]")
]
Curve = Annotated[
    str | None, typer.Option("--curve", help="name of the curve [default: the only one]")
]
RecordBytes = Annotated[
    str | None,
    typer.Option(
        "--record-bytes", help="size of a record, such as 100 or 4KiB [default: not known]"
    ),
]


def reading_options(
    size: str | None,
    time: str | None,
    unit: str | None,
    group: list[str] | None,
    form: str | None,
    second: str | None = None,
) -> dict[str, Any]:
    """Return the options that were given, for `aethermodel.read`."""
    named = {"size": size, "time": time, "unit": unit, "format": form, "second": second}
    chosen: dict[str, Any] = {name: text for name, text in named.items() if text is not None}
    if group:
        chosen["group"] = tuple(group)
    return chosen


def place(text: str) -> tuple[str, float]:
    """Read the value of a second variable, such as ``bytes=4KiB``.

    Raises
    ------
    ValueError
        If it is none.
    """
    from aethermodel.inputs.sizes import size_of

    name, equals, value = text.rpartition("=")
    try:
        if not (equals and name.strip()):
            raise ValueError
        try:
            return name.strip(), float(value)
        except ValueError:
            return name.strip(), float(size_of(value))
    except ValueError:
        raise ValueError(f"--at: wanted is such as bytes=4096, not {text!r}") from None


def one_law(path: Path, curve: str | None, options: dict[str, Any], at: str | None = None) -> Law:
    """Return a law from a law file or from measurements, fitted.

    Parameters
    ----------
    path : Path
    curve : str, optional
        Name of the curve, where there are several.
    options : dict
        Of `aethermodel.read`.
    at : str, optional
        Value of its second variable, such as ``bytes=4096``.

    Raises
    ------
    ValueError
        If there are several curves and none is named, or no curve has the name.
    """
    from aethermodel.gate.runs import is_pipeline_calibration, laws_of
    from aethermodel.pipelines.calibration import PipelineCalibration

    if is_pipeline_calibration(path):
        calibration = PipelineCalibration.load(path)
        if curve is not None and curve not in calibration.terms:
            raise ValueError(f"{path}: no term {curve!r}; it has {', '.join(calibration.terms)}")
        if at is not None:
            raise ValueError(f"{path}: its terms have one variable, so that --at says nothing")
        return calibration.law if curve is None else calibration.terms[curve].law
    law = _chosen(path, curve, laws_of(path, options))
    if at is None:
        return law
    from aethermodel.laws.law_group import Laws

    return Laws({"": law}).at(*place(at)).only()


def _chosen(path: Path, curve: str | None, laws: Mapping[str, Law]) -> Law:
    named = "; ".join(name or "one without a name" for name in laws)
    if curve is not None:
        try:
            return laws[curve]
        except KeyError:
            raise ValueError(f"{path}: no curve {curve!r}; it has {named}") from None
    if len(laws) != 1:
        raise ValueError(f"{path}: {len(laws)} curves: choose one by --curve, of {named}")
    return next(iter(laws.values()))


def record_size(text: str | None) -> float | None:
    """Read the size of a record in bytes."""
    from aethermodel.inputs.sizes import size_of

    return None if text is None else float(size_of(text))


def seconds_of(name: str, text: str) -> float:
    """Read a time such as ``1ms``; a number alone is in seconds.

    Raises
    ------
    ValueError
        If it is none, or not above 0.
    """
    from aethermodel.inputs.quantities import read_quantity

    try:
        seconds = read_quantity(text, "s")
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if not seconds > 0:
        raise ValueError(f"{name}: a time above 0, not {text!r}")
    return seconds


def rate_of(name: str, text: str) -> float:
    """Read a rate a second, such as ``5e6``.

    Raises
    ------
    ValueError
        If it is no finite number above 0.
    """
    from math import isfinite

    try:
        rate = float(text)
    except ValueError:
        rate = float("nan")
    if not (isfinite(rate) and rate > 0):
        raise ValueError(f"{name}: a rate a second above 0, such as 5e6, not {text!r}")
    return rate
