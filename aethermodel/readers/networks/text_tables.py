"""Text tables of programs: rows of numbers below headers, with chatter of launchers around them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aethermodel.inputs.refusals import InputError
from aethermodel.readers.networks.repeats import join_runs
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table

_NUMBER = re.compile(r"[-+]?\d[\d.]*(?:[eE][-+]?\d+)?")
_WORD = re.compile(r"(?i)[-+]?(?:nan|inf|n/?a|-+|null|none|oom|error|failed|timeout)")


@dataclass(frozen=True)
class Header:
    """Header of a text table.

    Attributes
    ----------
    names : sequence of str
        Of the columns.
    labels : mapping
        What holds for every row: the operation, the number of processes, settings.
    """

    names: Sequence[str]
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """Row of a text table.

    Attributes
    ----------
    line, table : int
        Its line, and the number of its table.
    title : str
        Last line before the table that was no row: what somebody echoed there.
    header : Header
    cells : dict
    """

    line: int
    table: int
    title: str
    header: Header
    cells: dict[str, str]


def rows_below_headers(
    lines: Sequence[str], header_of: Callable[[str], Header | bool | None], notes: Notes
) -> Iterator[Row]:
    """Yield the rows below every header; note lines between them that are none.

    Parameters
    ----------
    lines : sequence of str
    header_of : callable
        Called with every line in turn; returns a header where a table begins, and True for a line
        that is known and no row.
    notes : Notes
    """
    header, table, title, said = None, 0, "", ""
    last: Row | None = None
    for number, line in enumerate(lines, 1):
        found = header_of(line)
        if isinstance(found, Header):
            header, table, title, said = found, table + 1, said, ""
        if found:
            continue
        words = line.split()
        if not words or words[0].startswith("#") or not set(line) - set("-=+| \t"):
            continue
        if header is None or not _NUMBER.fullmatch(words[0]):
            notes.add("no row of a table: left out", number)
            said = " ".join(words)
        elif len(words) != len(header.names):
            notes.add(f"{len(words)} of {len(header.names)} cells: left out", number)
        else:
            row = Row(number, table, title, header, dict(zip(header.names, words, strict=True)))
            if number == len(lines) and last and _is_cut(row, last):
                notes.add("cut off in its last cell: left out", number)
                continue
            last = row
            yield row


def network_table(
    rows: Sequence[Mapping[str, Any]], lines: Sequence[int], notes: Notes, **meaning: Any
) -> Table:
    """Return the table of rows with the columns ``bytes``, ``time``, ``kind`` and ``table``.

    Raises
    ------
    InputError
        If there is no row.
    """
    if not rows:
        told = "; ".join(notes.told())
        raise InputError(f"a header without rows{f' ({told})' if told else ''}: run it again")
    joined = join_runs(rows, lines, notes)
    words = {"size": "bytes", "time": "time", "size_unit": "B", "time_kind": "kind"}
    meaning.setdefault("group", ())
    meaning["group"] = (*meaning["group"], "table")
    return Table.of_rows(joined, lines, process="run", notes=notes, **{**words, **meaning})


def spaced_names(line: str) -> list[str]:
    """Return the names of a header in which two blanks or a tab stand between them."""
    return [name for name in re.split(r"\s*\t\s*|\s{2,}", line.strip().lstrip("#").strip()) if name]


def _is_cut(row: Row, before: Row) -> bool:
    """Whether the file's end cut the last cell: it has fewer digits after the point."""
    name = row.header.names[-1]
    if row.table != before.table or name not in before.cells:
        return False
    cell, other = row.cells[name], before.cells[name]
    if _WORD.fullmatch(other) or "." not in other:
        return False
    return len(cell.partition(".")[2]) < len(other.partition(".")[2])
