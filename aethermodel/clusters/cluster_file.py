"""Cluster file: a cluster in a few lines of TOML, read by strict types."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from aethermodel.clusters.cost_laws import cost_law
from aethermodel.inputs.fields import Content, Line
from aethermodel.inputs.input_files import read_bytes, refusing
from aethermodel.inputs.plain_values import MOST_WRITTEN, parse_toml
from aethermodel.inputs.quantities import Quantity, si
from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.inputs.written_words import scalar
from aethermodel.model.cluster.cluster import (
    Cluster,
    Consumers,
    Cost,
    Links,
    Producers,
    Switches,
    Topics,
)

#: Producers or consumers of a cluster at most: beyond, the figures take minutes.
MOST = 10_000

_Count = Annotated[int, Field(ge=1, le=MOST)]
_Events = Annotated[int, Field(ge=1, le=2**32)]
#: A quantity with its unit; a number alone is a plain one.
_Rate = Literal["max"] | Quantity


class _Cost(Content):
    fixed: Quantity = "0 s"
    per_event: Quantity = "0 s / event"
    scatter: Annotated[float, Field(ge=0, le=3)] = 0.0
    law: Line | None = None
    curve: Line | None = None

    @model_validator(mode="after")
    def _one_way(self) -> _Cost:
        if self.law is not None and {"fixed", "per_event"} & self.model_fields_set:
            raise ValueError("give either a law, or fixed and per_event")
        if self.curve is not None and self.law is None:
            raise ValueError("a curve is of a law: name its file")
        return self

    def cost(self, folder: Path, *, producing: bool = False) -> Cost:
        """Return the cost in SI units; a law's file is named from the cluster file's folder."""
        if self.law is not None:
            law = cost_law(folder / self.law, self.curve, producing=producing)
            return Cost(scatter=self.scatter, law=law)
        fixed = _positive("fixed", self.fixed, "s")
        per_event = _positive("per_event", self.per_event, "s/event")
        return Cost(fixed, per_event, self.scatter)


class _Producers(_Cost):
    count: _Count
    batch: _Events
    rate: _Rate = "max"
    event_bytes: Annotated[int, Field(ge=1, le=2**30)] = 64
    per_host: _Count = 1


class _Links(Content):
    rate: Quantity
    latency: Quantity = "0 s"


class _Switches(Content):
    ports: Annotated[int, Field(ge=1, le=MOST)] | None = None
    oversubscription: Annotated[float, Field(ge=1, le=1000)] = 1.0
    buffer: Quantity | None = None


class _Consumers(_Cost):
    count: _Count
    per_host: _Count = 1
    slow: Annotated[int, Field(ge=0, le=MOST)] = 0
    slowness: Annotated[float, Field(ge=1, le=1000)] = 1.0


class _Topics(Content):
    count: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    skew: Annotated[float, Field(ge=0, le=5)] = 0.0
    routing: Literal["key", "round-robin"] = "key"


class _File(Content):
    name: Line | None = None
    credits: Annotated[int, Field(ge=1, le=100_000)] | None = None
    producers: _Producers
    links: _Links
    consumers: _Consumers
    switches: _Switches = _Switches()
    topics: _Topics | None = None


def load_cluster(path: Path | str, changes: Iterable[str] = ()) -> Cluster:
    """Read a cluster file; units become SI here, on input.

    Parameters
    ----------
    path : path
    changes : iterable of str
        ``section.name=value`` as in the file, such as ``consumers.count=32``; these win.

    Raises
    ------
    InputError
        In one line, if the file is not of that form, or a change is none.
    """
    where = Path(path)
    with refusing(where):
        document = parse_toml(read_bytes(where, MOST_WRITTEN))
    for text in changes:
        _change(document, text)
    with refusing(where):
        return _cluster(_File.model_validate(document), where)


def _change(document: dict[str, Any], text: str) -> None:
    """Set one value of a document.

    Raises
    ------
    InputError
        If the change has no such form; whether there is such a setting the schema says.
    """
    name, equals, value = (part.strip() for part in text.partition("="))
    *sections, last = name.split(".")
    if not (equals and last and value) or len(sections) > 1:
        raise InputError(
            f"--set wants section.name=value, such as consumers.count=32, not {quoted(text)}"
        )
    inside = document
    for section in sections:
        inside = inside.setdefault(section, {})
        if not isinstance(inside, dict):
            raise InputError(f"--set {quoted(name)}: {quoted(section)} is no section")
    inside[last] = scalar(value)


def _cluster(file: _File, where: Path) -> Cluster:
    folder = where.parent
    p, c, given = file.producers, file.consumers, file.switches
    # Without a word about topics, batches go to all consumers in turn.
    topics = Topics(routing="round-robin")
    if file.topics is not None:
        topics = Topics(**file.topics.model_dump())
    producers = Producers(
        count=p.count,
        batch=p.batch,
        rate=None if p.rate == "max" else _rate(p.rate),
        event_bytes=p.event_bytes,
        cost=p.cost(folder, producing=True),
        per_host=p.per_host,
    )
    consumers = Consumers(c.count, c.cost(folder), c.per_host, c.slow, c.slowness)
    buffer = None if given.buffer is None else _positive("switches.buffer", given.buffer, "B")
    switches = Switches(given.ports, given.oversubscription, buffer)
    bytes_per_second = _positive("links.rate", file.links.rate, "B/s")
    if not bytes_per_second > 0:
        raise ValueError("links.rate: above 0")
    links = Links(bytes_per_second, _positive("links.latency", file.links.latency, "s"))
    name = file.name or where.stem
    return Cluster(producers, consumers, links, switches, topics, file.credits, name)


def _rate(text: str) -> float:
    """Read events a second: ``2e6 / s`` or ``2e6 event/s``."""
    unit = "event/s" if "event" in text else "1/s"
    rate = _positive("producers.rate", text, unit)
    if not rate > 0:
        raise ValueError('producers.rate: above 0, or "max"')
    return rate


def _positive(name: str, text: str, unit: str) -> float:
    try:
        value = si(text, unit)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if value < 0:
        raise ValueError(f"{name}: 0 or more, not {quoted(text)}")
    return value
