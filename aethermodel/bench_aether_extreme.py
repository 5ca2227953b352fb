"""Stress test of the specification (section 3): producer, queue, consumer on one event loop.

Run ``python bench_aether_extreme.py --core mocked`` beside an installed aethermodel, or
``aethermodel bench extreme``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel.command_files import READ, writing
from aethermodel.console import count, plain_console
from aethermodel.text.lines import wrapped

if TYPE_CHECKING:
    from aethermodel.bench.extreme import Diagnosis
    from aethermodel.bench.extreme.outcome import Settings
    from aethermodel.calibrate.calibration.calibration import Calibration


def diagnosis_of(
    settings: Settings, calibration: Calibration | None = None, seconds: float = 15.0
) -> Diagnosis:
    """Say which lever pays most (the specification, section 5).

    Parameters
    ----------
    settings : Settings
    calibration : Calibration, optional
        Of this host, under the same conditions; else the terms are calibrated first.
    seconds : float
        Budget of that calibration.

    Raises
    ------
    ValueError
        If the budget is too short for this host, or the calibration is of other conditions.
    """
    from aethermodel.bench.extreme import diagnose, quick_calibration
    from aethermodel.console import progress

    design = settings.design
    if calibration is None and design.core == "cython":
        with progress("probing the terms", budget=seconds) as advance:
            try:
                calibration = quick_calibration(design, seconds, advance)
            except ValueError as error:
                raise ValueError(f"{error} within {seconds:g} s: allow more time") from None
    with progress("pulling levers") as advance:
        return diagnose(design, calibration, progress=advance)


def _known(path: Path, settings: Settings) -> Calibration:
    """Read a calibration, and refuse one of other conditions before anything is measured."""
    from aethermodel.bench.extreme.model_view import Modelled
    from aethermodel.measure.campaign.stored_calibrations import load_calibration

    calibration = load_calibration(path)
    Modelled(settings.design, calibration)
    return calibration


def command(
    core: Annotated[str, typer.Option(help="mocked (simulated figures) or cython")] = "cython",
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size",
            "-n",
            parser=count,
            metavar="N",
            help="messages in a batch, such as 1e4",
        ),
    ] = 10_000,
    batches: Annotated[
        int, typer.Option(parser=count, metavar="N", help="batches to send")
    ] = 2_000,
    queue_depth: Annotated[int, typer.Option(help="batches that may wait in the queue")] = 8,
    topics: Annotated[int, typer.Option(help="topics, each with a handler")] = 16,
    loop: Annotated[
        str | None,
        typer.Option(help="asyncio or uvloop [default: uvloop, where it is installed]"),
    ] = None,
    diagnose: Annotated[
        bool, typer.Option("--diagnose", help="then measure which lever pays most (about 15 s)")
    ] = False,
    calibration: Annotated[
        Path | None,
        typer.Option(
            "--calibration",
            "-c",
            **READ,
            help="for --diagnose: calibration of this host [default: one is made first]",
        ),
    ] = None,
    probe_seconds: Annotated[
        float, typer.Option(min=1, help="for --diagnose: most seconds for that calibration")
    ] = 15.0,
    json: Annotated[
        str | None,
        typer.Option(
            callback=writing("JSON"),
            help="write JSON to this file, - for standard output [default: a table is printed]",
        ),
    ] = None,
) -> None:
    """Run the specification's stress test: producer, queue and consumer on one event loop.

    Example: aethermodel bench extreme --core mocked --batch-size 10000

    Example: aethermodel bench extreme --batch-size 1000 --diagnose

    Exit status: 0 above 5,000,000 msg/s, 1 below, 2 bad input.
    """
    from aethermodel.bench.extreme.outcome import Settings, describe, run
    from aethermodel.json_documents import document, write_document

    given: dict[str, Any] = {
        "core": core,
        "batch_size": batch_size,
        "batches": batches,
        "queue_depth": queue_depth,
        "topics": topics,
    }
    settings = Settings(**given | ({"event_loop": loop} if loop else {}))
    if calibration and not diagnose:
        raise ValueError("--calibration is for --diagnose")
    known = _known(calibration, settings) if calibration else None
    result = run(settings)
    found = diagnosis_of(settings, known, probe_seconds) if diagnose else None
    if json:
        figures = result.model_dump(exclude={"label"})
        if found:
            figures["diagnosis"] = found.figures()
        write_document(document("aethermodel.bench.extreme/1", result.label, figures), json)
    if json != "-":
        said = [describe(result)]
        if found:
            from aethermodel.report.figures.diagnosis import diagnosis

            said += ["", str(diagnosis(found))]
        for line in wrapped("\n".join(said), plain_console().width):
            typer.echo(line)
    raise typer.Exit(0 if result.ready else 1)


if __name__ == "__main__":
    from aethermodel.console import run_command

    run_command(command)
