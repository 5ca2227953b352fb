"""Published figures of network cards and buses, from their sourced parameter file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field

from aethermodel.inputs.fields import Content, Line, Name
from aethermodel.inputs.quantities import Quantity, si
from aethermodel.model.roofline import Ceiling, bandwidth_ceiling
from aethermodel.published.parameter_files import entry, read_parameters


class _Entry(Content):
    bandwidth: Quantity
    source: Annotated[Line, Field(min_length=1)]
    messages: Quantity | None = None


_NAME = "interconnects.toml"
_File = Annotated[dict[Name, _Entry], Field(min_length=1, max_length=1000)]


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
    return read_parameters(_NAME, path, _File, _interconnects)


def _interconnects(content: dict[str, _Entry], _: str) -> dict[str, Interconnect]:
    return {
        name: Interconnect(
            name,
            written.source,
            si(written.bandwidth, "B/s"),
            si(written.messages, "1/s") if written.messages else None,
        )
        for name, written in content.items()
    }


def interconnect(name: str) -> Interconnect:
    """Return one card or bus by name.

    Raises
    ------
    ValueError
        If the file does not have it.
    """
    return entry(load_interconnects(), name, "interconnect", _NAME)


def published_ceilings(event_bytes: float) -> list[Ceiling]:
    """Return the rate at which each published card or bus carries events of a size."""
    return [
        bandwidth_ceiling(name, known.bytes_per_second, event_bytes, "published", known.source)
        for name, known in load_interconnects().items()
    ]
