"""Rows of benchmarks: a table whose sizes are parameters, by name or as the program gives them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aethermodel.inputs.plain_values import parse_json
from aethermodel.inputs.refusals import InputError
from aethermodel.readers.benchmarks.benchmark_names import parameters_of
from aethermodel.readers.file_content import Document
from aethermodel.readers.notes import Notes
from aethermodel.readers.numbers import AmbiguousError, read_numbers
from aethermodel.readers.table import Table

# A text of JSON, whose brackets are none.
_TEXTS = re.compile(r'"(?:[^"\\]|\\.)*+"?')
#: Column of the benchmark's name without its parameters.
FAMILY = "name"


@dataclass
class Benchmark:
    """One benchmark at one size.

    Attributes
    ----------
    name : str
        With its parameters, where `parameters` is None.
    parameters : mapping or None
        As the program gives them; None to read them from the name.
    cells : list of mapping
        Columns of each row that it gives: times, spread, process.
    number : int
        Of the result in the file, for notes.
    """

    name: str
    parameters: Mapping[str, Any] | None
    cells: list[dict[str, Any]]
    number: int
    labels: Mapping[str, Any] = field(default_factory=dict)


def benchmark_table(
    benchmarks: Sequence[Benchmark], notes: Notes, *, row_word: str = "result", **meaning: Any
) -> Table:
    """Return the table of benchmarks, with a size for each.

    Raises
    ------
    InputError
        If no benchmark has a parameter that is a number.
    """
    if not any(each.cells for each in benchmarks):
        raise InputError("it holds no times" + _because(notes, row_word))
    named = iter(parameters_of([each.name for each in benchmarks if each.parameters is None]))
    rows: list[dict[str, Any]] = []
    lines: list[int] = []
    numeric: dict[str, None] = {}
    labels: dict[str, None] = {}
    for each in benchmarks:
        if each.parameters is None:
            said = next(named)
            family, parameters = said.family, dict(said.parameters)
        else:
            family, parameters = each.name, dict(each.parameters)
        own = {FAMILY: family, **each.labels}
        for key, value in parameters.items():
            name = key if key not in own else f"{key}_"
            own[name] = value
            (numeric if is_number(value) else labels)[name] = None
        labels |= dict.fromkeys(each.labels)
        for cells in each.cells:
            rows.append(own | {k if k not in own else f"{k}_": v for k, v in cells.items()})
            lines.append(each.number)
    numeric = {name: None for name in numeric if name not in labels}
    varying = [name for name in numeric if _distinct(rows, name) > 1]
    if len(varying) > 1:
        _one_name(rows, varying)
    sizes = varying or list(numeric)
    if not sizes:
        names = ", ".join(dict.fromkeys(each.name for each in benchmarks))
        raise InputError(
            f"no benchmark has a size: no number in the names ({names}) or parameters tells one "
            "from another"
        )
    return Table.of_rows(
        rows,
        lines,
        size=sizes[0] if len(sizes) == 1 else "",
        sizes=sizes,
        group=(FAMILY, *labels, *varying),
        row_word=row_word,
        notes=notes,
        **meaning,
    )


def is_number(value: Any) -> bool:
    """Whether a parameter is a number, or a text that is one."""
    if isinstance(value, bool) or value is None or isinstance(value, list | dict):
        return False
    try:
        return bool(np.isfinite(read_numbers([value], sizes=True).values[0]))
    except AmbiguousError:
        return False


def finite_list(value: Any) -> list[float] | None:
    """Return a list of numbers as such; None if it is none."""
    if not isinstance(value, list) or not value:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in value):
        return None
    return value


def objects(value: Any) -> Iterable[dict[str, Any]]:
    """Return the objects of a list; none of anything else."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def json_documents(document: Document, notes: Notes) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield the first line and the value of each object of a file; note what is none."""
    if document.json is not None:
        for number, each in enumerate(objects(document.json) or [as_object(document.json)], 1):
            yield number, each
        return
    begun, deep = 0, 0
    for number, line in enumerate(document.lines, 1):
        if line.startswith("{"):
            if begun:
                notes.add("cut off: left out", begun)
            begun, deep = number, 0
        brackets = _TEXTS.sub("", line)
        deep += brackets.count("{") - brackets.count("}")
        if begun and deep <= 0:
            part = "\n".join(document.lines[begun - 1 : number]).encode("utf-8", "surrogatepass")
            try:
                yield begun, as_object(parse_json(part, finite=False))
            except InputError:
                notes.add("no JSON: left out", begun)
            begun = 0
    if begun:
        notes.add("cut off: left out", begun)


def as_object(value: Any) -> dict[str, Any]:
    """Return an object as such; an empty one of anything else."""
    return value if isinstance(value, dict) else {}


def positive(value: Any) -> float | None:
    """Return a number above 0 as such; None of anything else."""
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 1e18:
        return value
    return None


def text(value: Any) -> str:
    """Return a name as text; an empty one if there is none."""
    return " ".join(str(value).split()) if isinstance(value, str | int | float) else ""


def _distinct(rows: Sequence[Mapping[str, Any]], name: str) -> int:
    return len({str(row[name]) for row in rows if name in row})


def _one_name(rows: Sequence[dict[str, Any]], varying: list[str]) -> None:
    """Call parameters by one name, ``size``, if each benchmark has but one of them."""
    own = [[name for name in varying if name in row] for row in rows]
    if all(len(names) <= 1 for names in own) and not any("size" in row for row in rows):
        for row, names in zip(rows, own, strict=True):
            for name in names:
                row["size"] = row.pop(name)
        varying[:] = ["size"]


def _because(notes: Notes, row_word: str) -> str:
    told = notes.told(row_word)
    return f" ({'; '.join(told)})" if told else ": run it again"
