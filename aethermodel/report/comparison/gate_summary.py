"""Summary of a gate as a table for a pull request, in GitHub-flavoured Markdown."""

from __future__ import annotations

import re

from aethermodel.gate.gate import Outcome, Row, Verdict
from aethermodel.report.engineering_notation import engineering
from aethermodel.text.percentages import percent, percentage
from aethermodel.text.printable import printable

HEADLINES: dict[Outcome, str] = {
    "ok": "Nothing got worse than its limit",
    "worse": "Worse than the limit",
    "cannot tell": "Cannot tell",
}
_SIGNS: dict[Outcome, str] = {"ok": "✅", "worse": "❌", "cannot tell": "❓"}
_ACTING = re.compile(r"([\\`*_{}\[\]<>()#+!|~&@])")


def summary_markdown(verdict: Verdict, base: str, head: str) -> str:
    """Return the table with its headline and what it rests on.

    Parameters
    ----------
    verdict : Verdict
    base, head : str
        Names of the sides.
    """
    lines = [
        f"### {_SIGNS[verdict.outcome]} {HEADLINES[verdict.outcome]}",
        "",
        f"{_plain(head)} ({_runs(verdict.head_runs)}) against {_plain(base)} "
        f"({_runs(verdict.base_runs)}){_spread(verdict)}.",
        "",
        "| | quantity | base | head | change | interval | limit |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for row in verdict.rows:
        name = f"{row.curve}: {row.quantity}" if row.curve else row.quantity
        cells = (
            f"{_SIGNS[row.outcome]} {row.outcome}",
            _plain(name),
            engineering(row.base, row.unit),
            engineering(row.head, row.unit),
            percent(row.ratio - 1),
            change_interval(row),
            allowed(row),
        )
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", *(f"- {_plain(remark)}" for remark in verdict.remarks), ""]
    return "\n".join(lines)


def change_interval(row: Row) -> str:
    """Write the interval of a change in per cent."""
    return f"{percent(row.low - 1)} to {percent(row.high - 1)}"


def allowed(row: Row) -> str:
    """Write a limit."""
    return (
        "spread of the runs"
        if row.limit is None
        else percent(row.limit, 0 if round(100 * row.limit, 6) % 1 == 0 else 2)
    )


def _spread(verdict: Verdict) -> str:
    """Say what runs differ by; of one a side the remarks say what is assumed."""
    if max(verdict.base_runs, verdict.head_runs) < 2:
        return ""
    return f"; runs differ by {percentage(verdict.spread)}"


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _plain(text: str) -> str:
    """Return a text in which nothing is Markdown."""
    return _ACTING.sub(r"\\\1", printable(text, one_line=True))
