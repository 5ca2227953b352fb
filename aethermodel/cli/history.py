"""`aethermodel history`: parameters over commits, with their change points."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel.cli.shared import options, reading

if TYPE_CHECKING:
    from aethermodel.gate.history import History, Point
    from aethermodel.gate.limits import Quantity

app = typer.Typer(no_args_is_help=True, help="Keep laws by commit and host, and show what moved.")
Folder = Annotated[
    Path, typer.Option("--folder", "-d", help="of the history; made where it is not there")
]
FOLDER = Path("history")


@app.command("add", short_help="add the laws of a commit")
def add(
    law: Annotated[
        Path, typer.Argument(callback=options.readable, help="law file, or measurements to fit")
    ],
    commit: Annotated[str, typer.Option("--commit", help="id of the commit")],
    folder: Folder = FOLDER,
    host: Annotated[
        str | None, typer.Option("--host", help="id of the host [default: this host's]")
    ] = None,
    date: Annotated[
        str | None,
        typer.Option("--date", help="when, such as 2026-01-31T12:00:00+00:00 [default: now]"),
    ] = None,
    size: reading.Size = None,
    time: reading.Time = None,
    unit: reading.Unit = None,
    group: reading.Group = None,
    format: reading.Format = None,
) -> None:
    """Add the laws of a commit; nothing that is there is ever changed.

    Example: aethermodel history add law.json --commit "$(git rev-parse HEAD)"

    Exit status: 0 added, 2 bad input.
    """
    from aethermodel.gate.history import History
    from aethermodel.gate.runs import laws_of

    moment = datetime.now(UTC) if date is None else _moment(date)
    laws = laws_of(law, reading.reading_options(size, time, unit, group, format))
    if host is None:
        from aethermodel.measure.host.fingerprint import this_host

        host = this_host().id
    typer.echo(History(folder).add(laws, commit, host, moment))


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"--date: wanted is such as 2026-01-31, not {text!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@app.command("show", short_help="show parameters over the commits")
def show_history(
    folder: Folder = FOLDER,
    at: Annotated[
        str | None, typer.Option("--at", help="sizes of T, such as 100,1e4 [default: three]")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", help="only this one; may be given again [default: all]"),
    ] = None,
    curve: reading.Curve = None,
    host: Annotated[
        str | None, typer.Option("--host", help="only this host's [default: each by itself]")
    ] = None,
    json: options.Json = None,
) -> None:
    """Show each parameter and T over the commits, where its level changed, and by how much.

    Example: aethermodel history show --at 10000

    Exit status: 0 done, 2 bad input.
    """
    from aethermodel.documents import document, write_document
    from aethermodel.gate.history import History

    history = History(folder)
    if not history.entries:
        raise ValueError(f"{folder}: no entries; make one with `aethermodel history add`")
    curves = history.curves if curve is None else (curve,)
    tracks: list[dict[str, Any]] = []
    for one in history.hosts if host is None else (host,):
        for name in curves:
            for quantity, unit in _quantities(history, name, one, at, parameter):
                points = history.track(name, quantity, one)
                tracks.append(_figures(one, name, str(quantity), unit, points))
    if not tracks:
        raise ValueError(f"{folder}: no entry of host {host} and curve {curve}")
    if json:
        content = document("aethermodel.history/1", None, {"tracks": tracks}, measured=False)
        write_document(content, json)
    if json != "-":
        _print(tracks)


def _quantities(
    history: History, curve: str, host: str, at: str | None, parameters: list[str] | None
) -> list[tuple[Quantity, str]]:
    """Return what is shown of a curve, each with its unit."""
    from aethermodel.gate.limits import Quantity

    entries = history.of(curve, host)
    if not entries:
        return []
    known = {p.name: p.unit for entry in entries for p in entry.laws[curve].parameters if p.value}
    for name in parameters or ():
        if name not in known:
            raise ValueError(f"no parameter {name!r}; there are {', '.join(known) or 'none'}")
    sizes = entries[-1].laws[curve].sizes
    sizes = sizes[sizes > 0]
    wanted = [float(sizes[0]), float(sizes[len(sizes) // 2]), float(sizes[-1])]
    if at is not None:
        wanted = [float(n) for n in options.numbers("--at", at)]
    chosen = [(Quantity(name), known[name]) for name in parameters or known]
    return chosen + [(Quantity(size=size), "s") for size in dict.fromkeys(wanted)]


def _figures(
    host: str, curve: str, quantity: str, unit: str, points: tuple[Point, ...]
) -> dict[str, Any]:
    rows = [
        {
            "commit": point.entry.commit,
            "moment": point.entry.moment,
            "value": point.value,
            "low": point.low,
            "high": point.high,
            "level_begins": point.begins,
            "change": point.change,
        }
        for point in points
    ]
    return {"host": host, "curve": curve, "quantity": quantity, "unit": unit, "points": rows}


def _print(tracks: list[dict[str, Any]]) -> None:
    from aethermodel.cli.shared.tables import Table, say, show
    from aethermodel.report.quantities import engineering, interval
    from aethermodel.text.percentages import percent

    moved = []
    for track in tracks:
        curve = f", {track['curve']}" if track["curve"] else ""
        table = Table(
            f"{track['quantity']}{curve} on {track['host']}",
            ("commit", "date", "value", "95 %", "change"),
            text=("commit", "date", "change"),
        )
        for point in track["points"]:
            begins = point["level_begins"]
            table.add(
                point["commit"][:12],
                point["moment"][:10],
                engineering(point["value"], track["unit"]),
                interval(point["low"], point["high"], track["unit"]),
                f"{percent(point['change'])} from here" if begins else "",
                bold=begins,
            )
            if begins:
                moved.append(
                    f"{track['quantity']}{curve}: {percent(point['change'])} since commit "
                    f"{point['commit'][:12]} ({track['host']})"
                )
        show(table)
    say(moved or ["No level changed."])
