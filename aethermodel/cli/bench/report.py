"""`aethermodel bench report`: cost of an export, and of opening its page."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from aethermodel.cli.shared import options
from aethermodel.cli.shared.durations import SECONDS
from aethermodel.cli.shared.measuring import measuring, tell_duration


def command(
    rounds: Annotated[int, typer.Option(min=3, help="exports of each kind")] = 7,
    keep: Annotated[
        Path | None, typer.Option(help="leave the exported files in this folder")
    ] = None,
    seed: options.Seed = None,
    wait_seconds: options.WaitSeconds = None,
    json: options.Json = None,
) -> None:
    """Time reports from an empty process to the file, compared with stock nbconvert, interleaved.

    The notebook has 12 figures; the stores have 20 points and draw their own figures.

    Example: aethermodel bench report --rounds 7 --json -

    Exit status: 0 all within the limits, 1 not, 2 bad input.
    """
    from aethermodel.console import progress
    from aethermodel.documents import document, write_document
    from aethermodel.report.export_cost import LIMITS, time_exports, time_opening

    if keep:
        keep.mkdir(parents=True, exist_ok=True)
    tell_duration(SECONDS["report"] * rounds / 7)
    with TemporaryDirectory() as made, measuring(wait_seconds):
        folder = keep or Path(made)
        with progress("exports") as advance:
            exports = time_exports(folder, rounds, advance, seed or 0)
        files = [name for name, figures in exports.items() if "bytes" in figures]
        opened = time_opening(folder, files, rounds)
    ours = exports["notebook"]
    within = ours["median_seconds"] <= LIMITS["export_seconds"] and ours["bytes"] <= LIMITS["bytes"]
    if isinstance(opened, dict):
        within = within and opened["notebook"]["median_seconds"] <= LIMITS["open_seconds"]
    if json:
        figures: dict[str, Any] = {
            "exports": exports,
            "opened": opened if isinstance(opened, dict) else None,
            "not_opened_because": opened if isinstance(opened, str) else None,
            "limits": LIMITS,
            "within_limits": within,
        }
        write_document(document("aethermodel.bench.report/1", None, figures), json)
    if json != "-":
        typer.echo("\n".join(_lines(exports, opened, LIMITS)))
    raise typer.Exit(0 if within else 1)


def _lines(
    exports: dict[str, Any], opened: dict[str, Any] | str, limits: dict[str, float]
) -> list[str]:
    lines = []
    for name, f in exports.items():
        line = f"{name:16} {_seconds(f)}"
        if "bytes" in f:
            drawn, scripts = f["drawings"], f["scripts"]
            line += f"  {f['bytes'] / 1e3:5.0f} kB, {drawn} drawings, {scripts} scripts"
        if isinstance(opened, dict) and name in opened:
            line += f"; opens in {_seconds(opened[name])}"
        lines.append(line)
    if isinstance(opened, str):
        lines.append(f"not opened in a browser: {opened}")
    ratio = exports["nbconvert"]["median_seconds"] / exports["notebook"]["median_seconds"]
    lines.append(f"stock nbconvert takes {ratio:.1f} times as long on the same notebook")
    lines.append(
        f"limits: notebook {limits['export_seconds']:g} s, {limits['bytes'] / 1e6:g} MB, "
        f"opens in {limits['open_seconds']:g} s"
    )
    return lines


def _seconds(figures: dict[str, Any]) -> str:
    low, high = figures["low_seconds"], figures["high_seconds"]
    return f"{figures['median_seconds']:6.3f} s ({low:.3f} to {high:.3f})"
