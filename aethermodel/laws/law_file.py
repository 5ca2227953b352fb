"""Law file: laws as JSON, read strictly; no text of it is ever evaluated."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from aethermodel.inputs.refusals import InputError, one_line, quoted
from aethermodel.laws.families.free_figures import free_values
from aethermodel.laws.families.structures import Terms
from aethermodel.laws.families.terms import Term
from aethermodel.laws.fitted_curve import FittedCurve, Member, Parameter
from aethermodel.laws.held_out_errors import Misses
from aethermodel.output_files import write_whole

SCHEMA = "aethermodel.law/1"
_MOST_BYTES = 64 << 20
_MOST_TERMS, _MOST_MEMBERS = 12, 16
_MOST_EXPONENT = 16
Finite = Annotated[float, Field(allow_inf_nan=False)]
Positive = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Text = Annotated[str, Field(max_length=1000)]
Curve = TypeVar("Curve", bound=FittedCurve)


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Term(_Strict):
    kind: Literal["one", "power", "ramp", "level", "slope", "packets", "bottleneck", "second"]
    first: Finite = 0.0
    last: Finite | None = 0.0  # null: without end

    @model_validator(mode="after")
    def _figures(self) -> _Term:
        if self.kind in ("power", "second"):
            if self.last is None or max(abs(self.first), abs(self.last)) > _MOST_EXPONENT:
                raise ValueError(f"no exponent is beyond {_MOST_EXPONENT}")
        elif self.first < 0 or (self.kind in ("packets", "bottleneck") and not self.first):
            raise ValueError(f"{self.kind} begins at {self.first}")
        return self


class _Parameter(_Strict):
    name: Text
    value: Finite
    low: Finite
    high: Finite | None
    unit: Text


class _Member(_Strict):
    terms: list[_Term] = Field(min_length=1, max_length=_MOST_TERMS)
    coefficients: list[Positive]
    offsets: list[Finite] = []

    @model_validator(mode="after")
    def _shapes(self) -> _Member:
        if len(self.terms) != len(self.coefficients):
            raise ValueError("terms and coefficients differ in number")
        return self


class _Misses(_Strict):
    octave: list[Finite] = Field(min_length=1)
    where: list[Annotated[int, Field(ge=0)]]
    inside: list[Positive]
    gap: list[Positive]
    beyond: list[Positive]
    further: list[Positive]
    weight: list[Positive]
    alike: bool

    @model_validator(mode="after")
    def _shapes(self) -> _Misses:
        if not len(self.where) == len(self.inside) == len(self.gap):
            raise ValueError("where, inside and gap differ in number")
        if not len(self.beyond) == len(self.further) == len(self.weight):
            raise ValueError("beyond, further and weight differ in number")
        if self.where and max(self.where) >= len(self.octave):
            raise ValueError("where names a size that is not there")
        if sorted(self.octave) != self.octave:
            raise ValueError("octaves must ascend")
        return self


class LawDocument(_Strict):
    """One law of a file."""

    name: Text
    family: Literal[
        "constant", "affine", "knees", "steps", "power", "n log n", "falling", "usl", "packets",
        "bottleneck", "interpolation", "none",
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
    second: list[Positive] = []
    verdict: list[Text]
    terms: list[_Term] = Field(min_length=1, max_length=_MOST_TERMS)
    coefficients: list[Positive]
    covariance: list[list[Finite]]
    noise: Positive | None
    freedom: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    members: list[_Member] = Field(min_length=1, max_length=_MOST_MEMBERS)
    misses: _Misses | None
    between: tuple[Positive, Positive, Positive]
    level: Annotated[float, Field(gt=0, lt=1)]
    seconds_of_nothing: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    notes: list[Text] = []

    @model_validator(mode="after")
    def _shapes(self) -> LawDocument:
        terms = _terms(self.terms)
        parameters = len(terms) + len(free_values(terms))
        if len(self.sizes) != len(self.seconds) or not all(self.seconds):
            raise ValueError("every size needs a time above zero")
        if sorted(self.sizes) != self.sizes:
            raise ValueError("sizes must ascend")
        if self.second and (not self.second_name or len(self.second) != len(self.sizes)):
            raise ValueError("every size needs a value of the second variable, or none has one")
        if len(self.coefficients) != len(terms):
            raise ValueError("terms and coefficients differ in number")
        if [len(row) for row in self.covariance] != [parameters] * parameters:
            raise ValueError(f"the covariance of {parameters} figures is not square")
        for member in self.members:
            places = len(self.misses.octave) if self.misses else 0
            if member.offsets and len(member.offsets) != places:
                raise ValueError("offsets and octaves differ in number")
        shown = [*self.terms, *(term for member in self.members for term in member.terms)]
        if not self.second_name and any(term.kind == "second" for term in shown):
            raise ValueError("there is no second variable")
        return self


class LawFile(_Strict):
    """The whole file."""

    schema_name: Literal["aethermodel.law/1"] = Field(alias="schema")
    laws: list[LawDocument] = Field(min_length=1)


class DocumentWithLaws(BaseModel):
    """What a command says in JSON, of which its laws alone are read."""

    model_config = ConfigDict(extra="ignore", strict=True)

    schema_name: Literal["aethermodel.bench.fabric/1", "aethermodel.fit/1"] = Field(alias="schema")
    laws: list[LawDocument] = Field(min_length=1)


def _read(text: bytes) -> LawFile | DocumentWithLaws:
    try:
        return LawFile.model_validate_json(text)
    except ValidationError as error:
        if all(fault["loc"] != ("schema",) for fault in error.errors(include_url=False)):
            raise
        try:
            return DocumentWithLaws.model_validate_json(text)
        except ValidationError as other:
            known = all(fault["loc"] != ("schema",) for fault in other.errors(include_url=False))
            raise (other if known else error) from None


def to_document(law: FittedCurve) -> dict[str, Any]:
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
        "second": law.second.tolist(),
        "verdict": list(law.verdict),
        "terms": _written(law.terms),
        "coefficients": law.coefficients.tolist(),
        "covariance": law.covariance.tolist(),
        "noise": None if np.isnan(law.noise) else law.noise,
        "freedom": law.freedom,
        "members": [
            {
                "terms": _written(member.terms),
                "coefficients": member.coefficients.tolist(),
                "offsets": member.offsets.tolist(),
            }
            for member in law.members
        ],
        "misses": law.misses
        and {
            name: value.tolist() if isinstance(value, np.ndarray) else value
            for name, value in vars(law.misses).items()
        },
        "between": list(law.between),
        "level": law.level,
        "seconds_of_nothing": law.seconds_of_nothing,
        "notes": list(law.notes),
    }


def _written(terms: Terms) -> list[dict[str, Any]]:
    return [
        {
            "kind": term.kind,
            "first": term.first,
            "last": term.last if np.isfinite(term.last) else None,
        }
        for term in terms
    ]


def _terms(terms: Sequence[_Term]) -> Terms:
    return tuple(
        Term(term.kind, term.first, float("inf") if term.last is None else term.last)
        for term in terms
    )


def from_document(made: type[Curve], document: Mapping[str, Any]) -> Curve:
    """Rebuild a law.

    Parameters
    ----------
    made : type
        Class of the law.
    document : dict
        JSON values.

    Raises
    ------
    InputError
        If the values are not those of a law.
    """
    try:
        return _law(made, LawDocument.model_validate_json(json.dumps(document)))
    except (ValidationError, TypeError, ValueError) as error:
        raise InputError(one_line(error)) from None


def save(laws: Mapping[str, FittedCurve], path: Path) -> None:
    """Write a law file, whole or not at all."""
    document = {"schema": SCHEMA, "laws": [to_document(law) for law in laws.values()]}
    write_whole(path, json.dumps(document, allow_nan=False, indent=1) + "\n")


def load(made: type[Curve], path: Path) -> dict[str, Curve]:
    """Read a law file, or the laws of a document that has them.

    Parameters
    ----------
    made : type
        Class of the laws.
    path : Path

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
        file = _read(text)
    except ValidationError as error:
        raise InputError(f"{path}: no law file: {one_line(error)}") from None
    laws = {}
    for one in file.laws:
        if one.name in laws:
            raise InputError(f"{path}: two laws are named {quoted(one.name)}")
        laws[one.name] = _law(made, one)
    return laws


def _law(made: type[Curve], one: LawDocument) -> Curve:
    sizes, means = np.array(one.sizes), np.array(one.seconds)
    plain = {
        name: getattr(one, name)
        for name in (
            "name", "family", "holds", "interpolates", "size_name", "size_unit", "time_kind",
            "source", "between", "level", "freedom", "second_name", "seconds_of_nothing",
        )
    }  # fmt: skip
    misses = None
    if one.misses is not None:
        own = one.misses
        misses = Misses(
            octave=np.array(own.octave),
            where=np.array(own.where, dtype=np.int64),
            inside=np.array(own.inside),
            gap=np.array(own.gap),
            beyond=np.array(own.beyond),
            further=np.array(own.further),
            weight=np.array(own.weight),
            alike=own.alike,
        )
    return made(
        **plain,
        parameters=tuple(
            Parameter(p.name, p.value, p.low, float("inf") if p.high is None else p.high, p.unit)
            for p in one.parameters
        ),
        smallest=float(sizes[0]),
        largest=float(sizes[-1]),
        sizes=sizes,
        means=means,
        second=np.array(one.second),
        verdict=tuple(one.verdict),
        terms=_terms(one.terms),
        coefficients=np.array(one.coefficients),
        covariance=np.array(one.covariance),
        noise=float("nan") if one.noise is None else one.noise,
        members=tuple(
            Member(_terms(m.terms), np.array(m.coefficients), np.array(m.offsets))
            for m in one.members
        ),
        misses=misses,
        notes=tuple(one.notes),
    )
