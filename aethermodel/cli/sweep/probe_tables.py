"""Tables of `aethermodel sweep probes`."""

from __future__ import annotations

from types import NoneType
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from aethermodel.cli.shared.terminal_tables import Table, show
from aethermodel.measure.probes import PROBES


def probe_figures(name: str | None) -> dict[str, Any]:
    """Return what is listed: every probe with its purpose, or one with its parameters.

    Raises
    ------
    ValueError
        If there is no such probe.
    """
    if name is None:
        return {"probes": [_line(name) for name in PROBES]}
    if name not in PROBES:
        raise ValueError(f"no probe {name!r}; there are {', '.join(PROBES)}")
    probe = PROBES[name]
    parameters = [_parameter(*item) for item in probe.settings.model_fields.items()]
    return {"probes": [_line(name) | {"parameters": parameters}]}


def _line(name: str) -> dict[str, Any]:
    """Return name, purpose and origin; of a foreign probe that is broken, what is wrong."""
    try:
        probe = PROBES[name]
    except ValueError as error:
        return {"name": name, "times": str(error), "origin": PROBES.foreign[name].module}
    origin = {"origin": probe.origin} if probe.origin else {}
    return {"name": name, "times": probe.purpose, **origin}


def _parameter(name: str, field: FieldInfo) -> dict[str, Any]:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    return {
        "name": name,
        "default": None if field.is_required() else field.default,
        "required": field.is_required(),
        "unit": extra.get("unit", ""),
        "range": _range(field),
        "meaning": field.description or "",
    }


def _range(field: FieldInfo) -> str:
    """Write what a value may be: a type, choices, or limits."""
    kind = field.annotation
    if get_origin(kind) is Literal:
        return " or ".join(map(str, get_args(kind)))
    if kind is bool:
        return "true or false"
    limits = [str(limit) for meta in field.metadata for limit in _ends(meta)]
    if limits:
        return " to ".join(limits)
    kinds = [one.__name__ for one in (get_args(kind) or (kind,)) if one not in (None, NoneType)]
    return "a word" if kinds == ["str"] else str(kinds[0])


def _ends(limit: Any) -> list[int]:
    return [getattr(limit, end) for end in ("ge", "le") if hasattr(limit, end)]


def print_probes(figures: dict[str, Any]) -> None:
    """Print the list, or one probe's parameters and how to sweep over them."""
    first, *others = figures["probes"]
    if "parameters" not in first:
        table = Table("probes", ("probe", "times"), text=("probe", "times"))
        for probe in (first, *others):
            origin = f" [{probe['origin']}]" if "origin" in probe else ""
            table.add(probe["name"], probe["times"] + origin)
        show(table)
        return
    headings = ("parameter", "default", "unit", "range", "meaning")
    table = Table(f"{first['name']}: {first['times']}", headings, text=headings)
    for p in first["parameters"]:
        default = "must be given" if p["required"] else str(p["default"])
        table.add(p["name"], default.lower(), p["unit"], p["range"], p["meaning"])
    show(table)
