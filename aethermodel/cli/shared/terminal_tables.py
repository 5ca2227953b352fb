"""Tables on a terminal: no number is ever cut, however narrow the window."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import typer
from rich import box
from rich.cells import cell_len
from rich.table import Table as Grid
from rich.text import Text

from aethermodel.console import plain_console
from aethermodel.text.lines import wrapped

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderableType  # noqa: TID251 - types

# Between two columns.
_GAP = 2
# Longest word of a text column that is never broken, where the window has the room.
_WORD = 24
# Longest key that is never folded, where the window has the room for it and a number.
_KEY = 30


@dataclass
class Table:
    """Rows under headings, laid out for the width that there is.

    Numbers stand right-aligned and whole. Text folds, but a key only where nothing else fits. Where
    the columns do not fit beside each other, they follow in parts below each other, each beginning
    with the key columns; where not even a key and one number fit, each cell has a line of its own.

    Attributes
    ----------
    title : str
    headings : sequence of str
        All different.
    text : collection of str
        Headings of the columns that hold words.
    keys : int
        Columns, from the left, that say what a row is of; those of words that follow are, too,
        where rows could not be told apart without them.
    """

    title: str
    headings: Sequence[str]
    text: Collection[str] = ()
    keys: int = 1
    _rows: list[tuple[str, ...]] = field(default_factory=list)
    _bold: set[int] = field(default_factory=set)

    def add(self, *cells: str, bold: bool = False) -> None:
        """Append a row, one cell a heading."""
        if len(cells) != len(self.headings):
            raise ValueError(f"{len(self.headings)} cells wanted, not {len(cells)}")
        if bold:
            self._bold.add(len(self._rows))
        self._rows.append(cells)

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> Iterator[RenderableType]:
        """Yield the title and the parts that the width makes of the table."""
        yield Text(self.title, style="bold")
        keys = self._telling_apart()
        for whole in (True, False):
            least = [self._least(at, keys if whole else 0) for at in range(len(self.headings))]
            parts = self._parts(least, options.max_width, keys)
            if parts:
                break
        else:
            yield self._stacked(options.max_width)
            return
        for at, columns in enumerate(parts):
            if at:
                yield ""
            yield self._grid(columns, least, options.max_width, keys)

    def _cells(self, column: int) -> Iterator[str]:
        return (row[column] for row in self._rows)

    def _is_text(self, column: int) -> bool:
        return self.headings[column] in self.text

    def _telling_apart(self) -> int:
        """Return how many columns it takes to tell rows apart, if words do that at all."""
        for keys in range(self.keys, len(self.headings)):
            if len({row[:keys] for row in self._rows}) == len(self._rows):
                return keys
            if not self._is_text(keys):
                break
        return self.keys

    def _least(self, column: int, whole: int) -> int:
        """Return the width below which something that has to stay whole would break.

        Of the first `whole` columns, keys, that is all their words, of others the longest word.
        """
        heading = max(map(cell_len, self.headings[column].split()), default=0)
        if not self._is_text(column):
            return max([heading, *map(cell_len, self._cells(column))])
        cells = list(self._cells(column))
        if column < whole:
            return max(heading, min(max(map(cell_len, cells), default=0), _KEY))
        words = chain.from_iterable(map(str.split, cells))
        return max(heading, min(max(map(cell_len, words), default=0), _WORD))

    def _most(self, column: int) -> int:
        """Return the width in which nothing folds."""
        return max(map(cell_len, (self.headings[column], *self._cells(column))))

    def _parts(self, least: list[int], width: int, keys: int) -> list[list[int]]:
        """Return the columns of each part, as few parts as fit and about as wide; none if none do.

        Filled up one after the other, they would leave a last column by itself.
        """
        parts: list[list[int]] = []
        for room in range(width, 0, -1):
            filled = self._filled(least, room, keys)
            too_wide = any(_width(part, least) > room for part in filled)
            if too_wide or len(filled) > len(parts or filled):
                break
            parts = filled
        return parts

    def _filled(self, least: list[int], width: int, keys: int) -> list[list[int]]:
        parts = [list(range(keys))]
        for column in range(keys, len(self.headings)):
            if len(parts[-1]) > keys and _width([*parts[-1], column], least) > width:
                parts.append(list(range(keys)))
            parts[-1].append(column)
        return parts

    def _grid(self, columns: list[int], least: list[int], width: int, keys: int) -> Grid:
        widths = {column: least[column] for column in columns}
        room = width - _width(columns, least)
        most = {column: self._most(column) for column in columns}
        for _ in range(room):  # to whichever folds most
            folded = max(columns, key=lambda column: most[column] / (widths[column] or 1))
            if most[folded] <= widths[folded]:
                break
            widths[folded] += 1
        grid = Grid(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
        for column in columns:
            grid.add_column(
                Text(self.headings[column], no_wrap=False),
                justify="left" if self._is_text(column) else "right",
                width=widths[column],
                no_wrap=not self._is_text(column),
                overflow="fold",
            )
        for at, row in enumerate(self._rows):
            # A row that says nothing in this part, and something in another, is left out here.
            if not any(row[column] for column in columns[keys:]) and any(row[keys:]):
                continue
            style = "bold" if at in self._bold else ""
            grid.add_row(*(Text(row[column], style=style) for column in columns))
        return grid

    def _stacked(self, width: int) -> Text:
        lines = []
        for row in self._rows:
            for head, cell in zip(self.headings, row, strict=True):
                line = f"{head}: {cell}"
                lines += [line] if cell_len(line) <= width else [f"{head}:", cell]
            lines.append("")
        return Text("\n".join(lines[:-1]), overflow="fold")


def _width(columns: list[int], least: list[int]) -> int:
    return sum(least[column] for column in columns) + _GAP * (len(columns) - 1)


def say(lines: str | Iterable[str]) -> None:
    """Print a text, or lines, to standard output, broken at words where the window ends."""
    for line in wrapped(lines, plain_console().width):
        typer.echo(line)


def show(*tables: Table) -> None:
    """Print tables to standard output, an empty line after each."""
    console = plain_console()
    for table in tables:
        console.print(table, highlight=False)
        console.print()
