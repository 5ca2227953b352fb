"""Calibration file of a pipeline: JSON, read strictly; nothing in it is run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aethermodel.inputs.fields import Fingerprint, Line, Moment, Name
from aethermodel.inputs.input_files import read_bytes
from aethermodel.inputs.refusals import InputError, one_line
from aethermodel.laws.law import Law
from aethermodel.laws.law_file import LawDocument
from aethermodel.output_files import write_whole
from aethermodel.pipelines.composition.composed_laws import ComposedLaws, Overlap, TermLaw
from aethermodel.pipelines.composition.composition import GroupTerms

SCHEMA = "aethermodel.pipeline/1"
_MOST_BYTES = 64 << 20
_MOST_TERMS = 200
# Keys of a JSON object are text.
Size = Annotated[str, Field(pattern=r"^[1-9][0-9]{0,8}$")]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Calibration = TypeVar("Calibration", bound=ComposedLaws)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Term(_Strict):
    name: Name
    kind: Literal["stage", "hand-over", "loop", "assumed"]
    busy: Annotated[float, Field(ge=0, le=4096, allow_inf_nan=False)]
    source: Line
    law: LawDocument
    alone: dict[Size, Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]] = {}


class _Group(_Strict):
    name: Name
    place: Literal["same", "thread", "process"]
    workers: Annotated[int, Field(ge=1, le=4096)]
    terms: list[Name] = Field(max_length=_MOST_TERMS)


class _Gil(_Strict):
    value: Share
    low: Share
    high: Share


class CalibrationFile(_Strict):
    """The whole file."""

    schema_name: Literal["aethermodel.pipeline/1"] = Field(alias="schema")
    pipeline: Name
    file: Line
    record_bytes: Annotated[int, Field(ge=1, le=2**30)] | None
    host: Fingerprint
    created: Moment
    cores: Annotated[int, Field(ge=1, le=2**20)]
    gil: _Gil
    passed: dict[Name, Annotated[float, Field(ge=0, allow_inf_nan=False)]]
    warnings: list[Line]
    groups: list[_Group] = Field(min_length=1, max_length=_MOST_TERMS)
    terms: list[_Term] = Field(min_length=1, max_length=_MOST_TERMS)

    @model_validator(mode="after")
    def _terms_are_there(self) -> CalibrationFile:
        names = [term.name for term in self.terms]
        if len(set(names)) < len(names):
            raise ValueError("two terms have one name")
        placed = {name for group in self.groups for name in group.terms}
        if placed != set(names):
            raise ValueError("the groups' terms are not those that have laws")
        if not any(term.kind == "stage" for term in self.terms):
            raise ValueError("no term is a stage")
        if any(t.law.size_unit == "B" for t in self.terms) and self.record_bytes is None:
            raise ValueError("a law is over bytes, and no record has a size")
        return self


def document(calibration: ComposedLaws) -> dict[str, Any]:
    """Return a calibration as JSON values."""
    return {
        "schema": SCHEMA,
        "pipeline": calibration.pipeline,
        "file": calibration.file,
        "record_bytes": calibration.record_bytes,
        "host": calibration.host,
        "created": calibration.created,
        "cores": calibration.cores,
        "gil": vars(calibration.gil),
        "passed": dict(calibration.passed),
        "warnings": list(calibration.warnings),
        "groups": [{**group._asdict(), "terms": list(group.terms)} for group in calibration.groups],
        "terms": [
            {
                "name": term.name,
                "kind": term.kind,
                "busy": term.busy,
                "source": term.source,
                "law": term.law.document(),
                "alone": {str(n): seconds for n, seconds in term.alone.items()},
            }
            for term in calibration.terms.values()
        ],
    }


def save(calibration: ComposedLaws, path: Path) -> None:
    """Write a calibration file, whole or not at all."""
    write_whole(path, json.dumps(document(calibration), allow_nan=False, indent=1) + "\n")


def load(made: type[Calibration], path: Path) -> Calibration:
    """Read a calibration file.

    Parameters
    ----------
    made : type
        Class of the calibration.
    path : Path

    Raises
    ------
    InputError
        If it is none; names the file.
    """
    content = read_bytes(path, _MOST_BYTES)
    try:
        file = CalibrationFile.model_validate_json(content)
        laws = {term.name: Law.from_document(term.law.model_dump()) for term in file.terms}
    except (ValidationError, InputError) as error:
        raise InputError(f"{path}: no calibration of a pipeline: {one_line(error)}") from None
    return made(
        pipeline=file.pipeline,
        file=file.file,
        record_bytes=file.record_bytes,
        host=file.host.facts(),
        created=file.created,
        terms={
            term.name: TermLaw(
                term.name,
                term.kind,
                laws[term.name],
                term.busy,
                term.source,
                alone={int(n): seconds for n, seconds in term.alone.items()},
            )
            for term in file.terms
        },
        groups=tuple(
            GroupTerms(group.name, group.place, group.workers, tuple(group.terms))
            for group in file.groups
        ),
        cores=file.cores,
        gil=Overlap(file.gil.value, file.gil.low, file.gil.high),
        passed=file.passed,
        warnings=tuple(file.warnings),
    )
