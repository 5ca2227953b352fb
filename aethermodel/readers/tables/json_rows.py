"""JSON rows: an object a line, a list of objects, or an object of lists."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from aethermodel.inputs.plain_values import parse_json
from aethermodel.inputs.refusals import InputError
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table

NAME = "json"

_MOST_COLUMNS = 1000
#: Lines among which the first object is looked for.
_FIRST = 10


def recognises(document: Document) -> bool:
    """Whether a file is a JSON table, or its first line that is not empty is a JSON object."""
    if document.json is not None:
        return _rows(document.json) is not None
    return document.is_json and first_object(document) is not None


def parse(document: Document, asked: Asked) -> Table:
    """Return a row for each object."""
    notes = Notes()
    whole = document.json
    if whole is not None:
        rows = _rows(whole)
        if rows is None:
            raise InputError("no table: write a list of objects, or an object a line")
        numbered = list(enumerate(rows, 1))
        word = "row"
    else:
        numbered = list(lines_of_json(document, notes))
        word = "line"
    flat = [dict(_flat(row)) for _, row in numbered]
    if len({name for row in flat for name in row}) > _MOST_COLUMNS:
        raise InputError(f"more than {_MOST_COLUMNS:,} names: give a table of fewer columns")
    return Table.of_rows(flat, [line for line, _ in numbered], row_word=word, notes=notes)


def lines_of_json(document: Document, notes: Notes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the number and the object of each line that holds one; note the others."""
    for number, line in enumerate(document.lines, 1):
        if not line.strip():
            continue
        value = None
        try:
            if line.lstrip().startswith("{"):
                value = parse_json(line.encode("utf-8", "surrogatepass"), finite=False)
        except InputError:
            pass
        if isinstance(value, dict):
            yield number, value
        else:
            notes.add("no JSON object: left out", number)


def first_object(document: Document) -> dict[str, Any] | None:
    """Return the object of the first line that is one, if it is among the first few."""
    few = Document(document.name, "\n".join(document.lines[:_FIRST]).encode())
    return next((row for _, row in lines_of_json(few, Notes())), None)


def _rows(value: Any) -> list[dict[str, Any]] | None:
    """Return the rows of a list of objects, or of an object of lists of one length."""
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        return value
    if isinstance(value, dict):
        lists = {name: cells for name, cells in value.items() if isinstance(cells, list)}
        if set(lists) == {"columns", "index", "data"}:  # as pandas splits a table
            names, rows = lists["columns"], lists["data"]
            if all(isinstance(row, list) and len(row) == len(names) for row in rows):
                return [dict(zip(map(str, names), row, strict=True)) for row in rows]
        if len(lists) > 1 and len(lists) == len(value) and len({*map(len, lists.values())}) == 1:
            return [
                dict(zip(lists, cells, strict=True)) for cells in zip(*lists.values(), strict=True)
            ]
        if value and all(isinstance(row, dict) for row in value.values()):
            inner = list(value.values())
            if len(inner) > 1 and all(row.keys() == inner[0].keys() for row in inner):
                # As pandas writes columns: name -> row -> cell.
                return [{name: value[name][key] for name in value} for key in inner[0]]
    return None


def _flat(row: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Yield names and plain cells; those of inner objects by their way, such as ``stats.mean``."""
    for name, cell in row.items():
        if isinstance(cell, dict):
            yield from _flat(cell, f"{before}{name}.")
        elif not isinstance(cell, list):
            yield f"{before}{name}", cell
