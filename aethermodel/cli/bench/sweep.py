"""`aethermodel bench sweep`: overhead of a sweep, and its behaviour under kills."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import typer

from aethermodel.cli.shared import options
from aethermodel.cli.shared.durations import SECONDS
from aethermodel.cli.shared.measuring import measuring, tell_duration, tell_who_measures


def command(
    rounds: Annotated[int, typer.Option(min=3, help="points of each kind")] = 11,
    points: Annotated[int, typer.Option(min=1, help="points of the dry sweep")] = 1_000,
    kills: Annotated[
        int | None,
        typer.Option(min=1, help="instead: kill a sweep this often, and count the damage"),
    ] = None,
    seed: options.Seed = None,
    json: options.Json = None,
) -> None:
    """Time empty points compared with stock papermill, a dry sweep, and taking it up when finished.

    Example: aethermodel bench sweep --rounds 11 --json -

    With --kills: run a sweep, end it with signal 9 at random moments, look at the store.

    Exit status: 0 all within the limits, 1 not, 2 bad input.
    """
    from aethermodel.documents import document, write_document

    if kills is None:
        tell_duration(SECONDS["sweep"] * (0.7 * rounds / 11 + 0.3 * points / 1_000))
    with TemporaryDirectory() as folder:
        make = _overhead if kills is None else _kills
        figures, lines = make(Path(folder), rounds, points, kills or 0, seed or 0)
    if json:
        write_document(document("aethermodel.bench.sweep/1", "loopback", figures), json)
    if json != "-":
        typer.echo("\n".join(lines))
    raise typer.Exit(0 if figures["within_limits"] else 1)


def _overhead(
    folder: Path, rounds: int, points: int, _: int, seed: int
) -> tuple[dict[str, Any], list[str]]:
    from aethermodel.console import progress
    from aethermodel.sweep.overhead import LIMITS, time_dry_sweep, time_points
    from aethermodel.sweep.run import LocalBackend

    with measuring(), progress("[1/2] empty points") as advance:
        figures = time_points(folder, rounds, advance, seed)
    backend = LocalBackend(waiting=tell_who_measures)
    with progress("[2/2] dry sweep") as advance:
        figures |= time_dry_sweep(folder, points, advance, backend)
    took = {kind: f["median_seconds"] for kind, f in figures.items()}
    lines = [
        f"{kind:10} {took[kind]:8.3f} s"
        + (f"  ({f['low_seconds']:.3f} to {f['high_seconds']:.3f})" if "low_seconds" in f else "")
        + (f"  limit {LIMITS[kind]:g} s" if kind in LIMITS else "")
        for kind, f in figures.items()
    ]
    stock = figures["papermill"]["median_seconds"]
    lines.append(
        f"stock papermill takes {stock / took['notebook']:.1f} times as long as notebook mode, "
        f"{stock / took['measure']:.0f} times as long as measure mode"
    )
    within = all(took[kind] <= limit for kind, limit in LIMITS.items())
    within = within and figures["resume"]["reran"] == 0
    return {"points": figures, "limits_seconds": LIMITS, "within_limits": within}, lines


def _kills(
    folder: Path, _: int, __: int, kills: int, seed: int
) -> tuple[dict[str, Any], list[str]]:
    from aethermodel.console import progress
    from aethermodel.sweep.kills import kill_often

    with progress("kills") as advance:
        damage = kill_often(folder, kills, seed=seed, progress=advance)
    harmless = not (damage.corrupt or damage.rerun or damage.left_running or damage.left_files)
    line = ", ".join(f"{name} {count}" for name, count in damage.figures().items())
    return {**damage.figures(), "within_limits": harmless}, [line]
