"""Report figure: drawing, caption, data table and provenance label."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from aethermodel.report import style
from aethermodel.report.csv import csv_text
from aethermodel.report.html.css import BLOCK_STYLE
from aethermodel.report.html.prose import line_of, prose
from aethermodel.report.readable_table import column_figures, readable, title, unit_of, written
from aethermodel.report.svg import figure_svg

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


# Letters of a cell that stand in one line.
_LONGEST_WORDS = 29
_SHORTEST_WORDS = 12
# Dots an inch of a PNG: sharp on paper.
_DOTS = 200
# Rows of a table that anyone reads; the file to save has all.
_MOST_ROWS = 200


@dataclass(frozen=True)
class ReportFigure:
    """A matplotlib figure with its title, caption, text alternative and data.

    A notebook shows it as accessible HTML, and so does the exported report.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
        The drawing; use ``figure.savefig`` for other formats.
    table : pandas.DataFrame
        The data behind the drawing, offered for download as CSV.
    title, caption : str
        Heading above and sentences below the drawing.
    alt : str or None
        Text alternative; made from the table when None.
    view : pandas.DataFrame or None
        What the table behind the figure shows; `table` itself when None. Either is shown with
        units and in words (`aethermodel.report.readable_table.readable`).
    units : mapping of str to str
        Units by column, for what their names do not say.
    """

    figure: Figure
    table: pd.DataFrame
    title: str
    caption: str
    alt: str | None = None
    view: pd.DataFrame | None = None
    units: Mapping[str, str] = field(default_factory=dict)

    @property
    def text_alternative(self) -> str:
        """What is announced in place of the drawing."""
        return self.alt if self.alt else describe(self.table, self.units)

    def svg(self) -> str:
        """Return the drawing as one ``<svg>`` element."""
        return figure_svg(self.figure, self.title, self.text_alternative)

    def png(self) -> bytes:
        """Return the drawing as a PNG on white, with its title and text alternative."""
        words = {"Title": self.title, "Description": self.text_alternative, "Software": None}
        buffer = io.BytesIO()
        with style.styled():
            self.figure.savefig(buffer, format="png", dpi=_DOTS, metadata=words)
        return buffer.getvalue()

    def _repr_html_(self) -> str:
        view = self.table if self.view is None else self.view
        rows, shown = len(self.table), readable(view.head(_MOST_ROWS), self.units)
        counted = f"{rows} {'row' if rows == 1 else 'rows'}"
        if len(shown) < rows:
            first = "the first " if len(shown) < len(view) else ""
            counted += f" in the file, {first}{len(shown)} here"
        return (
            f'{BLOCK_STYLE}<figure class="ae ae-figure">'
            f'<div class="ae-heading">{line_of(self.title)}</div>'
            '<div class="ae-scroll" tabindex="0" role="group" aria-label="Figure">'
            f"{self.svg()}</div>"
            f"<figcaption>{prose(self.caption)}</figcaption>"
            f'<details class="ae-data"><summary>Data behind this figure '
            f"({counted})</summary>"
            f'<div class="ae-scroll" tabindex="0" role="group" aria-label="Data">'
            f"{table_html(shown, self.title)}</div>"
            f"<p>{csv_link(self.table, self.title)}</p></details></figure>"
        )


def figure_html(
    fig: Figure, table: pd.DataFrame, title: str, caption: str, alt: str | None = None
) -> str:
    """Return a figure as HTML: inline SVG, text alternative, caption, data table behind it.

    Parameters
    ----------
    fig : matplotlib.figure.Figure
        Any figure.
    table : pandas.DataFrame
        The data that it draws.
    title, caption : str
        Heading and caption; the caption names the label and who measured.
    alt : str or None
        Text alternative; made from the table when None.

    Returns
    -------
    str
        One ``<figure>`` element, preceded by the blocks' style.

    Raises
    ------
    ValueError
        If the title is empty, or if there is neither `alt` nor a row to make it from.
    """
    return ReportFigure(fig, table, title, caption, alt)._repr_html_()


def describe(table: pd.DataFrame, units: Mapping[str, str] | None = None) -> str:
    """Say in words what a table holds: the range of each numeric column, the values of others."""
    if table.empty:
        return ""
    parts = []
    for name in table.columns:
        column, words = table[name].dropna(), title(str(name))
        if column.empty:
            parts.append(f"{words}: no values")
        elif column.dtype.kind in "iuf":
            unit = unit_of(str(name), units)
            low, high = written(column.min(), unit), written(column.max(), unit)
            parts.append(f"{words} {low}" if low == high else f"{words} {low} to {high}")
        else:
            values = [str(value) for value in dict.fromkeys(column)]
            more = f" and {len(values) - 5} more" if len(values) > 5 else ""
            parts.append(f"{words}: {', '.join(values[:5])}{more}")
    return f"{len(table)} rows. {'; '.join(parts)}."


def table_html(table: pd.DataFrame, caption: str) -> str:
    """Write a table with numbers right-aligned and a caption for screen readers."""
    numeric = {name for name in table.columns if table[name].dtype.kind in "iuf"}
    plain_figures = {name: column_figures(table[name]) for name in numeric}
    head = "".join(
        f'<th scope="col"{" class=ae-n" if name in numeric else ""}>{escape(str(name))}</th>'
        for name in table.columns
    )
    body = []
    for at, row in enumerate(table.itertuples(index=False)):
        cells = []
        for name, value in zip(table.columns, row, strict=True):
            right = name in numeric
            text = plain_figures[name][at] if right else _words(str(value))
            # Sentences break: a table wider than its page hides the figures on its right.
            kind = "ae-n" if right else _width(str(value))
            cells.append(f'<td class="{kind}">{text}</td>' if kind else f"<td>{text}</td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    return (
        f'<table><caption class="ae-hidden">{escape(caption)}</caption><thead><tr>{head}</tr>'
        f"</thead><tbody>{''.join(body)}</tbody></table>"
    )


def _words(text: str) -> str:
    # What is short stays in one line as it is.
    return escape(text) if len(text) <= _SHORTEST_WORDS else line_of(text)


def _width(text: str) -> str:
    if len(text) > _LONGEST_WORDS:
        return "ae-wrap"
    # A figure stays beside its unit, on paper too.
    return "ae-short" if " " in text and len(text) <= _SHORTEST_WORDS else ""


def csv_link(table: pd.DataFrame, name: str) -> str:
    """Return a link that saves the table as CSV and needs no network: the data are in it."""
    data = base64.b64encode(csv_text(table).encode("utf-8", "replace")).decode()
    stem = "_".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
    return (
        f'<a class="ae-download" download="{escape(stem)}.csv" '
        f'href="data:text/csv;base64,{data}">Save as CSV</a>'
    )
