"""Published figures of network cards and buses, from their sourced parameter file."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter

from aethermodel.inputs.fields import Content, Line, Name
from aethermodel.inputs.input_files import read_bytes, refusing
from aethermodel.inputs.plain_values import MOST_WRITTEN, parse_toml
from aethermodel.inputs.quantities import Quantity, si
from aethermodel.model.roofline import Ceiling, bandwidth_ceiling


class _Entry(Content):
    bandwidth: Quantity
    source: Annotated[Line, Field(min_length=1)]
    messages: Quantity | None = None


_FILE = TypeAdapter(Annotated[dict[Name, _Entry], Field(min_length=1, max_length=1000)])


@dataclass(frozen=True)
class Interconnect:
    """What is published of one card or bus; nothing here was measured.

    Attributes
    ----------
    name, source : str
        Key in the file, and publication.
    bytes_per_second : float
        Of payload that the medium carries at most, one way.
    messages_per_second : float or None
        Most messages; a batch is one message.
    """

    name: str
    source: str
    bytes_per_second: float
    messages_per_second: float | None


def load_interconnects(path: Path | None = None) -> dict[str, Interconnect]:
    """Read ``data/interconnects.toml``; prefixed units become SI here, on input.

    Parameters
    ----------
    path : pathlib.Path, optional
        Another file of the same form.

    Raises
    ------
    InputError
        In one line, if the file is not of that form.
    """
    where = str(path or files("aethermodel") / "data/interconnects.toml")
    with refusing(where):
        document = _FILE.validate_python(parse_toml(read_bytes(where, MOST_WRITTEN)))
        return {
            name: Interconnect(
                name,
                entry.source,
                si(entry.bandwidth, "B/s"),
                si(entry.messages, "1/s") if entry.messages else None,
            )
            for name, entry in document.items()
        }


def interconnect(name: str) -> Interconnect:
    """Return one card or bus by name.

    Raises
    ------
    ValueError
        If the file does not have it.
    """
    known = load_interconnects()
    if name not in known:
        raise ValueError(
            f"no interconnect {name!r}; data/interconnects.toml has {', '.join(known)}"
        )
    return known[name]


def published_ceilings(event_bytes: float) -> list[Ceiling]:
    """Return the rate at which each published card or bus carries events of a size."""
    return [
        bandwidth_ceiling(name, known.bytes_per_second, event_bytes, "published", known.source)
        for name, known in load_interconnects().items()
    ]
