"""Extra-P's files: its text form, its JSON lines and its JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table
from aethermodel.readers.tables.json_rows import first_object, lines_of_json

NAME = "extra-p"

_PARAMETER = re.compile(r"(?m)^[ \t]*PARAMETER[ \t]")
_POINTS = re.compile(r"(?m)^[ \t]*POINTS[ \t]")
_REGION = "region"


def recognises(document: Document) -> bool:
    """Whether it has PARAMETER and POINTS lines, or JSON with parameters and callpaths."""
    if document.json is not None:
        value = document.json
        if isinstance(value, dict) and "parameters" in value and "measurements" in value:
            return True
        return _is_row(value)
    if document.is_json:
        return _is_row(first_object(document))
    return bool(_PARAMETER.search(document.text) and _POINTS.search(document.text))


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each repeat, with its parameters and its region; each metric is a column."""
    notes = Notes()
    value = document.json
    if isinstance(value, dict) and "measurements" in value:
        names, rows = _names(value.get("parameters")), list(_measured(value, notes))
    elif document.is_json:
        objects = list(lines_of_json(document, notes))
        names = list(dict.fromkeys(n for _, row in objects for n in _dict(row.get("params"))))
        rows = [(line, _line(row)) for line, row in objects]
    else:
        names, rows = _text(document.lines, notes)
    if not rows:
        raise InputError("no DATA for any of the POINTS: run Extra-P's measurement again")
    metrics = dict.fromkeys(n for _, row in rows for n in row if n not in {_REGION, *names})
    return Table.of_rows(
        [row for _, row in rows],
        [line for line, _ in rows],
        size=names[0] if len(names) == 1 else "",
        time=next(iter(metrics)) if len(metrics) == 1 else "",
        group=(_REGION,),
        sizes=names,
        second=names,
        row_word="row" if value is not None else "line",
        notes=notes,
    )


def _is_row(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("params"), dict) and "value" in value


def _line(row: dict[str, Any]) -> dict[str, Any]:
    metric = str(row.get("metric") or "value")
    region = str(row.get("callpath") or "")
    return {**_dict(row.get("params")), _REGION: region, metric: row.get("value")}


def _measured(value: dict[str, Any], notes: Notes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the rows of the JSON form: region -> metric -> points with their values."""
    names = _names(value["parameters"])
    number = 0
    for region, metrics in _dict(value["measurements"]).items():
        for metric, points in _dict(metrics).items():
            for entry in points if isinstance(points, list) else []:
                number += 1
                point = _dict(entry).get("point")
                point = point if isinstance(point, list) else [point]
                values = _dict(entry).get("values")
                if len(point) != len(names) or values is None:
                    notes.add("a point without its parameters or values: left out", number)
                    continue
                for cell in values if isinstance(values, list) else [values]:
                    yield (
                        number,
                        {**dict(zip(names, point, strict=True)), _REGION: region} | {metric: cell},
                    )


def _text(lines: Sequence[str], notes: Notes) -> tuple[list[str], list[tuple[int, dict[str, Any]]]]:
    """Return the parameters, and the rows of the text form."""
    names: list[str] = []
    points: list[list[str]] = []
    rows: list[tuple[int, dict[str, Any]]] = []
    region, metric, at = "", "", 0
    for number, line in enumerate(lines, 1):
        word, _, rest = line.strip().partition(" ")
        word, rest = (word, rest) if "\t" not in word else tuple(line.split(None, 1))
        match word:
            case "PARAMETER":
                names += rest.split()
            case "POINTS":
                points += _points(rest, len(names), number)
            case "REGION" | "METRIC" | "EXPERIMENT":
                if word == "METRIC":
                    metric = " ".join(rest.split())
                elif word == "REGION":
                    region = " ".join(rest.split())
                at = 0
            case "DATA":
                if at >= len(points):
                    raise InputError(
                        f"line {number}: DATA of point {at + 1}, but there are {len(points)} POINTS"
                    )
                place = dict(zip(names, points[at], strict=True))
                for cell in rest.split():
                    rows.append((number, {**place, _REGION: region, metric or "value": cell}))
                if not rest.split():
                    notes.add("DATA without a value: left out", number)
                at += 1
            case _:
                if word and not word.startswith("#"):
                    notes.add("no line of an Extra-P file: left out", number)
    if not names or len({*names, _REGION}) <= len(names):
        raise InputError("each PARAMETER needs a name of its own")
    return names, rows


def _points(rest: str, width: int, number: int) -> list[list[str]]:
    """Return points: ``1 2 4`` of one parameter, ``(1 2) (1 4)`` of two."""
    groups = re.findall(r"\(([^()]*)\)", rest)
    points = [group.replace(",", " ").split() for group in groups]
    if not points:
        words = rest.split()
        points = [words[i : i + max(width, 1)] for i in range(0, len(words), max(width, 1))]
    if any(len(point) != width for point in points) or not width:
        raise InputError(f"line {number}: POINTS of {width} parameters: {quoted(rest.strip())}")
    return points


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _names(value: Any) -> list[str]:
    names = [str(name) for name in value] if isinstance(value, list) else []
    if not names or len({*names, _REGION}) <= len(names):
        raise InputError("each parameter needs a name of its own")
    return names
