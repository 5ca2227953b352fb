"""Runs: each side of a comparison, as laws from files of any kind."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from aethermodel.gate.limits import Quantity
from aethermodel.inputs.input_files import read_bytes
from aethermodel.inputs.refusals import InputError, quoted

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.calibration import Calibration
    from aethermodel.laws.law import Law

#: Most runs of one side that are read: more of them say nothing new of the spread.
MOST_RUNS = 50
_NORMAL = 1.959964


@dataclass(frozen=True)
class Estimate:
    """Logarithm of a figure of one run, and its variance by that run alone."""

    log: float
    variance: float


class Run(Protocol):
    """One run of one curve."""

    @property
    def label(self) -> str:
        """File or commit."""

    @property
    def sizes(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Measured sizes, ascending."""

    def estimate(self, quantity: Quantity) -> Estimate:
        """Return a quantity.

        Raises
        ------
        InputError
            If the run has no such parameter, or no answer at a size.
        """

    def unit(self, quantity: Quantity) -> str:
        """Unit of a quantity."""


class WholeRun(Run, Protocol):
    """A run of which all parameters are known."""

    @property
    def parameters(self) -> Sequence[Any]:
        """Parameters, each with name, value, low, high and unit."""


@dataclass(frozen=True)
class LawRun:
    """One run as a law."""

    label: str
    law: Law

    @property
    def parameters(self) -> Sequence[Any]:
        """Parameters of the law."""
        return self.law.parameters

    @property
    def sizes(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Measured sizes."""
        return self.law.sizes

    def estimate(self, quantity: Quantity) -> Estimate:
        """Return a quantity of the law."""
        if quantity.parameter:
            return _of_parameter(self.label, self.law.parameters, quantity.parameter)
        at = np.array([quantity.size])
        band = self.law.predict(at)
        if not (np.isfinite(band.seconds[0]) and band.seconds[0] > 0):
            raise InputError(
                f"{self.label}: no time at {quantity}: its sizes are {self.law.smallest:,.10g} to "
                f"{self.law.largest:,.10g}"
            )
        half = math.log(band.high[0] / band.low[0]) / (2 * _NORMAL)
        return Estimate(math.log(band.seconds[0]), half**2)

    def unit(self, quantity: Quantity) -> str:
        """Seconds, or the parameter's own unit."""
        return _unit(self.law.parameters, quantity)


@dataclass(frozen=True)
class CalibrationRun:
    """One run as a calibration."""

    label: str
    calibration: Calibration

    @property
    def sizes(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Calibrated sizes of the kernel; else 1 to the largest."""
        kernel = self.calibration.samples.get("kernel")
        known = np.unique(kernel.n) if kernel else np.array([1.0, self.calibration.largest])
        return np.asarray(known, dtype=np.float64)

    @cached_property
    def parameters(self) -> Sequence[Any]:
        """Parameters of the calibrated model."""
        return tuple(self.calibration.model().parameters.values())

    def estimate(self, quantity: Quantity) -> Estimate:
        """Return a quantity of the calibration."""
        if quantity.parameter:
            return _of_parameter(self.label, self.parameters, quantity.parameter)
        found = self.calibration.predict([quantity.size])
        low, high = float(found.low[0]), float(found.high[0])
        return _log(float(found.seconds[0]), low, high)

    def unit(self, quantity: Quantity) -> str:
        """Seconds, or the parameter's own unit."""
        return _unit(self.parameters, quantity)


def _unit(parameters: Sequence[Any], quantity: Quantity) -> str:
    if not quantity.parameter:
        return "s"
    return next((p.unit for p in parameters if p.name == quantity.parameter), "")


def _of_parameter(label: str, parameters: Sequence[Any], name: str) -> Estimate:
    known = {parameter.name: parameter for parameter in parameters}
    if name not in known:
        raise InputError(f"{label}: no parameter {name!r}; it has {', '.join(known) or 'none'}")
    p = known[name]
    if not p.value > 0:
        raise InputError(f"{label}: {name} is {p.value:g}: a relative change of nothing is none")
    return _log(p.value, p.low, p.high)


def _log(value: float, low: float, high: float) -> Estimate:
    half = (high - low) / (2 * _NORMAL * value) if math.isfinite(high) else math.inf
    return Estimate(math.log(value), half**2)


#: Schemas of a law file, of all versions, begin so.
LAW_SCHEMA = "aethermodel.law/"
#: Schemas of the documents of `--json` that have laws in full begin so.
DOCUMENTS_WITH_LAWS = ("aethermodel.bench.fabric/", "aethermodel.fit/")
#: Schemas of a pipeline's calibration, of all versions, begin so.
PIPELINE_SCHEMA = "aethermodel.pipeline/"


def is_pipeline_calibration(path: Path) -> bool:
    """Whether a file is the calibration of a pipeline of one's own, of any version."""
    return path.is_file() and schema_of(path).startswith(PIPELINE_SCHEMA)


def schema_of(path: Path) -> str:
    """Return the schema that a JSON file of ours names at its top; empty for any other file."""
    if path.is_dir():  # what criterion left
        return ""
    content = read_bytes(path)
    if content.lstrip()[:1] != b"{":
        return ""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    schema = document.get("schema") if isinstance(document, dict) else None
    return schema if isinstance(schema, str) else ""


def laws_of(path: Path, options: Mapping[str, Any]) -> Mapping[str, Law]:
    """Return the laws of a law file or of a document that has them, or fit measurements.

    Raises
    ------
    InputError
        If the file is neither, or a law file is to be read by options.
    """
    from aethermodel.laws.law_group import Laws

    schema = schema_of(path)
    if schema.startswith((LAW_SCHEMA, *DOCUMENTS_WITH_LAWS)):
        for name in options:
            raise InputError(f"{path}: has laws, fitted already: --{name} is for measurements")
        return Laws.load(path)
    if schema:
        raise InputError(
            f"{path}: of schema {quoted(schema)}, which has no law; give measurements, or a law "
            "file, as `aethermodel fit MEASUREMENTS -o law.json` writes it"
        )
    from aethermodel.laws.fit import fit
    from aethermodel.readers.read import read

    return fit(read(path, **options))
