"""`aethermodel gate`: stop a change that made a parameter or a time worse."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel.cli.pipelines import pipeline_choice
from aethermodel.cli.shared import law_input, options

if TYPE_CHECKING:
    from aethermodel.gate.gate import Verdict


def command(
    base: Annotated[
        Path,
        typer.Argument(
            **options.READ,
            help="law file, calibration (also of a pipeline of your own), measurements, a folder "
            "of runs of these, or a history",
        ),
    ],
    head: Annotated[Path, typer.Argument(**options.READ, help="the same of what is to be judged")],
    limit: Annotated[
        list[str] | None,
        typer.Option(
            "--limit",
            help="how much a parameter or a time may change, such as t_event=+5% or "
            "'T(10000)=+3%'; may be given again [default: times at three sizes, by the "
            "spread of the runs]",
        ),
    ] = None,
    spread: Annotated[
        str | None,
        typer.Option(
            "--spread", help="what runs differ by, such as 1% [default: as the runs differ]"
        ),
    ] = None,
    host: Annotated[
        str | None,
        typer.Option("--host", help="whose entries of a history count [default: the only one]"),
    ] = None,
    summary: Annotated[
        str | None,
        typer.Option(
            "--summary",
            callback=options.writing("Markdown"),
            help="append a Markdown table to this file, such as $GITHUB_STEP_SUMMARY "
            "[default: none]",
        ),
    ] = None,
    pipeline: pipeline_choice.Option = None,
    size: law_input.Size = None,
    time: law_input.Time = None,
    unit: law_input.Unit = None,
    group: law_input.Group = None,
    format: law_input.Format = None,
    json: options.Json = None,
) -> None:
    """Judge HEAD against BASE: stopped only if the interval of a change lies beyond its limit.

    A run that is slower as a whole is no change: give a history or folders of several runs, and
    the interval takes in what runs differ by.

    Example: aethermodel gate history/ head.json --limit t_event=+5% --limit 'T(10000)=+3%'

    Exit status: 0 ok, 1 worse, 2 bad input, 3 cannot tell.
    """
    from aethermodel.cli.pipelines.gate_runs import READERS, check_names
    from aethermodel.gate.gate import gate
    from aethermodel.gate.limits import limits_of
    from aethermodel.gate.run_files import read_runs
    from aethermodel.gate.runs import schema_of
    from aethermodel.json_documents import document, write_document
    from aethermodel.pipelines.pipeline_file import load_pipeline

    limits = limits_of(limit or [])
    chosen = law_input.reading_options(size, time, unit, group, format)
    if host is not None and not (base.is_dir() or head.is_dir()):
        raise ValueError("--host is for a history")
    if chosen and all(side.is_file() and schema_of(side) for side in (base, head)):
        raise ValueError(f"--{next(iter(chosen))} is for measurements")
    if own := pipeline_choice.chosen(None, pipeline):
        check_names(load_pipeline(own).name, [base, head])
    verdict = gate(
        read_runs(base, options=chosen, host=host, others=READERS),
        read_runs(head, options=chosen, host=host, others=READERS),
        limits,
        spread=None if spread is None else _spread(spread),
    )
    if summary:
        append_summary(Path(summary), verdict, str(base), str(head))
    if json:
        content = document("aethermodel.gate/1", None, verdict.figures(), measured=False)
        write_document(content, json)
    if json != "-":
        print_verdict(verdict)
    raise typer.Exit(verdict.status)


def _spread(text: str) -> float:
    try:
        value = float(text.strip().removesuffix("%")) / (100 if text.strip().endswith("%") else 1)
    except ValueError:
        value = float("nan")
    if not 0 <= value < 1:
        raise ValueError(f"--spread: a share such as 1%, not {text!r}")
    return value


def append_summary(target: Path, verdict: Verdict, base: str, head: str) -> None:
    """Append a table to a file that others may append to as well."""
    from aethermodel.output_files import naming
    from aethermodel.report.comparison.gate_summary import summary_markdown

    with naming(str(target)):
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("a", encoding="utf-8") as file:
            file.write(summary_markdown(verdict, base, head) + "\n")


def print_verdict(verdict: Verdict) -> None:
    """Print a table of the rows, and the verdict in a line."""
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.report.comparison.gate_summary import HEADLINES, allowed, change_interval
    from aethermodel.report.engineering_notation import engineering
    from aethermodel.text.percentages import percent, percentage

    curves = any(row.curve for row in verdict.rows)
    table = Table(
        "Head against base",
        ("quantity", *(("curve",) if curves else ()), "base", "head", "change", "interval",
         "limit", "outcome"),
        text=("quantity", "curve", "limit", "outcome"),
    )  # fmt: skip
    for row in verdict.rows:
        table.add(
            row.quantity,
            *((row.curve,) if curves else ()),
            engineering(row.base, row.unit),
            engineering(row.head, row.unit),
            percent(row.ratio - 1),
            change_interval(row),
            allowed(row),
            row.outcome,
            bold=row.outcome == "worse",
        )
    show(table)
    say(f"{remark}." for remark in verdict.remarks)
    runs = f"{verdict.base_runs} and {verdict.head_runs} runs"
    if max(verdict.base_runs, verdict.head_runs) > 1:
        runs += f", which differ by {percentage(verdict.spread)}"
    say(f"{HEADLINES[verdict.outcome].upper()} ({runs}).")
