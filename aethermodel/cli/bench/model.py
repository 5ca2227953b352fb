"""`aethermodel bench model`: the fits on known laws, beside polynomials and Extra-P."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel.cli.bench.benchmark_list import SECONDS
from aethermodel.cli.shared import options
from aethermodel.cli.shared.measuring import announced
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    import pandas as pd


def command(
    runs: Annotated[
        int, typer.Option(help="runs of each law, for our fits and polynomials")
    ] = 1000,
    extrap_python: Annotated[
        Path | None,
        typer.Option(
            envvar="AETHER_EXTRAP_PYTHON",
            help="interpreter of an environment with Extra-P 4.2 [default: Extra-P is left out]",
        ),
    ] = None,
    hosts: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="instead: calibrate so many simulated hosts (about 1 s each), and count which "
            "answers' intervals hold the truth; 1000 for the figures to reach [default: none]",
        ),
    ] = None,
    extrap_runs: Annotated[int, typer.Option(help="runs of each law for Extra-P")] = 200,
    seed: Annotated[int, typer.Option(help="seed of the samples, which are the same for all")] = 0,
    json: options.Json = None,
) -> None:
    """Fit known laws from the same noisy samples, and compare how well each method extrapolates.

    With --hosts: how often the intervals of answers hold (T_batch, best rate, batch sizes,
    sensitivities, crossovers, what-ifs), on simulated hosts of random laws whose router changes
    its way beside a cache's knee.

    Ends with 1 if a figure to reach was missed. Extra-P needs numpy < 2, hence an environment of
    its own: python3 -m venv extrap && extrap/bin/pip install extrap==4.2.5, then --extrap-python
    extrap/bin/python.

    Example: aethermodel bench model --runs 1000 --json model.json

    Example: aethermodel bench model --hosts 1000 --json coverage.json
    """
    from aethermodel.calibrate.benchmark.known_laws import compare_models, targets
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document

    if hosts is not None:
        _coverage(hosts, seed, json)
        return
    with progress("fitting") as advance:
        table = compare_models(
            runs,
            seed,
            extrap_python=extrap_python,
            extrap_runs=extrap_runs,
            progress=_overall(announced(advance, SECONDS["model"] * runs / 1_000)),
        )
    judged = targets(table)
    if json:
        figures = {
            "seed": seed,
            "extrap": bool(extrap_python),
            "rows": table.to_dict(orient="records"),
            "targets": [vars(target) | {"met": target.met} for target in judged],
            "verdict": "pass" if all(target.met for target in judged) else "fail",
        }
        write_document(document("aethermodel.bench.model/1", "simulated", figures), json)
    if json != "-":
        print_comparison(table)
        for target in judged:
            if not target.met:
                say(f"missed: {target}")
    if not all(target.met for target in judged):
        raise typer.Exit(1)


def _coverage(hosts: int, seed: int, json: str | None) -> None:
    import os

    from aethermodel.calibrate.benchmark.coverage import coverage, missed, simulate
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document

    with progress("calibrating simulated hosts") as advance:
        workers = len(os.sched_getaffinity(0))
        found = coverage(simulate(hosts, seed, workers=workers, progress=advance))
    misses = missed(found)
    if json:
        figures = {
            "seed": seed,
            "hosts": hosts,
            "rows": found.to_dict(orient="records"),
            "missed": misses,
            "verdict": "fail" if misses else "pass",
        }
        write_document(document("aethermodel.bench.model.coverage/1", "simulated", figures), json)
    if json != "-":
        print_coverage(found)
        for text in misses:
            say(f"missed: {text}")
    if misses:
        raise typer.Exit(1)


def print_coverage(found: pd.DataFrame) -> None:
    """Print how often the intervals hold, question by question."""
    from aethermodel.cli.shared.terminal_tables import Table, show

    heads = ("question", "hosts", "answers", "hold", "too low", "width")
    shown = Table("intervals of 95 % on simulated hosts", heads, text=("question",))
    for row in found.itertuples():
        shown.add(
            row.question,
            f"{row.runs:,}",
            f"{row.answers:,}",
            percentage(row.covered),
            percentage(row.above),
            percentage(row.width),
        )
    show(shown)


def _overall(advance: Callable[[int, int], None]) -> Callable[[str, int, int], None]:
    """Show one bar over all laws; Extra-P's fits, which come in one go, are not counted."""
    from aethermodel.calibrate.benchmark.known_laws import SCENARIOS

    before: dict[str, int] = {}

    def update(label: str, done: int, total: int) -> None:
        if label.endswith("ours"):
            before[label] = done
            advance(sum(before.values()), total * len(SCENARIOS))

    return update


def print_comparison(table: pd.DataFrame) -> None:
    """Print one row a law and model, over all predicted sizes."""
    import pandas as pd

    from aethermodel.cli.shared.terminal_tables import Table, show

    keys = ("law", "noise", "model")
    figures = ("runs", "within 5 %", "within 10 %", "p95 error", "covered", "fit, min/median")
    shown = Table(
        "extrapolation of known laws (simulated samples)", (*keys, *figures), text=keys, keys=3
    )
    for (law, noise, model), rows in table.groupby(["law", "noise", "model"], sort=False):
        covered = rows["cover_mean"].min()
        first = rows.iloc[0]
        shown.add(
            law,
            percentage(noise, 0),
            model,
            f"{first['runs']:,}",
            percentage(rows["within_5"].min()),
            percentage(rows["within_10"].min()),
            percentage(rows["p95_error"].max()),
            "" if pd.isna(covered) else percentage(covered),
            f"{first['fit_ms_min']:.2f} / {first['fit_ms']:.2f} ms",
        )
    show(shown)
