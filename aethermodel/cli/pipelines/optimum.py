"""`aethermodel bench optimum --pipeline FILE.py`: the recommended batch size in a full sweep."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from aethermodel.cli.shared.measuring import announced, measuring
from aethermodel.cli.shared.trial_words import carried
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.bench.optimum import BestSize

_PROCESSES, _REPEATS = 5, 2
# Of the sweep, on a quiet host.
_SWEEP_SECONDS = 40.0


def optimum_own(
    reference: str,
    given: dict[str, Any],
    *,
    calibration: Path | None,
    seconds: float,
    json: str | None,
    wait_seconds: float | None,
) -> None:
    """Take the size that the terms recommend, and measure it in a sweep of sizes."""
    from aethermodel.bench.optimum import compare_own_with_sweep
    from aethermodel.cli.pipelines.calibrate import calibrated
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document
    from aethermodel.pipelines.calibration import load_for
    from aethermodel.pipelines.campaign import Campaign

    known = load_for(reference, calibration) if calibration else None
    given = {"processes": _PROCESSES, "repeats": _REPEATS, **given}
    with measuring(wait_seconds):
        if known is None:
            known = calibrated(reference, seconds, seed=given.get("seed"), later=_SWEEP_SECONDS)
        with progress("sweeping" if calibration else "[2/2] sweeping") as advance:
            told = announced(advance, _SWEEP_SECONDS) if calibration else advance
            best = compare_own_with_sweep(Campaign(reference, **given), known, told)
    if json:
        write_document(document("aethermodel.bench.optimum/1", None, best.figures()), json)
    if json != "-":
        print_sweep_own(best)
    raise typer.Exit(1 if best.outcome == "fail" else 0)


def print_sweep_own(found: BestSize) -> None:
    """Print the sweep with the recommended size marked, and the verdict."""
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.report.engineering_notation import engineering, interval

    headings = ("N", "rate", "slowest to fastest process", "left out", "")
    table = Table(f"{found.label}: throughput by batch size", headings, text=("",))
    for row in found.table.itertuples():
        table.add(
            f"{row.n:,}",
            engineering(row.per_second, "records/s"),
            interval(row.low, row.high, "records/s"),
            percentage(row.share_left_out, 0),
            "recommended" if row.recommended else "",
        )
    show(table)
    say(carried(found, "Pipeline(largest=)"))
