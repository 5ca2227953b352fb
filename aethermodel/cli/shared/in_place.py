"""Terms in place: a table of each isolated and inside the whole, and which of them differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aethermodel import thresholds
from aethermodel.cli.shared.terminal_tables import Table, say, show
from aethermodel.text.number_format import told_from
from aethermodel.text.percentages import UNKNOWN, percent, percentage
from aethermodel.text.times import duration

if TYPE_CHECKING:
    from aethermodel.calibrate.predict.in_place import InPlace

# Terms that are named as different below the table, which has all.
_MOST_TOLD = 5


def print_in_place(found: Sequence[InPlace], told: Sequence[InPlace]) -> None:
    """Print the table, and the terms that differ, those that matter most first.

    Parameters
    ----------
    found, told : sequence of InPlace
        All of them, and those that differ.
    """
    if not found:
        say(["These samples hold no undisturbed times of terms inside the pipeline."])
        return
    show(in_place_table(found))
    lines = []
    if any(one.clock_share > thresholds.CLOCK_SHARE for one in found):
        lines.append(
            "clock: what reading it twice costs, as a share of the time in place; it is taken off"
        )
    if not all(one.known for one in found):
        lines.append(
            f"{UNKNOWN}: the ends of the interval are more than {thresholds.UNKNOWN_SPAN:.0f} "
            "times apart, as the time isolated or in place is hardly known"
        )
    say([*lines, _differing(told)])


def _differing(told: Sequence[InPlace]) -> str:
    if not told:
        return "No term differs in the pipeline from itself isolated, as far as can be told."
    named = [f"{one.term} at N = {one.n:,} ({percent(one.change, 0)})" for one in told[:_MOST_TOLD]]
    if len(told) > _MOST_TOLD:
        named.append(f"{len(told) - _MOST_TOLD} more")
    return (
        "These terms differ in the pipeline from themselves isolated, beyond their intervals, "
        f"what matters most for T_batch first: {', '.join(named)}."
    )


def in_place_table(found: Sequence[InPlace]) -> Table:
    """Return each term isolated and in place, and by how much it changes."""
    table = Table(
        "each term timed isolated, and in place: inside the pipeline",
        ("N", "term", "isolated", "in place", "change", "95 % interval", "clock"),
        text=("term",),
        keys=2,
    )
    for one in found:
        low, high = one.change_interval
        clock = percentage(one.clock_share, 0) if one.clock_share > thresholds.CLOCK_SHARE else ""
        table.add(
            f"{one.n:,}",
            one.term,
            duration(one.isolated),
            duration(one.in_place),
            percent(one.change, 0) if one.known else UNKNOWN,
            f"{told_from(low, 0, percent, 0)} to {told_from(high, 0, percent, 0)}"
            if one.known
            else "",
            clock,
        )
    return table
