"""Published figures of network cards and buses, read from their sourced parameter file."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from importlib.resources import files

from aethermodel.model.roofline import Ceiling, bandwidth_ceiling


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


def load_interconnects() -> dict[str, Interconnect]:
    """Read ``data/interconnects.toml``; prefixed units become SI here, at the border."""
    import pint

    document = tomllib.loads((files("aethermodel") / "data/interconnects.toml").read_text("utf-8"))
    registry = pint.UnitRegistry()

    def si(text: str | None, unit: str) -> float | None:
        return None if text is None else float(registry.Quantity(text).to(unit).magnitude)

    found = {}
    for name, entry in document.items():
        rate = si(entry["bandwidth"], "B/s")
        assert rate is not None
        found[name] = Interconnect(
            name,
            entry["source"],
            rate,
            si(entry.get("messages"), "1/s"),
        )
    return found


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
