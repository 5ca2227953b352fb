"""`aethermodel bench dispatch`: overhead of the bus over a bare event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel import thresholds
from aethermodel.cli.bench.benchmark_list import SECONDS
from aethermodel.cli.shared import options
from aethermodel.cli.shared.measuring import announced, measuring
from aethermodel.inputs.unset_values import without_unset
from aethermodel.text.times import microseconds

if TYPE_CHECKING:
    from aethermodel.bench.dispatch import DispatchCost


def command(
    handlers: Annotated[str, typer.Option(help="handlers called in a tick")] = "0,1,4,16",
    loops: Annotated[
        str | None,
        typer.Option(help="event loops: asyncio,uvloop [default: both, where uvloop is installed]"),
    ] = None,
    processes: Annotated[int | None, options.processes(9)] = None,
    repeats: Annotated[int | None, options.repeats(15)] = None,
    seed: options.Seed = None,
    json: options.Json = None,
) -> None:
    """Measure the bus and the barest loop that drains, routes and calls the same handlers.

    Example: aethermodel bench dispatch --json dispatch.json

    The difference is what it costs to isolate errors, to take times by topic and to end
    gracefully.

    Exit status: 0 within the limits or inconclusive, 1 beyond them in every process, 2 bad input.
    """
    from aethermodel.bench.dispatch import DispatchBench
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document

    given = {"event_loops": loops, "processes": processes, "repeats": repeats, "seed": seed}
    bench = DispatchBench.model_validate({"handlers": handlers} | without_unset(given))
    about = SECONDS["dispatch"] * bench.processes * bench.repeats / (9 * 15)
    with measuring(), progress("measuring") as advance:
        found = bench.run(announced(advance, about))
    if json:
        figures = {
            "bench": bench.model_dump(mode="json"),
            "added": [figure.figures() for figure in found.added],
            "native": [figure.figures() for figure in found.native],
            "rows": found.table.to_dict(orient="records"),
            "outcome": found.outcome,
            "noisy_share": found.noisy_share,
        }
        write_document(document("aethermodel.bench.dispatch/1", "loopback", figures), json)
    if json != "-":
        _print(found)
    raise typer.Exit(1 if found.outcome == "fail" else 0)


def _print(found: DispatchCost) -> None:
    from aethermodel.cli.shared.terminal_tables import Table, say, show

    headings = ("loop", "handlers", "bus", "bare", "added", "processes")
    table = Table("one tick, µs [loopback]", headings, text=("loop",))
    for row in found.table.itertuples():
        low, high = row.added_low * 1e6, row.added_high * 1e6
        figures = (row.bus_seconds, row.bare_seconds, row.added_seconds)
        ticks = (f"{seconds * 1e6:.2f}" for seconds in figures)
        table.add(row.event_loop, str(row.handlers), *ticks, f"{low:.2f} to {high:.2f}")
    show(table)
    for native in found.native:
        say(
            f"{native.outcome.upper()}: {native.handlers} handlers in C, {native.events} events: "
            f"{microseconds(native.native_seconds, 2)} a tick on {native.event_loop}; "
            f"that is {native.ratio:.2f} ({native.low:.2f} to {native.high:.2f}) of one of those "
            f"in Python; at most {thresholds.NATIVE_TICK_SHARE:g}"
        )
    for figure in found.added:
        say(
            f"{figure.outcome.upper()}: the bus adds {microseconds(figure.seconds, 2)} a "
            f"{'tick' if figure.what == 'tick' else 'handler call'} ({figure.low * 1e6:.2f} to "
            f"{figure.high * 1e6:.2f}) on {figure.event_loop}; at most "
            f"{figure.limit_seconds * 1e6:g} µs"
        )
