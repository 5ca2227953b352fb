"""`aethermodel calibrate`: fit each term on this host from its own probe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from aethermodel import thresholds
from aethermodel.cli.pipelines import pipeline_choice
from aethermodel.cli.shared import options
from aethermodel.cli.shared.measuring import CHECK_SECONDS, announced, measuring, tell_duration

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.calibration import Calibration
    from aethermodel.measure.campaign.placed import Place

#: Options that a pipeline of one's own has, too.
_OF_A_PIPELINE = frozenset(
    {"file", "pipeline", "batch_sizes", "json", "processes", "repeats", "seed", "seconds",
     "pin", "verbose", "wait_seconds"}
)  # fmt: skip


def command(
    ctx: typer.Context,
    file: pipeline_choice.Argument = None,
    pipeline: pipeline_choice.Option = None,
    batch_sizes: Annotated[
        str | None,
        typer.Option(
            "--batch-sizes",
            "-n",
            help="with a pipeline of your own: sizes to time its stages at [default: 1, then by "
            "twos up to its largest]",
        ),
    ] = None,
    json: options.Json = None,
    loop: options.Loop = None,
    fabric: options.Fabric = None,
    record_bytes: Annotated[
        str | None,
        typer.Option(
            help="bytes of a record, a multiple of 8; several, such as 64,256,4096, are "
            "calibrated one by one, each into a file of its own [default: 64]"
        ),
    ] = None,
    topics: options.Topics = None,
    pool: options.Pool = None,
    processes: Annotated[int | None, options.processes(8)] = None,
    repeats: Annotated[int | None, options.repeats(2)] = None,
    seed: options.Seed = None,
    seconds: Annotated[
        float, options.budget("time budget, kept after one process that samples everything")
    ] = thresholds.CALIBRATION_SECONDS,
    refine: Annotated[
        bool,
        typer.Option(
            "--refine", help="spend the rest of the budget on the points that narrow the fits most"
        ),
    ] = False,
    merge: Annotated[
        list[Path] | None,
        typer.Option(
            **options.READ,
            help="an earlier calibration of this host to merge in; may be repeated [default: none]",
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            **options.READ,
            help="only probe whether this calibration still holds",
        ),
    ] = None,
    pin: Annotated[
        str | None,
        typer.Option(
            metavar="LOOP[:PRODUCER]|each",
            help="cores of the loop and of the producer, as for validate; or each: once for each "
            "distance between two cores of this host, into a file of its own [default: the "
            "scheduler's choice]",
        ),
    ] = None,
    verbose: options.Verbose = False,
    wait_seconds: options.WaitSeconds = None,
) -> None:
    """Measure loop, ffi, kernel and fabric each isolated, and fit each term with its intervals.

    Given a Python file that declares a pipeline: each of its stages, by the batches it would get.

    Example: aethermodel calibrate --loop uvloop --json calibration.json

    Example: aethermodel calibrate orders.py --json calibration.json

    Example: aethermodel calibrate --record-bytes 64,256,4096 --json sizes.json

    Example: aethermodel calibrate --fabric shm --pin each --json near.json

    Exit status: 0 done, or the calibration checked is fresh; 1 it is stale; 2 bad input.
    """
    from aethermodel.calibrate.calibration.merged_calibration import merge as merged
    from aethermodel.console import progress
    from aethermodel.measure.campaign.calibrate import calibrate_host
    from aethermodel.measure.campaign.campaign_settings import Campaign
    from aethermodel.measure.campaign.placed import EACH
    from aethermodel.measure.campaign.stored_calibrations import load_calibration
    from aethermodel.measure.host import affinity

    if own := pipeline_choice.chosen(file, pipeline):
        from aethermodel.cli.pipelines.calibrate import calibrate_own

        options.refuse_options(ctx, _OF_A_PIPELINE, f"is the built-in pipeline's, not {own}'s")
        if pin == EACH:
            raise ValueError(f"--pin {EACH} is the built-in pipeline's, not {own}'s")
        affinity.use(pin)
        calibrate_own(
            own,
            pipeline_choice.campaign_options(batch_sizes, processes, repeats, seed),
            seconds=seconds,
            json=json,
            wait_seconds=wait_seconds,
            verbose=verbose,
        )
        return
    if batch_sizes is not None:
        raise ValueError("--batch-sizes is for a pipeline of your own (FILE.py)")
    if check:
        _check(check, json, wait_seconds)
        return
    earlier = [load_calibration(path) for path in merge or ()]
    sizes = options.record_sizes(record_bytes) if record_bytes is not None else [None]
    places = _places(pin)
    apart = len(sizes) > 1 or pin == EACH
    if apart and (json == "-" or earlier):
        raise ValueError("several calibrations are written to files, and nothing is merged in")
    if len(sizes) > 1 and pin == EACH:
        raise ValueError("--pin each is for one record size")
    for place in places:
        affinity.use(place.pin)
        for size in sizes:
            campaign = Campaign(
                event_loop=loop,
                fabric=fabric,
                record_bytes=size,
                topics=topics,
                pool=pool,
                processes=processes,
                repeats=repeats,
                seed=seed,
                pin=place.pin,
            )
            with measuring(wait_seconds), progress("calibrating", budget=seconds) as advance:
                calibration = calibrate_host(
                    campaign,
                    announced(advance, seconds, "budget"),
                    seconds=seconds,
                    refine=refine,
                )
            calibration = merged([place.noted(calibration), *earlier])
            own = place.distance or "" if pin == EACH else str(size)
            _tell(calibration, json, verbose, own if apart else "")


def _places(pin: str | None) -> list[Place]:
    """Return where to calibrate; of several, say which there are."""
    from aethermodel.measure.campaign.placed import EACH, Place, each_distance
    from aethermodel.measure.host.topology import topology

    if pin != EACH:
        return [Place(pin)]
    places = each_distance(topology())
    if not places:
        raise ValueError("this process may use one core only: there is no distance to calibrate")
    named = ", ".join(f"{place.distance} ({place.pin})" for place in places)
    many = "one distance" if len(places) == 1 else f"{len(places)} distances"
    typer.echo(f"this host has {many} between two cores: {named}", err=True)
    return places


def _tell(calibration: Calibration, json: str | None, verbose: bool, own: str) -> None:
    """Write and print a calibration; of several, each to a file with a name of its `own`."""
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.json_documents import write_document

    if json and own:
        path = Path(json)
        json = str(path.with_name(f"{path.stem}-{own}{path.suffix}"))
    if json:
        write_document(calibration.to_json(), json)
    if json != "-":
        print_parameters(calibration, verbose=verbose)
    if json and own:
        say(f"written to {json}")


def _check(path: Path, json: str | None, wait_seconds: float | None) -> None:
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.console import progress
    from aethermodel.json_documents import document, write_document
    from aethermodel.measure.campaign.drift import check_drift
    from aethermodel.measure.campaign.stored_calibrations import load_calibration

    calibration = load_calibration(path)
    tell_duration(CHECK_SECONDS)
    with measuring(wait_seconds), progress("probing again") as advance:
        drifts = check_drift(calibration, advance)
    stale = any(drift.stale for drift in drifts)
    if json:
        figures = {
            "calibrated": calibration.created,
            "stale": stale,
            "terms": [vars(drift) for drift in drifts],
        }
        write_document(
            document("aethermodel.drift/1", calibration.conditions.fabric, figures), json
        )
    if json != "-":
        for drift in drifts:
            say(str(drift))
    raise typer.Exit(1 if stale else 0)


def print_parameters(calibration: Calibration, *, verbose: bool = False) -> None:
    """Print the fitted parameters with their intervals, and what weakens them."""
    from aethermodel.cli.shared.caveats import tell_caveats
    from aethermodel.cli.shared.terminal_tables import Table, say, show

    c = calibration.conditions
    table = Table(
        f"host {calibration.host['id']}, {c.event_loop}, {c.topics} topics"
        f"{options.records_of(c.record_bytes)} [{c.fabric}]",
        ("parameter", "value", "95 % interval", "unit", "meaning"),
        text=("parameter", "unit", "meaning"),
    )
    for p in calibration.parameters.values():
        scale, prefix = (1e9, "n") if p.unit.startswith("s") else (1.0, "")
        low, high = (p.low or 0.0) * scale, (p.high or 0.0) * scale
        table.add(
            p.name,
            f"{p.value * scale:,.3f}",
            f"{low:,.3f} to {high:,.3f}",
            prefix + p.unit,
            p.meaning,
        )
    tell_caveats((*calibration.warnings, *calibration.findings), verbose=verbose)
    show(table)
    model = calibration.model()
    say(model.formula)
    say(
        f"limit {model.limit_per_second() / 1e6:,.0f} million msg/s, "
        f"half of it at N = {model.n_half():,.0f}"
    )
