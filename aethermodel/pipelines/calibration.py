"""Calibration of a pipeline: composed laws that a file keeps, and the whole as one law."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from aethermodel.inputs.refusals import InputError
from aethermodel.laws.law import Law
from aethermodel.measure.host.fingerprint import this_host
from aethermodel.pipelines import calibration_file
from aethermodel.pipelines.composition.composed_laws import ComposedLaws
from aethermodel.pipelines.pipeline_file import load_pipeline
from aethermodel.pipelines.whole_law import whole_law


@dataclass(frozen=True)
class PipelineCalibration(ComposedLaws):
    """Laws of a pipeline's terms on one host.

    The terms, their groups and what they predict are those of `ComposedLaws`.
    """

    @cached_property
    def law(self) -> Law:
        """The whole as a law: what answers, reports and gates take."""
        return whole_law(self)

    def save(self, path: Path) -> None:
        """Write a calibration file, whole or not at all."""
        calibration_file.save(self, path)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read a calibration file.

        Raises
        ------
        InputError
            If it is none.
        """
        return calibration_file.load(cls, Path(path))


def load_for(
    reference: str | None, path: Path | str, *, foreign: bool = False
) -> PipelineCalibration:
    """Read a calibration file of a pipeline, made on this host.

    Parameters
    ----------
    reference : str or None
        ``FILE.py[:NAME]``; None: of any pipeline.
    path : Path or str
    foreign : bool
        Take one of another host, too.

    Raises
    ------
    InputError
        If it is none, of another pipeline, or of another host and `foreign` is not set.
    """
    calibration = PipelineCalibration.load(path)
    if reference is not None and load_pipeline(reference).name != calibration.pipeline:
        raise InputError(f"{path}: of the pipeline {calibration.pipeline}, not that of {reference}")
    if not foreign and calibration.host["id"] != this_host().id:
        raise InputError(
            f"{path}: calibrated on host {calibration.host['id']}, this is {this_host().id}: "
            "--foreign uses it all the same"
        )
    return calibration
