"""Sphinx directive ``benchmarks``: a table for each file of data/benchmarks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from aethermodel.text.number_format import size_text

FOLDER = Path(__file__).parents[2] / "data" / "benchmarks"
#: Of a run; other files of a host, such as torture.json, have pages of their own.
SCHEMA = "aethermodel.benchmark/1"
FUZZED = "aethermodel.fuzz_readers/1"
HEADS = ("what", "result", "interval", "beside", "goal", "met")


# A run's file is written in ASCII.
_MICRO = re.compile(r"\bus\b")


def _words(text: str | None) -> str:
    return _MICRO.sub("µs", text or "")


def _interval(low: float | None, high: float | None) -> str:
    if low is None:
        return "" if high is None else f"up to {size_text(high, 4)}"
    return (
        f"from {size_text(low, 4)}"
        if high is None
        else f"{size_text(low, 4)} to {size_text(high, 4)}"
    )


def cells(row: dict[str, Any]) -> tuple[str, ...]:
    """Return one row of a table, in the order of HEADS."""
    unit = _words(row.get("unit"))
    interval = _interval(row.get("low"), row.get("high"))
    verdict = {True: "met", False: "not met", None: ""}[row.get("met")]
    result = "" if row["value"] is None else f"{size_text(row['value'], 4)} {unit}".strip()
    beside, goal = _words(row.get("peer")), _words(row.get("goal"))
    return (row["what"], result, interval, beside, goal, verdict)


def fuzzed(document: dict[str, Any]) -> dict[str, Any]:
    """Return the counts of a fuzz of the readers as a run."""
    wanted = document["inputs_each"]
    rows = [
        {
            "what": f"{name}: neither figures nor a refusal",
            "value": one["found"],
            "peer": f"{one['inputs']:,} damaged files",
            "goal": f"0 of {wanted:,}",
            "met": not one["found"] and one["inputs"] >= wanted,
        }
        for name, one in document["readers"].items()
    ]
    command = f"python tools/fuzz_readers.py --inputs {wanted}"
    facts = {"date": document["date"][:10], "commit": document["commit"], "fabric": "counts"}
    return {"command": command, "rows": rows, **facts}


def _table(rows: list[tuple[str, ...]]) -> nodes.table:
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in HEADS), cols=len(HEADS))
    body = nodes.tbody()
    for place, texts in enumerate([HEADS, *rows]):
        entries = [nodes.entry("", nodes.paragraph(text=text)) for text in texts]
        if place:
            body += nodes.row("", *entries)
        else:
            group += nodes.thead("", nodes.row("", *entries))
    group += body
    return nodes.table("", group, classes=["benchmarks"])


class Benchmarks(SphinxDirective):
    """A section a host, a table a command."""

    def run(self) -> list[nodes.Node]:
        """Read every committed run."""
        sections: list[nodes.Node] = []
        for folder in sorted(path for path in FOLDER.glob("*") if path.is_dir()):
            runs = []
            for path in sorted(folder.glob("*.json")):
                self.env.note_dependency(str(path))
                document = json.loads(path.read_text("utf-8"))
                if document["schema"] == SCHEMA:
                    runs.append(document)
                elif document["schema"] == FUZZED:
                    runs.append(fuzzed(document))
            host = next(run["host"]["words"] for run in runs if "host" in run)
            section = nodes.section(ids=[nodes.make_id(folder.name)])
            section += nodes.title(text=folder.name.replace("-", " "))
            section += nodes.paragraph(text=host)
            for run in runs:
                section += nodes.paragraph(
                    "",
                    "",
                    nodes.literal(text=run["command"]),
                    nodes.Text(f", {run['date']}, commit {run['commit']}, {run['fabric']}"),
                )
                section += _table([cells(row) for row in run["rows"]])
            sections.append(section)
        return sections


def setup(app: Any) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("benchmarks", Benchmarks)
    return {"parallel_read_safe": True}
