"""Runs of a pipeline of one's own, for a gate: the whole, and each of its terms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from aethermodel.gate.run_files import Reader
from aethermodel.gate.runs import PIPELINE_SCHEMA, LawRun, Run, is_pipeline_calibration
from aethermodel.inputs.refusals import InputError
from aethermodel.pipelines.calibration import PipelineCalibration


def runs_of(path: Path) -> dict[str, Run]:
    """Return a calibration's whole; its parameters are those of its terms, ``decode_c0``.

    Raises
    ------
    InputError
        If the file is no calibration of a pipeline.
    """
    calibration = PipelineCalibration.load(path)
    return {"": LawRun(str(path), calibration.law)}


def check_names(name: str, paths: Iterable[Path]) -> None:
    """Refuse calibrations of other pipelines.

    Raises
    ------
    InputError
        Names the file.
    """
    for path in paths:
        for file in sorted(path.iterdir()) if path.is_dir() else [path]:
            if not is_pipeline_calibration(file):
                raise InputError(f"{file}: no calibration of a pipeline of your own")
            found = PipelineCalibration.load(file).pipeline
            if found != name:
                raise InputError(f"{file}: of the pipeline {found}, not {name}")


READERS: Mapping[str, Reader] = {PIPELINE_SCHEMA: runs_of}
