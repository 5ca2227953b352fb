"""`aethermodel history`: parameters over commits, with their change points."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel.cli.shared import law_input, options

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.calibration import Calibration
    from aethermodel.gate.history import Track
    from aethermodel.laws.law import Law

app = typer.Typer(no_args_is_help=True, help="Keep laws by commit and host, and show what moved.")
Folder = Annotated[
    Path, typer.Option("--folder", "-d", help="of the history; made where it is not there")
]
FOLDER = Path("history")


@app.command("add", short_help="add the laws of a commit")
def add(
    law: Annotated[
        Path,
        typer.Argument(**options.READ, help="law file, calibration, or measurements to fit"),
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
    size: law_input.Size = None,
    time: law_input.Time = None,
    unit: law_input.Unit = None,
    group: law_input.Group = None,
    format: law_input.Format = None,
) -> None:
    """Add the laws or the calibration of a commit; nothing that is there is ever changed.

    Example: aethermodel history add law.json --commit "$(git rev-parse HEAD)"

    Exit status: 0 added, 2 bad input.
    """
    from aethermodel.gate.history import History

    moment = datetime.now(UTC) if date is None else _moment(date)
    kept = _kept(law, law_input.reading_options(size, time, unit, group, format))
    if host is None:
        from aethermodel.measure.host.fingerprint import this_host

        host = this_host().id
    typer.echo(History(folder).add(kept, commit, host, moment))


def _kept(path: Path, chosen: dict[str, Any]) -> Mapping[str, Law] | Calibration:
    from aethermodel.gate.runs import laws_of, schema_of

    if not schema_of(path).startswith("aethermodel.calibration/"):
        return laws_of(path, chosen)
    from aethermodel.calibrate.calibration.calibration import Calibration

    return Calibration.load(path)


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
    curve: law_input.Curve = None,
    host: Annotated[
        str | None, typer.Option("--host", help="only this host's [default: each by itself]")
    ] = None,
    json: options.Json = None,
) -> None:
    """Show each parameter and T over the commits, where its level changed, and by how much.

    Example: aethermodel history show --at 10000

    Exit status: 0 done, 2 bad input.
    """
    from aethermodel.gate.history import History
    from aethermodel.json_documents import document, write_document

    history = History(folder)
    if not history.entries:
        raise ValueError(f"{folder}: no entries; make one with `aethermodel history add`")
    curves = history.curves if curve is None else (curve,)
    sizes = () if at is None else tuple(float(n) for n in options.numbers("--at", at))
    tracks: list[dict[str, Any]] = []
    for one in history.hosts if host is None else (host,):
        for name in curves:
            found = history.tracks(name, one, sizes, parameter or ())
            tracks += [_figures(track) for track in found]
    if not tracks:
        raise ValueError(f"{folder}: no entry of host {host} and curve {curve}")
    if json:
        content = document("aethermodel.history/1", None, {"tracks": tracks}, measured=False)
        write_document(content, json)
    if json != "-":
        _print(tracks)


def _figures(track: Track) -> dict[str, Any]:
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
        for point in track.points
    ]
    return {
        "host": track.host,
        "curve": track.curve,
        "quantity": str(track.quantity),
        "unit": track.unit,
        "points": rows,
    }


def _print(tracks: list[dict[str, Any]]) -> None:
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.report.engineering_notation import engineering, interval
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
