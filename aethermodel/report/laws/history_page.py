"""Report page of a history: each parameter and time over the commits, its changes marked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from aethermodel.inputs.refusals import InputError
from aethermodel.report import style
from aethermodel.report.blocks import Block, SummaryRow, summary_block
from aethermodel.report.figure import ReportFigure
from aethermodel.report.figures.law import parameter_interval, parameter_text
from aethermodel.report.html.page import Section, render
from aethermodel.text.percentages import percent

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.gate.history import History, Track

#: Quantities that are drawn; of more the changes alone are told.
MOST_DRAWN = 60
#: Commits that are drawn and listed: the newest.
MOST_COMMITS = 300
# Commits that are named below an axis.
_NAMED = 12
# Height of a drawing, over its largest value.
_ROOM_ABOVE = 1.1


def history_report(history: History, *, title: str = "", command: str = "") -> str:
    """Return the page of a history.

    Parameters
    ----------
    history : History
        With at least one entry.
    title : str
        Of the page; made from the folder if empty.
    command : str
        That made the page.

    Raises
    ------
    InputError
        If the folder has no entry.
    """
    if not history.entries:
        raise InputError(f"{history.folder}: no entries; make one with `aethermodel history add`")
    tracks = list(all_tracks(history))
    sections = []
    for host, curve in dict.fromkeys((track.host, track.curve) for track in tracks):
        own = [track for track in tracks if (track.host, track.curve) == (host, curve)]
        heading = f"{curve or 'Parameters and times'} on {host}"
        sections.append(Section(heading, [track_figure(track) for track in own[:MOST_DRAWN]]))
    sections.append(Section("Source", _source(history, command)))
    name = history.folder.resolve().name
    return render(title or f"History of {name}", [changes_block(history, tracks)], sections)


def all_tracks(history: History) -> Iterator[Track]:
    """Yield every track of every host and curve that has one."""
    for host in history.hosts:
        for curve in history.curves:
            yield from history.tracks(curve, host)


def changes_block(history: History, tracks: Sequence[Track]) -> Block:
    """Return what moved, the newest first, as a page opens."""
    moved = [(track, point) for track in tracks for point in track.points if point.begins]
    moved.sort(key=lambda one: one[1].entry.when, reverse=True)
    rows = [
        SummaryRow(
            f"{track.quantity}{f', {track.curve}' if track.curve else ''} ({track.host})",
            f"{percent(point.change)} since {point.entry.commit[:12]}",
            point.entry.moment[:10],
            "inconclusive",
        )
        for track, point in moved[:MOST_DRAWN]
    ]
    count = len(history.entries)
    headline = (
        f"{len(moved)} levels changed over {count} entries"
        if moved
        else f"No level changed over {count} entries"
    )
    text = (
        "A level begins where the values before and after differ by more than they scatter. "
        "It is no verdict: `aethermodel gate` judges a change against its limit."
    )
    return summary_block("inconclusive" if moved else "pass", headline, text, rows)


def track_figure(track: Track) -> ReportFigure:
    """Draw a quantity over the commits with its intervals, and its levels as lines."""
    from matplotlib.ticker import FuncFormatter

    points = track.points[-MOST_COMMITS:]
    table = _table(track)
    with style.styled():
        figure = style.new_figure(height=3.2)
        axes = figure.subplots()
        at = range(len(points))
        values = [point.value for point in points]
        below = [max(point.value - point.low, 0.0) for point in points]
        # An interval without end is drawn as long as the value is large.
        above = [min(point.high - point.value, point.value) for point in points]
        axes.errorbar(
            at, values, (below, above), fmt="o", color=style.MEASURED, ecolor=style.QUIET,
            elinewidth=1, markersize=4, label="value and 95 % interval",
        )  # fmt: skip
        begins = [index for index, point in enumerate(points) if point.begins]
        edges = [0, *begins, len(points)]
        for index, (first, last) in enumerate(pairwise(sorted({*edges}))):
            level = sum(values[first:last]) / (last - first)
            axes.plot(
                [first - 0.4, last - 0.6], [level, level], color=style.MODEL,
                label="level" if index == 0 else None,
            )  # fmt: skip
        for index in begins:
            axes.axvline(index - 0.5, color=style.INK, linestyle=":", linewidth=1)
        step = -(-len(points) // _NAMED)
        axes.set_xticks(list(at)[::step])
        axes.set_xticklabels(
            [style.literal(point.entry.commit[:7]) for point in points][::step],
            rotation=45,
            ha="right",
        )
        axes.set_ylabel(style.literal(str(track.quantity)))
        most = max(value + more for value, more in zip(values, above, strict=True))
        axes.set_ylim(0, _ROOM_ABOVE * most if most > 0 else None)
        axes.yaxis.set_major_formatter(
            FuncFormatter(
                lambda y, _: parameter_text(str(track.quantity), y, track.unit) if y else "0"
            )
        )
        # Above the drawing: intervals may fill it.
        figure.legend(loc="outside upper left", ncols=2)
        style.settle(figure)
    return ReportFigure(
        figure=figure,
        table=table,
        title=f"{track.quantity} over the commits",
        caption=_caption(track),
        alt=_caption(track),
        view=_view(track),
    )


def _table(track: Track) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            "commit": [point.entry.commit for point in track.points],
            "moment": [point.entry.moment for point in track.points],
            "value": [point.value for point in track.points],
            "low": [point.low for point in track.points],
            "high": [point.high for point in track.points],
            "level_begins": [point.begins for point in track.points],
        }
    )


def _view(track: Track) -> pd.DataFrame:
    import pandas as pd

    points = track.points[-MOST_COMMITS:]
    return pd.DataFrame(
        {
            "commit": [point.entry.commit[:12] for point in points],
            "date": [point.entry.moment[:10] for point in points],
            "value": [
                parameter_text(str(track.quantity), point.value, track.unit) for point in points
            ],
            "95 %": [
                parameter_interval(str(track.quantity), point.low, point.high, track.unit)
                for point in points
            ],
            "change": [
                f"{percent(point.change)} from here" if point.begins else "" for point in points
            ],
        }
    )


def _caption(track: Track) -> str:
    first, last = track.points[0], track.points[-1]
    words = (
        f"{len(track.points)} entries, from {first.entry.commit[:12]} "
        f"({parameter_text(str(track.quantity), first.value, track.unit)}) to "
        f"{last.entry.commit[:12]} ({parameter_text(str(track.quantity), last.value, track.unit)})."
    )
    moved = [point for point in track.points if point.begins]
    for point in moved:
        words += f" {percent(point.change)} since {point.entry.commit[:12]}."
    return words if moved else f"{words} No level changed."


def _source(history: History, command: str) -> list[str]:
    first, last = history.entries[0], history.entries[-1]
    lines = [
        f"{len(history.entries)} entries of `{history.folder}`, {first.moment[:10]} to "
        f"{last.moment[:10]}, of {len(history.hosts)} "
        f"host{'s' if len(history.hosts) > 1 else ''}: {', '.join(history.hosts)}."
    ]
    return lines + ([f"Made by `{command}`."] if command else [])
