"""Calibration file: JSON with a versioned schema, and a hash over its content."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import Field, ValidationError, model_validator

from aethermodel.calibrate.calibration.conditions import Conditions
from aethermodel.calibrate.calibration.term_samples import TermSamples
from aethermodel.calibrate.term_fit.fit_term import TermFit
from aethermodel.calibrate.term_fit.model_selection import weighed
from aethermodel.calibrate.term_fit.samples import Timings
from aethermodel.fabrics import FabricLabel
from aethermodel.inputs.fields import (
    Content,
    Fingerprint,
    Line,
    Moment,
    Name,
    Sha256,
    Share,
    Sizes,
    Times,
    same_lengths,
)
from aethermodel.inputs.input_files import read_bytes, refusing
from aethermodel.inputs.plain_values import parse_json
from aethermodel.inputs.refusals import one_line, quoted
from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.model.parameters import Parameter
from aethermodel.model.terms import PRODUCER, REFILL, TERM_NAMES

#: What is written: everything that is read back stands under the hash.
SCHEMA = "aethermodel.calibration/3"
_NOT_RECORDED = (
    "its processes were not recorded: intervals take all samples to be independent, "
    "and hold too seldom where processes differ"
)
#: Most bytes of a file.
_MOST = 64 * 2**20

Term = Literal["loop", "ffi", "kernel", "fabric", "refill", "send"]
Process = Annotated[int, Field(ge=0, le=2**31)]
Samples = TypeVar("Samples", bound=TermSamples)


class _Timings(Content):
    n: Sizes
    seconds: Times
    process: list[Process] = Field(default_factory=list)

    @model_validator(mode="after")
    def _can_be_fitted(self) -> Self:
        same_lengths({"n": self.n, "seconds": self.seconds})
        if self.process:
            same_lengths({"n": self.n, "process": self.process})
        if len(self.n) < 3 or min(self.n) == max(self.n):
            raise ValueError("a term takes at least three samples, at two sizes or more")
        return self


class _Copies(Content):
    n: Sizes
    seconds: Times

    @model_validator(mode="after")
    def _same(self) -> Self:
        same_lengths({"n": self.n, "seconds": self.seconds})
        return self


class _Ceilings(Content):
    copy_: _Copies = Field(_Copies(n=[], seconds=[]), alias="copy")


class _Teams(Content):
    threads: list[Annotated[float, Field(ge=1, le=65_536, multiple_of=1)]]
    seconds: Times

    @model_validator(mode="after")
    def _same(self) -> Self:
        same_lengths({"threads": self.threads, "seconds": self.seconds})
        return self


class _Parameter(Content):
    """For readers of the file; never read back."""

    value: float | None
    low: float | None
    high: float | None
    unit: Line
    meaning: Line
    source: Line


class _Candidate(Content):
    """For readers of the file; never read back."""

    law: Line
    held_out: float | None
    aicc: float | None
    lack_of_fit: Share | None
    admitted: bool
    chosen: bool


class _File(Content):
    schema_: Literal[
        "aethermodel.calibration/1", "aethermodel.calibration/2", "aethermodel.calibration/3"
    ] = Field(alias="schema")
    host: Fingerprint
    fabric: FabricLabel
    created: Moment
    conditions: Conditions
    parameters: dict[Name, _Parameter] = Field(default_factory=dict)
    warnings: list[Line] = Field(default_factory=list, max_length=1000)
    findings: list[Line] = Field(default_factory=list, max_length=1000)
    laws: dict[Term, list[_Candidate]] = Field(default_factory=dict)
    samples: dict[Term, _Timings]
    teams: _Teams = _Teams(threads=[], seconds=[])
    ceilings: _Ceilings = _Ceilings()
    sha256: Sha256 | None = None
    samples_sha256: Sha256 | None = None  # up to the second schema

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.fabric != self.conditions.fabric:
            raise ValueError(f"fabric is {self.fabric}, the conditions' {self.conditions.fabric}")
        # A term that could not be measured is not there; the warnings name it.
        if not any(term in self.samples for term in TERM_NAMES):
            raise ValueError("samples of every term are missing")
        return self


def content_of(
    samples: TermSamples,
    fits: Mapping[str, TermFit],
    parameters: Iterable[Parameter],
    findings: Iterable[str],
) -> dict[str, Any]:
    """Return a calibration as JSON values.

    Parameters
    ----------
    samples : TermSamples
        All that is read back.
    fits : dict of str to TermFit
        By term; these, the parameters and the findings stand there for readers of the file.
    parameters : iterable of Parameter
    findings : iterable of str
    """
    content = {
        "schema": SCHEMA,
        "host": samples.host,
        "fabric": samples.conditions.fabric,
        "created": samples.created,
        "conditions": _conditions_of(samples),
        "parameters": {
            p.name: {
                "value": p.value,
                "low": p.low,
                "high": p.high,
                "unit": p.unit,
                "meaning": p.meaning,
                "source": p.source,
            }
            for p in parameters
        },
        "warnings": list(samples.warnings),
        "findings": list(findings),
        "laws": {term: weighed(fit.tried, fit.chosen) for term, fit in fits.items()},
        "sha256": _hash_of(_read_back(samples)),
        "samples": {term: timings._asdict() for term, timings in samples.samples.items()},
    }
    if samples.teams[0]:
        content["teams"] = dict(zip(("threads", "seconds"), samples.teams, strict=True))
    if samples.copies[0]:
        n, seconds = samples.copies
        content["ceilings"] = {"copy": {"n": n, "seconds": seconds}}
    return content


def _read_back(samples: TermSamples) -> dict[str, Any]:
    """Return whatever a prediction is made from, or a reader is told."""
    return {
        "host": samples.host,
        "created": samples.created,
        "conditions": _conditions_of(samples),
        "samples": samples.samples,
        "teams": samples.teams,
        "copies": samples.copies,
        "warnings": samples.warnings,
    }


def _conditions_of(samples: TermSamples) -> dict[str, Any]:
    """Return the conditions; of the event without its size, as all files were of it at first."""
    conditions = dict(vars(samples.conditions))
    if conditions["record_bytes"] == EVENT_BYTES:
        del conditions["record_bytes"]
    return conditions


def _hash_of(values: Any) -> str:
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def samples_of(made: type[Samples], content: Any) -> Samples:
    """Rebuild the samples of a calibration; whatever else it says is fitted from them again.

    Of the schemas before, too: the first recorded no processes, which is warned of, and the hash
    of the second holds its samples alone.

    Parameters
    ----------
    made : type
        Class of what is made.
    content : JSON values

    Raises
    ------
    ValueError
        If it is not a calibration, or was changed.
    """
    schema = content.get("schema") if isinstance(content, dict) else None
    if schema not in ("aethermodel.calibration/1", "aethermodel.calibration/2", SCHEMA):
        raise ValueError(f"not a calibration: schema is {quoted(schema)}, not {SCHEMA!r}")
    try:
        file = _File.model_validate(content)
    except ValidationError as error:
        raise ValueError(f"not a calibration: {one_line(error)}") from None
    first = file.schema_.endswith("/1")
    samples = made(
        file.host.facts(),
        file.created,
        file.conditions,
        {
            term: Timings(found.n, found.seconds, [] if first else found.process)
            for term in (*TERM_NAMES, REFILL, PRODUCER)
            if (found := file.samples.get(term)) is not None  # type: ignore[call-overload]
        },
        (file.ceilings.copy_.n, file.ceilings.copy_.seconds),
        tuple(file.warnings),
        (file.teams.threads, file.teams.seconds),
    )
    _check_hash(file, samples)
    if all(timings.process for timings in samples.samples.values()):
        return samples
    return samples if _NOT_RECORDED in file.warnings else samples.warned(_NOT_RECORDED)


def _check_hash(file: _File, samples: TermSamples) -> None:
    if file.schema_ == SCHEMA:
        stated, found = file.sha256, _hash_of(_read_back(samples))
    else:
        columns = 2 if file.schema_.endswith("/1") else 3
        timed = {term: timings[:columns] for term, timings in samples.samples.items()}
        stated, found = file.samples_sha256, _hash_of(timed)
    if stated != found:
        raise ValueError("the samples or conditions do not match their hash: calibrate again")


def read(made: type[Samples], path: Path | str) -> Samples:
    """Read a calibration file.

    Parameters
    ----------
    made : type
        Class of what is made.
    path : path

    Raises
    ------
    InputError
        In one line, if the file is no calibration.
    OSError
        If it cannot be read.
    """
    with refusing(path):
        return samples_of(made, parse_json(read_bytes(path, _MOST)))
