"""`aethermodel diff`: comparison of two runs, hosts or commits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from aethermodel.cli.report import command as report
from aethermodel.cli.shared import options
from aethermodel.cli.shared.outputs import compared, refuse_existing

if TYPE_CHECKING:
    from aethermodel.report.comparison.diff import Diff

_ONE = "of"


class ReportGroup(TyperGroup):
    """`report SOURCE` as before, with `report diff A B` beside it."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Take whatever is no subcommand for the arguments of the plain report."""
        if args[:1] not in (["diff"], [_ONE]):
            args = [_ONE, *args]
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:
        """Leave the plain report without a name of its own in usage lines."""
        name, command, rest = super().resolve_command(ctx, args)
        return "" if name == _ONE else name, command, rest


app = typer.Typer(cls=ReportGroup, help="One HTML file from a notebook, a store or this host.")
app.command(_ONE)(report)


@app.command("diff")
def diff(
    a: Annotated[
        Path,
        typer.Argument(
            **options.READ,
            help="a store, the .parquet samples of validate, or measurements in any known format",
        ),
    ],
    b: Annotated[
        Path,
        typer.Argument(
            **options.READ, help="of another run, host or commit, in the same form as A"
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            callback=options.writing("HTML"),
            help="the HTML file [default: reports/diff-A-B.html, after the two]",
        ),
    ] = None,
    force: options.Force = False,
    json: options.Json = None,
) -> None:
    """Say whether run B is better or worse than A, the same, or cannot be told from it.

    All points are judged together, and each by itself. Of two runs of the same code at most one
    pair in 20 is called different.

    Example: aethermodel diff sweeps/before sweeps/after -o reports/diff.html --json -

    Exit status: 0 better, the same or cannot tell, 1 worse, 2 bad input.
    """
    from aethermodel.json_documents import document, write_document
    from aethermodel.output_files import write_whole
    from aethermodel.report.comparison.diff import diff as compare
    from aethermodel.report.comparison.diff import diff_html, load_source

    output = output or compared(a, b)
    refuse_existing([output], force=force)
    found = compare(load_source(a), load_source(b))
    write_whole(output, diff_html(found))
    if json:
        content = document("aethermodel.report.diff/1", "mixed", found.figures(), measured=False)
        write_document(content, json)
    if json != "-":
        _print(found, output)
    raise typer.Exit(1 if found.verdict == "worse" else 0)


# In one word, so that a point has one line; and what the words say.
_MOVED = {"no change seen": "no", "cannot tell": "open", "too few repeats": "few"}
_SAID = {
    "no change seen": "no change was seen beyond noise",
    "cannot tell": "the ends of the interval are more than ten times apart",
    "too few repeats": "too few repeats to tell",
}


def _print(found: Diff, output: Path) -> None:
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.report.comparison.diff import why
    from aethermodel.report.engineering_notation import engineering

    table = Table(
        f"{found.a.metric} of {found.a.target}{f', {found.shared}' if found.shared else ''}: "
        f"A {found.a.path}, B {found.b.path}",
        ("point", "A", "B", "B over A", "interval", "moved"),
        text=("point", "moved"),
    )
    for row in found.table.to_dict("records"):
        known = row["low"] == row["low"]
        table.add(
            row["point"],
            engineering(row["a"], found.a.unit),
            engineering(row["b"], found.b.unit),
            f"{row['ratio']:.3f}",
            f"{row['low']:.3f} to {row['high']:.3f}" if known else "none",
            _MOVED.get(row["outcome"], row["outcome"]),
        )
    show(table)
    lines = ["A, B: medians of the repeats; B over A: of their geometric means"]
    lines += [
        f"{_MOVED[outcome]}: {words}"
        for outcome, words in _SAID.items()
        if (found.table["outcome"] == outcome).any()
    ]
    say(lines)
    say(f"{found.verdict.upper()}: {why(found)}.\n{output}")
