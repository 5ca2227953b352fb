"""Terms in place: a table of each isolated and inside the whole, and which of them differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

from aethermodel import thresholds
from aethermodel.cli.shared.tables import Table, show
from aethermodel.text.percentages import percent, percentage

if TYPE_CHECKING:
    from aethermodel.calibrate.predict.in_place import InPlace

# Lines on what differs in place.
_MOST_TOLD = 5


def print_in_place(found: Sequence[InPlace], told: Sequence[InPlace]) -> None:
    """Print the table, and the terms that differ, those that matter most first.

    Parameters
    ----------
    found, told : sequence of InPlace
        All of them, and those that differ.
    """
    if not found:
        typer.echo("These samples hold no undisturbed times of terms inside the pipeline.")
        return
    show(in_place_table(found))
    if not told:
        typer.echo("No term differs in the pipeline from itself isolated, as far as can be told.")
        return
    typer.echo("In the pipeline these terms differ from themselves isolated:")
    for one in told[:_MOST_TOLD]:
        typer.echo(f"  N = {one.n:,}: {one}")
    if more := len(told) - _MOST_TOLD:
        typer.echo(f"  and {more} more" * (more > 0), nl=more > 0)


def in_place_table(found: Sequence[InPlace]) -> Table:
    """Return each term isolated and in place; what is no certain change is in brackets."""
    from aethermodel.calibrate.predict.in_place import duration

    table = Table(
        "each term isolated, and timed in the pipeline",
        ("N", "term", "isolated", "in place", "change", "95 %", "clock"),
        text=("term",),
        keys=2,
    )
    for one in found:
        low, high = one.change_interval
        clock = ""
        if one.clock_share > thresholds.CLOCK_SHARE:
            clock = f"{percentage(one.clock_share, 0)} taken off"
        table.add(
            f"{one.n:,}",
            one.term,
            duration(one.isolated),
            duration(one.in_place),
            percent(one.change) if one.differs else f"({percent(one.change)})",
            f"{percent(low)} to {percent(high)}",
            clock,
        )
    return table
