"""`aethermodel bench tables`: laws on published tables, beside lines, polynomials and Extra-P."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel.cli.shared import options
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.calibrate.benchmark.known_laws import Target


def command(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR",
            help="tables NAME.csv: a comment that names the source, then n,seconds and rows",
        ),
    ] = None,
    extrap: Annotated[
        Path | None,
        typer.Option(
            envvar="AETHER_EXTRAP_PYTHON",
            help="interpreter of an environment with Extra-P 4.2, 1 to 2 s a fit "
            "[default: Extra-P is left out]",
        ),
    ] = None,
    simulated: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="instead of DIR: so many simulated tables of each known law and of no law; "
            "1000 for the figures to reach [default: none]",
        ),
    ] = None,
    answers: Annotated[
        bool,
        typer.Option(
            "--answers", help="with --simulated: ask each law for sizes and rates instead"
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="of the simulated tables")] = 0,
    each: Annotated[bool, typer.Option("--each", help="print each table's figures too")] = False,
    json: options.Json = None,
) -> None:
    """Leave sizes out of published tables, and count how far laws and their peers miss them.

    In between: every third interior size, in three turns. Beyond: all sizes above a quarter of
    the largest. Errors are medians over the tables, each of which weighs the same; shares are
    over the points. With --each, what a fit of each whole table takes of the processor, the least
    of five; with --simulated, of tables of 30 sizes with five repeats of each kind.

    Ends with 1 if a figure to reach was missed.

    Example: aethermodel bench tables DIR --json tables.json

    Example: aethermodel bench tables --simulated 1000

    Example: aethermodel bench tables --simulated 1000 --answers
    """
    if (folder is None) == (simulated is None):
        raise typer.BadParameter("give either a folder of tables or --simulated RUNS")
    if answers and simulated is None:
        raise typer.BadParameter("--answers are of simulated tables: give --simulated RUNS")
    if folder is not None:
        _published(folder, extrap, each, json)
        return
    assert simulated is not None
    if answers:
        _answered(simulated, seed, json)
    else:
        _simulated(simulated, seed, json)


def _published(folder: Path, extrap: Path | None, each: bool, json: str | None) -> None:
    from aethermodel.bench.tables import goals, left_out, published
    from aethermodel.bench.tables.fit_time import fit_milliseconds
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document
    from aethermodel.readers.measurements import Series

    tables = published.read_tables(folder)
    with progress("leaving sizes out") as advance:
        found = left_out.leave_out(tables, extrap, advance)
    summed = left_out.summary(found) if len(found) else found
    if not len(found):
        raise typer.BadParameter(f"{folder}: no table has sizes enough to leave any out")
    judged = goals.published(summed)
    fits: dict[str, float] = {}
    if each or json:
        series = {table.name: Series({}, table.n, table.seconds) for table in tables}
        fits = {name: fit_milliseconds(own) for name, own in series.items()}
    if json:
        figures = {
            "fit_ms": fits,
            "extrap": bool(extrap),
            "sources": {table.name: table.source for table in tables},
            "summary": summed.to_dict(orient="records"),
            "rows": found.to_dict(orient="records"),
            "targets": [vars(target) | {"met": target.met} for target in judged],
            "verdict": "pass" if all(target.met for target in judged) else "fail",
        }
        write_document(document("aethermodel.bench.tables/1", None, figures, measured=False), json)
    if json != "-":
        if each:
            print_tables(found, fits)
        print_summary(summed)
        for target in judged:
            if not target.met:
                say(f"missed: {target}")
    if not all(target.met for target in judged):
        raise typer.Exit(1)


def _simulated(runs: int, seed: int, json: str | None) -> None:
    from aethermodel.bench.tables import goals, simulated
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.console import progress

    with progress("fitting simulated tables") as advance:
        found = simulated.simulate(runs, seed, advance)
    judged = goals.simulated(found)
    _write_simulated("simulated", found, judged, seed, json)
    if json != "-":
        print_simulated(found)
        for target in judged:
            if not target.met:
                say(f"missed: {target}")
    if not all(target.met for target in judged):
        raise typer.Exit(1)


def _answered(runs: int, seed: int, json: str | None) -> None:
    from aethermodel.bench.tables import answered, goals
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.console import progress

    with progress("asking simulated laws") as advance:
        found = answered.simulate(runs, seed, advance)
    judged = goals.answered(found)
    _write_simulated("answers", found, judged, seed, json)
    if json != "-":
        print_answers(found)
        for target in judged:
            say(f"{'' if target.met else 'missed: '}{target}")
    if not all(target.met for target in judged):
        raise typer.Exit(1)


def _write_simulated(
    kind: str, found: pd.DataFrame, judged: Sequence[Target], seed: int, json: str | None
) -> None:
    from aethermodel.json_documents import document, write_document

    if not json:
        return
    figures = {
        "seed": seed,
        "rows": found.to_dict(orient="records"),
        "targets": [vars(target) | {"met": target.met} for target in judged],
        "verdict": "pass" if all(target.met for target in judged) else "fail",
    }
    schema = f"aethermodel.bench.tables.{kind}/1"
    write_document(document(schema, "simulated", figures, measured=False), json)


def print_answers(found: pd.DataFrame) -> None:
    """Print one row a law and answer."""
    from aethermodel.cli.shared.terminal_tables import Table, show

    keys = ("law", "answer")
    heads = ("runs", "covered", "below", "above", "width")
    shown = Table("intervals of answers, 95 %", (*keys, *heads), text=keys, keys=2)
    for row in found.itertuples():
        shares = (percentage(share, 1) for share in (row.covered, row.below, row.above))
        shown.add(row.case, row.answer, f"{row.runs:,}", *shares, f"{row.width:.3f}")
    show(shown)


def print_summary(summed: pd.DataFrame) -> None:
    """Print one row a kind and model."""
    from aethermodel.cli.shared.terminal_tables import Table, show

    keys = ("sizes", "model")
    heads = ("tables", "error", "points", "error ", "within 10 %", "covered", "width")
    shown = Table("sizes left out of published tables", (*keys, *heads), text=keys, keys=2)
    for row in summed.itertuples():
        own = row.model == "laws"
        shown.add(
            row.kind,
            row.model,
            f"{row.tables}",
            percentage(row.error, 1),
            f"{row.points:,}",
            percentage(row.point_error, 1),
            percentage(row.within_10, 1),
            percentage(row.covered, 1) if own else "",
            f"{row.width:.2f}" if own else "",
            bold=own,
        )
    show(shown)


def print_tables(found: pd.DataFrame, fits: Mapping[str, float]) -> None:
    """Print one row a table and kind: laws beside log-log lines, and what a fit of all takes."""
    from aethermodel.cli.shared.terminal_tables import Table, show

    keys = ("table", "sizes")
    heads = ("points", "laws", "lines", "covered", "width", "fit")
    shown = Table("each table", (*keys, *heads), text=keys, keys=2)
    for (name, kind), own in found.groupby(["table", "kind"], sort=False):
        laws = own[own["model"] == "laws"]
        lines = own[own["model"] == "log-log lines"]
        shown.add(
            name,
            kind,
            f"{len(laws)}",
            percentage(laws["error"].median(), 1),
            percentage(lines["error"].median(), 1),
            percentage(laws["covered"].mean(), 0),
            f"{laws['width'].median():.2f}",
            f"{fits[name]:.1f} ms",
        )
    show(shown)


def print_simulated(found: pd.DataFrame) -> None:
    """Print one row a simulated kind of table."""
    from aethermodel.cli.shared.terminal_tables import Table, show

    heads = ("runs", "within 5 %", "mean", "new", "in between", "no law", "fit", "longest fit")
    title = "simulated tables, asked at four times the largest size"
    shown = Table(title, ("kind", *heads), text=("kind",))

    def share(value: float) -> str:
        return "" if math.isnan(value) else f"{percentage(value, 1)}"

    for row in found.itertuples():
        shown.add(
            row.case,
            f"{row.runs:,}",
            share(row.within_5),
            share(row.cover_mean),
            share(row.cover_new),
            share(row.cover_in),
            share(row.said),
            f"{row.fit_ms:.1f} ms",
            f"{row.fit_ms_most:.1f} ms",
        )
    show(shown)
