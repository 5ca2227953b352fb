"""Law file: laws as JSON, read strictly; no text of it is ever evaluated."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aethermodel.inputs.refusals import InputError, one_line, quoted
from aethermodel.laws.law import Law, Parameter
from aethermodel.laws.terms import KINDS, Term
from aethermodel.output_files import write_whole

SCHEMA = "aethermodel.law/1"
_MOST_BYTES = 64 << 20
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=1000)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Term(_Strict):
    kind: Literal["one", "power", "ramp", "level", "slope", "packets", "second"]
    first: Finite = 0.0
    last: Finite | None = 0.0  # null: without end


class _Parameter(_Strict):
    name: Text
    value: Finite
    low: Finite
    high: Finite | None
    unit: Text


class LawDocument(_Strict):
    """One law of a file."""

    name: Text
    family: Literal[
        "constant", "affine", "knees", "steps", "power", "n log n", "falling", "usl", "packets",
        "interpolation", "none",
    ]  # fmt: skip
    parameters: list[_Parameter]
    sizes: list[Positive] = Field(min_length=1)
    seconds: list[Positive] = Field(min_length=1)
    holds: bool
    interpolates: bool
    size_name: Text
    size_unit: Text
    time_kind: Text
    source: Text
    second_name: Text = ""
    verdict: list[Text]
    terms: list[_Term] = Field(max_length=32)
    coefficients: list[Positive]
    covariance: list[list[Finite]]
    noise: Positive
    freedom: Positive
    level: Annotated[float, Field(gt=0, lt=1)]
    notes: list[Text] = []

    @model_validator(mode="after")
    def _shapes(self) -> LawDocument:
        count = len(self.terms)
        if len(self.sizes) != len(self.seconds):
            raise ValueError("sizes and seconds differ in number")
        if sorted(set(self.sizes)) != self.sizes:
            raise ValueError("sizes must ascend")
        if len(self.coefficients) != count or len(self.covariance) != count:
            raise ValueError("terms, coefficients and covariance differ in number")
        if any(len(row) != count for row in self.covariance):
            raise ValueError("the covariance is not square")
        return self


class LawFile(_Strict):
    """The whole file."""

    schema_name: Literal["aethermodel.law/1"] = Field(alias="schema")
    laws: list[LawDocument] = Field(min_length=1)


def to_document(law: Law) -> dict[str, Any]:
    """Return a law as JSON values."""
    return {
        "name": law.name,
        "family": law.family,
        "parameters": [
            {
                "name": one.name,
                "value": one.value,
                "low": one.low,
                "high": one.high if np.isfinite(one.high) else None,
                "unit": one.unit,
            }
            for one in law.parameters
        ],
        "sizes": law.sizes.tolist(),
        "seconds": law.means.tolist(),
        "holds": law.holds,
        "interpolates": law.interpolates,
        "size_name": law.size_name,
        "size_unit": law.size_unit,
        "time_kind": law.time_kind,
        "source": law.source,
        "second_name": law.second_name,
        "verdict": list(law.verdict),
        "terms": [
            {
                "kind": term.kind,
                "first": term.first,
                "last": term.last if np.isfinite(term.last) else None,
            }
            for term in law.terms
        ],
        "coefficients": law.coefficients.tolist(),
        "covariance": law.covariance.tolist(),
        "noise": law.noise,
        "freedom": law.freedom,
        "level": law.level,
        "notes": list(law.notes),
    }


def from_document(document: Mapping[str, Any]) -> Law:
    """Rebuild a law.

    Raises
    ------
    InputError
        If the values are not those of a law.
    """
    try:
        return _law(LawDocument.model_validate_json(json.dumps(document)))
    except (ValidationError, TypeError, ValueError) as error:
        raise InputError(one_line(error)) from None


def save(laws: Mapping[str, Law], path: Path) -> None:
    """Write a law file, whole or not at all."""
    document = {"schema": SCHEMA, "laws": [to_document(law) for law in laws.values()]}
    write_whole(path, json.dumps(document, allow_nan=False, indent=1) + "\n")


def load(path: Path) -> dict[str, Law]:
    """Read a law file.

    Raises
    ------
    InputError
        If it is none; names the file.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than any law file")
        text = path.read_bytes()
    except OSError as error:
        raise InputError(one_line(error)) from None
    try:
        file = LawFile.model_validate_json(text)
    except ValidationError as error:
        raise InputError(f"{path}: no law file: {one_line(error)}") from None
    laws = {}
    for one in file.laws:
        if one.name in laws:
            raise InputError(f"{path}: two laws are named {quoted(one.name)}")
        laws[one.name] = _law(one)
    return laws


def _law(one: LawDocument) -> Law:
    sizes, means = np.array(one.sizes), np.array(one.seconds)
    terms = tuple(
        Term(term.kind, term.first, float("inf") if term.last is None else term.last)
        for term in one.terms
    )
    assert all(term.kind in KINDS for term in terms)
    return Law(
        name=one.name,
        family=one.family,
        parameters=tuple(
            Parameter(p.name, p.value, p.low, float("inf") if p.high is None else p.high, p.unit)
            for p in one.parameters
        ),
        smallest=float(sizes[0]),
        largest=float(sizes[-1]),
        sizes=sizes,
        means=means,
        holds=one.holds,
        interpolates=one.interpolates,
        size_name=one.size_name,
        size_unit=one.size_unit,
        time_kind=one.time_kind,
        source=one.source,
        verdict=tuple(one.verdict),
        terms=terms,
        coefficients=np.array(one.coefficients),
        covariance=np.array(one.covariance).reshape(len(terms), len(terms)),
        noise=one.noise,
        freedom=one.freedom,
        level=one.level,
        second_name=one.second_name,
        notes=tuple(one.notes),
    )
