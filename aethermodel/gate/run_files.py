"""Sides of a comparison: runs from a file, from a folder of them, or from a history."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from aethermodel.gate.history import History
from aethermodel.gate.runs import (
    LAW_SCHEMA,
    MOST_RUNS,
    CalibrationRun,
    LawRun,
    Run,
    laws_of,
    schema_of,
)
from aethermodel.inputs.refusals import InputError

#: Returns the runs of a file by the name of the curve.
Reader = Callable[[Path], dict[str, Run]]


def read_runs(
    path: Path,
    *,
    options: Mapping[str, Any] | None = None,
    host: str | None = None,
    others: Mapping[str, Reader] | None = None,
) -> dict[str, list[Run]]:
    """Read a side of a comparison: a file is one run, a folder several.

    Parameters
    ----------
    path : pathlib.Path
        A law file, a calibration, or measurements in any format that `aethermodel.read` knows; a
        folder of them; or a history, of which the runs since the last change count.
    options : mapping, optional
        For `aethermodel.read`: size, time, unit, group, format.
    host : str, optional
        Whose runs of a history count; the only one by default.
    others : mapping of str to callable, optional
        Readers of further files of ours, by how their schema begins.

    Returns
    -------
    dict of str to list of Run
        Runs in their order by the name of the curve.

    Raises
    ------
    InputError
        If something is no such file, or a folder holds none.
    """
    if path.is_dir():
        history = History(path)
        if history.entries:
            return history.steady_runs(host=host)
        files = sorted(p for p in path.iterdir() if p.is_file() and not p.name.startswith("."))
        if not files:
            raise InputError(f"{path}: an empty folder; give a file, or a folder of runs")
        runs: dict[str, list[Run]] = {}
        for file in files[-MOST_RUNS:]:
            for name, run in _of_file(file, options or {}, others or {}).items():
                runs.setdefault(name, []).append(run)
        return runs
    of_file = _of_file(path, options or {}, others or {})
    return {name: [run] for name, run in of_file.items()}


def _of_file(
    path: Path, options: Mapping[str, Any], others: Mapping[str, Reader]
) -> dict[str, Run]:
    schema = schema_of(path)
    for beginning, reader in others.items():
        if schema.startswith(beginning):
            return reader(path)
    if schema.startswith("aethermodel.calibration/"):
        from aethermodel.calibrate.calibration.calibration import Calibration

        try:
            return {"": CalibrationRun(str(path), Calibration.load(path, foreign=True))}
        except ValueError as error:
            raise InputError(error) from None
    if schema.startswith(LAW_SCHEMA):
        options = {}  # which are for the measurements of the other side
    return {name: LawRun(str(path), law) for name, law in laws_of(path, options).items()}
