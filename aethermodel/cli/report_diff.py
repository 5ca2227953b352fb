"""`aethermodel report diff`: two runs, hosts or commits; and the group that it lives in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from aethermodel.cli import options
from aethermodel.cli.report import command as report

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
            callback=options.readable, help="a store, or the .parquet samples of validate"
        ),
    ],
    b: Annotated[
        Path,
        typer.Argument(callback=options.readable, help="the same of another run, host or commit"),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", callback=options.writable, help="the HTML file")
    ] = Path("reports/diff.html"),
    json: options.Json = None,
) -> None:
    """Compare two runs, hosts or commits point by point: ratio, interval, what moved.

    Example: aethermodel report diff sweeps/before sweeps/after -o reports/diff.html --json -

    Exit status: 0 done, whatever moved; 2 bad input.
    """
    from aethermodel.documents import document, write_document, write_whole
    from aethermodel.report.diff import diff as compare
    from aethermodel.report.diff import diff_html, load_source, summary

    found = compare(load_source(a), load_source(b))
    write_whole(output, diff_html(found))
    if json:
        content = document("aethermodel.report.diff/1", "mixed", found.figures(), measured=False)
        write_document(content, json)
    if json != "-":
        typer.echo(f"{output}\n{summary(found)}")
