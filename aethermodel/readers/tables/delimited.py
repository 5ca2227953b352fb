"""Tables of text: comma, semicolon, tab, bar or blanks between the cells, chatter around them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.readers.column_choice import Asked
from aethermodel.readers.file_content import Document
from aethermodel.readers.notes import Notes
from aethermodel.readers.table import Table

NAME = "delimited"

_BLANKS = "blanks"
_DELIMITERS = (";", "\t", ",", "|", _BLANKS)
# A number, with a unit behind it or without.
_NUMBER = re.compile(
    r"[-+\N{MINUS SIGN}]?(\d[\d.,'_\u00a0\u202f]*|[.,]\d+)([eE][-+]?\d+)?"
    r"\s*[A-Za-z\u00b5\u03bc]{0,12}"
)
# What stands in a cell for a value that is missing.
_MISSING = re.compile(r"(?i)[-+]?(nan|inf|infinity|n/?a|null|none|oom|error|failed|timeout|-+|)")
_RULE = re.compile(r"[-+=|:_ \t]+")
_UNIT_WORD = re.compile(r"[(\[{/]")
_SEEN = 2000
_MOST_COLUMNS = 1000


@dataclass(frozen=True)
class _Row:
    line: int
    cells: list[str]

    def numbers(self) -> int:
        return sum(1 for cell in self.cells if _NUMBER.fullmatch(cell))

    def holds_values(self) -> bool:
        """Whether it looks like a row of values: numbers, or words for missing ones."""
        values = sum(
            1 for cell in self.cells if _NUMBER.fullmatch(cell) or _MISSING.fullmatch(cell)
        )
        return len(self.cells) > 1 and self.numbers() > 0 and values > 1


def recognises(document: Document) -> bool:
    """Whether two lines or more hold cells of which two are values."""
    return not document.is_json and bool(document.text) and _delimiter(document.lines) is not None


def parse(document: Document, asked: Asked) -> Table:
    """Return the rows of the table, and of further ones below it with the same header."""
    notes = Notes()
    delimiter = _delimiter(document.lines)
    if delimiter is None:
        raise InputError("no table: no two lines hold two numbers each")
    rows = [_Row(n, cells(line, delimiter)) for n, line in enumerate(document.lines, 1)]
    rows = [row for row in rows if any(row.cells) and not _is_rule(row.cells)]
    values = [row for row in rows if row.holds_values() and not row.cells[0].startswith("#")]
    if not values:
        raise InputError("no table: no line holds two numbers")
    width = Counter(len(row.cells) for row in values).most_common(1)[0][0]
    first = next(row for row in values if len(row.cells) == width)
    above = [row for row in rows if row.line < first.line]
    header = _header(above, width, delimiter, document.lines)
    names = header[1] if header else [f"column{i + 1}" for i in range(width)]
    start = header[0] if header else first.line
    before = [row.line for row in rows if row.line < start and not row.cells[0].startswith("#")]
    for line in before:
        notes.add("no row of the table: left out", line)
    kept: list[_Row] = []
    for row in rows:
        if row.line < start or (header and row.line == start):
            continue
        if row.cells[0].startswith("#") and not _same(row.cells, names):
            continue
        if row.line < first.line:
            notes.add("no row of the table: left out", row.line)
        elif _same(row.cells, names):
            notes.add("the header once more: its rows continue the table", row.line)
        elif len(row.cells) != width:
            other = _header([row], len(row.cells), delimiter, document.lines)
            if other and other[1] != names and _begins_table(rows, row, len(row.cells)):
                raise InputError(
                    f"line {row.line}: a second table with other columns: split the file"
                )
            notes.add(f"{len(row.cells)} of {width} cells: left out", row.line)
        elif not row.numbers():
            if _begins_table(rows, row, width) and _is_header(row.cells):
                raise InputError(
                    f"line {row.line}: a second table with other columns: split the file"
                )
            notes.add("no row of the table: left out", row.line)
        else:
            kept.append(row)
    if document.encoding != "utf-8":
        notes.add(f"read as {document.encoding}, for it is no UTF-8")
    columns = {name: [row.cells[i] for row in kept] for i, name in enumerate(names)}
    return Table(columns, [row.line for row in kept], notes=notes)


def cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line, without quotes and blanks around them."""
    if delimiter == _BLANKS:
        return line.split()
    if delimiter == "|":
        line = line.strip().strip("|")
    if '"' in line:
        try:
            return [cell.strip() for cell in next(csv.reader([line], delimiter=delimiter))]
        except (csv.Error, StopIteration):
            pass
    return [cell.strip() for cell in line.split(delimiter)]


def _delimiter(lines: Sequence[str]) -> str | None:
    """Return what stands between the cells of most lines that hold values."""
    best, most = None, 1
    seen: Counter[int] = Counter()
    some = [line for line in lines if line.strip()]
    some = some[: _SEEN // 2] + some[-_SEEN // 2 :] if len(some) > _SEEN else some
    for delimiter in _DELIMITERS:
        split = [line for line in some if delimiter == _BLANKS or delimiter in line]
        rows = [_Row(0, cells(line, delimiter)) for line in split]
        widths = Counter(len(row.cells) for row in rows if row.holds_values())
        count = max(widths.values(), default=0)
        # One row alone is a table if a header of its width stands there.
        if count == 1 and any(_is_header(row.cells) and len(row.cells) in widths for row in rows):
            count = 2
        # Tabs and blanks between the cells of one table: what holds for both is blanks.
        mixed = delimiter == _BLANKS and best == "\t" and (count, widths) == (most, seen)
        if count > most or mixed:
            best, most, seen = delimiter, count, widths
    return best


def _is_rule(row: Sequence[str]) -> bool:
    """Whether cells are drawn lines."""
    drawn = [cell for cell in row if cell]
    return all(_RULE.fullmatch(cell) for cell in drawn) and any(len(cell) > 2 for cell in drawn)


def _is_header(row: Sequence[str]) -> bool:
    names = [cell for cell in row if cell]
    return len(names) > 1 and not any(_NUMBER.fullmatch(cell) for cell in names)


def _same(row: Sequence[str], names: Sequence[str]) -> bool:
    return [cell.lstrip("# ") for cell in row if cell != "#"] == list(names)


def _begins_table(rows: Sequence[_Row], header: _Row, width: int) -> bool:
    below = [row for row in rows if row.line > header.line][:2]
    return len(below) == 2 and all(len(row.cells) == width and row.holds_values() for row in below)


def _header(
    above: Sequence[_Row], width: int, delimiter: str, lines: Sequence[str]
) -> tuple[int, list[str]] | None:
    """Return the line and the names of the header: the last line above that fits the columns.

    Raises
    ------
    InputError
        If it has another number of names.
    """
    # One of as many words as there are columns, without a number, before any other.
    near = list(reversed(above[-3:]))
    near.sort(key=lambda row: not (_is_header(row.cells) and len(row.cells) == width))
    for row in near:
        line = lines[row.line - 1].strip()
        if line.startswith("#"):
            line = line.lstrip("# ")
        names = cells(line, delimiter)
        if not _is_header(names) and not (len(names) == width and _mostly_words(names)):
            continue
        if delimiter == _BLANKS and len(names) != width:
            apart = [name.strip() for name in re.split(r"\t+| {2,}", line) if name.strip()]
            names = apart if len(apart) == width else _with_units(names)
        if len(names) == width - 1:
            names = ["row", *names]  # R writes no name above the names of its rows
        if len(names) != width:
            if row is not above[-1]:
                continue
            if delimiter == _BLANKS and not _UNIT_WORD.search(line) and len(names) > 2 * width:
                continue  # a sentence
            raise InputError(
                f"line {row.line}: {len(names)} names above {width} columns: give each column one "
                "name without blanks"
            )
        if any(not name for name in names):
            names = [name or f"column{i + 1}" for i, name in enumerate(names)]
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise InputError(
                f"line {row.line}: two columns are named {quoted(twice[0])}: rename one"
            )
        if width > _MOST_COLUMNS:
            raise InputError(f"line {row.line}: more than {_MOST_COLUMNS:,} columns: give fewer")
        return row.line, names
    return None


def _mostly_words(names: Sequence[str]) -> bool:
    return sum(1 for name in names if _NUMBER.fullmatch(name)) * 2 < len(names)


def _with_units(names: Sequence[str]) -> list[str]:
    """Join each unit in brackets to the name before it: ``Latency (us)`` is one."""
    joined: list[str] = []
    for name in names:
        if joined and name[0] in "([{":
            joined[-1] = f"{joined[-1]} {name}"
        else:
            joined.append(name)
    return joined
