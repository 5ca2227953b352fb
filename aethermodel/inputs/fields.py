"""Field types of inputs: strict, each with bounds that make sense of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    FailFast,
    Field,
    StringConstraints,
    TypeAdapter,
)

#: No value is taken for one of another type, no name that is not known, no infinity, no NaN.
STRICT = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

# Control characters, and those that turn the direction of text about: no terminal and no page
# shows what is written if it has them.
_LINE = r"^[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]*$"


class Content(BaseModel):
    """What a file holds, or a part of it."""

    model_config = STRICT


#: A name that may stand in a table, a formula, a command line or a path.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]*$", max_length=64)]
#: The id of a host, a commit, a key.
Id = Annotated[str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9_.-]+$", max_length=64)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
#: Some words for a reader, in one line.
Line = Annotated[str, StringConstraints(pattern=_LINE, max_length=4096)]

Share = Annotated[float, Field(ge=0, le=1)]
#: From a hundredth of a picosecond to eleven days: what any sample can have taken.
Seconds = Annotated[float, Field(ge=1e-14, le=1e6)]
#: Events of a batch, or calls of a tick.
Size = Annotated[float, Field(ge=1, le=2**40)]
Sizes = Annotated[list[Size], FailFast(), Field(max_length=1_000_000)]
Times = Annotated[list[Seconds], FailFast(), Field(max_length=1_000_000)]
Bytes = Annotated[int, Field(strict=True, ge=1, le=2**50)]

_DATE = TypeAdapter(AwareDatetime)
_WRITTEN_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[-+]\d\d:\d\d)")


def _date(text: str) -> str:
    if not _WRITTEN_DATE.fullmatch(text):
        raise ValueError("should be a date and time as in 2026-01-01T00:00:00+00:00")
    _DATE.validate_python(text)
    return text


#: ISO 8601 with its offset, as it is written.
Moment = Annotated[str, AfterValidator(_date)]


class Fingerprint(Content):
    """Which machine figures are of, as `aethermodel.measure.host.fingerprint.this_host` says it.

    Attributes
    ----------
    id, processor : str
        What every file has; the other facts where they were recorded.
    """

    id: Id
    processor: Line
    architecture: Line | None = None
    cores: Annotated[int, Field(ge=1, le=2**20)] | None = None
    cache_bytes: dict[Name, Bytes] | None = None
    memory_bytes: Bytes | None = None
    virtual: bool | None = None
    governor: Line | None = None
    system: Line | None = None
    python: Line | None = None
    libraries: dict[Name, Line] | None = None

    def facts(self) -> dict[str, Any]:
        """Return what was recorded."""
        return self.model_dump(exclude_unset=True)


def in_one_piece(value: Any) -> Any:
    """Join the lines as which a notebook holds a text."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return "".join(value)
    return value


#: A text of a notebook.
Text = Annotated[str, BeforeValidator(in_one_piece)]


def same_lengths(columns: Mapping[str, list[Any]]) -> None:
    """Refuse columns of a table that are not of one length.

    Raises
    ------
    ValueError
    """
    if len({len(column) for column in columns.values()}) > 1:
        lengths = ", ".join(f"{len(column)} {name}" for name, column in columns.items())
        raise ValueError(f"columns of different lengths: {lengths}")
