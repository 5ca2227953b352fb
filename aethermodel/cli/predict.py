"""`aethermodel predict`: batch time at any N from a calibration, and the answers that follow."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel.cli.pipelines import pipeline_choice
from aethermodel.cli.shared import law_input, options
from aethermodel.cli.shared.measuring import CHECK_SECONDS, measuring, tell_duration
from aethermodel.cli.shared.prediction_figures import (
    prediction_figures,
    prediction_figures_between,
    roofline_figures,
)
from aethermodel.kernel_facts import EVENT_BYTES

if TYPE_CHECKING:
    from aethermodel.calibrate.predict.record_sizes import RecordSizes
    from aethermodel.calibrate.predict.scenario import Scenario

#: Options that a pipeline of one's own has, too.
_OF_A_PIPELINE = frozenset(
    {"law", "pipeline", "calibration", "batch_sizes", "foreign", "optimum", "within", "rate",
     "sensitivity", "set_", "verbose", "json"}
)  # fmt: skip
#: Options that only a law file has an answer to.
_OF_A_LAW = frozenset({"curve", "at"})
SIZES = (1, 10, 100, 1_000, 10_000, 100_000)


#: Options that a record size between those calibrated has an answer to.
_BETWEEN_SIZES = frozenset(
    {"law", "calibration", "batch_sizes", "foreign", "record_bytes", "verbose", "json"}
)


def command(
    ctx: typer.Context,
    law: Annotated[
        Path | None,
        typer.Argument(
            metavar="[LAW]",
            **options.READ,
            help="law file of `aethermodel fit`, or measurements, instead of a calibration",
        ),
    ] = None,
    curve: law_input.Curve = None,
    pipeline: pipeline_choice.Option = None,
    at: law_input.At = None,
    calibration: options.Calibrations = [Path("calibration.json")],  # noqa: B006  typer copies it
    batch_sizes: Annotated[
        str,
        typer.Option("--batch-sizes", "-n", help="sizes, such as 1,100,1e4; of a law its own"),
    ] = ",".join(map(str, SIZES)),
    foreign: options.Foreign = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check", help="first probe whether the calibration still holds; exit status 1 if not"
        ),
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="assume a parameter, with its unit or in SI units, such as t_tick=1us; of a "
            "pipeline of your own how many times its time a term takes, such as score=x0.5",
        ),
    ] = None,
    loop_of: Annotated[
        Path | None,
        typer.Option(**options.READ, help="assume the loop of this other calibration"),
    ] = None,
    fabric_from: Annotated[
        Path | None,
        typer.Option(
            **options.READ,
            help="assume the fabric of this other calibration, such as one of `calibrate --pin "
            "each` for cores that lie further apart [default: none]",
        ),
    ] = None,
    nic: Annotated[
        str | None,
        typer.Option(help="assume a card of data/rdma-nics.toml, by the verbs cost model"),
    ] = None,
    cores: Annotated[
        int | None, typer.Option(help="threads that share each batch [default: as calibrated]")
    ] = None,
    serial: Annotated[
        float | None,
        typer.Option(help="share of the kernel that threads cannot divide [default: as measured]"),
    ] = None,
    topics: Annotated[
        int | None,
        typer.Option(help="topics, each with a handler [default: as calibrated]"),
    ] = None,
    pool: Annotated[
        int | None, typer.Option(help="distinct batches to cycle through [default: as calibrated]")
    ] = None,
    record_bytes: Annotated[
        int | None,
        typer.Option(
            help="for records of so many bytes; from the calibrations of two other sizes if "
            "none is of this one [default: as calibrated]"
        ),
    ] = None,
    optimum: Annotated[
        bool,
        typer.Option("--optimum", help="batch sizes for 90, 95, 99 % of the best rate"),
    ] = False,
    within: Annotated[
        str | None,
        typer.Option(help="batch size of the best rate with T_batch at most this, such as 1ms"),
    ] = None,
    rate: Annotated[
        float | None, typer.Option(help="smallest batch size for this rate, in messages/s")
    ] = None,
    sensitivity: Annotated[
        int | None, options.whole(help="at this batch size, rank costs by what halving each gains")
    ] = None,
    bottlenecks: Annotated[
        bool,
        typer.Option("--bottlenecks", help="say which term sets the limit at which batch size"),
    ] = False,
    roofline: Annotated[
        bool, typer.Option("--roofline", help="compare rates with measured and published ceilings")
    ] = False,
    verbose: options.Verbose = False,
    json: options.Json = None,
) -> None:
    """Predict T_batch with intervals and its budget by term, at any batch size; ask what if.

    Given a law file, T(N) and the sizes asked for are of that law.

    Example: aethermodel predict -c calibration.json -n 1,256,1e4 --set t_tick=1us --optimum

    Example: aethermodel predict -c orders.json -n 1000 --set score=x0.5

    Exit status: 0 done, 1 with --check the calibration is stale, 2 bad input.
    """
    from aethermodel.calibrate.predict.calibration_answers import Answers
    from aethermodel.calibrate.predict.size_answers import SHARES
    from aethermodel.cli.laws.predict_law import ALLOWED, predict_law
    from aethermodel.gate.runs import schema_of
    from aethermodel.json_documents import document, write_document

    sizes = options.numbers("batch_sizes", batch_sizes)
    longest = None if within is None else law_input.seconds_of("--within", within)
    if own := _own_calibration(law, pipeline, calibration):
        from aethermodel.cli.pipelines.predict import predict_own

        options.refuse_options(ctx, _OF_A_PIPELINE, f"is not for a pipeline of your own ({own})")
        predict_own(
            own,
            pipeline,
            sizes,
            optimum=optimum,
            within=longest,
            rate=rate,
            sensitivity=sensitivity,
            changes=set_ or [],
            foreign=foreign,
            json=json,
            verbose=verbose,
        )
        return
    if law is not None and schema_of(law).startswith("aethermodel.calibration/"):
        calibration = [law]
    elif law is not None:
        options.refuse_options(ctx, ALLOWED, f"needs a calibration (-c): {law} is a law")
        given = ctx.get_parameter_source("batch_sizes")
        own_sizes = given is not None and given.name == "DEFAULT"
        predict_law(
            law,
            curve,
            at,
            None if own_sizes else sizes,
            optimum=optimum,
            within=longest,
            rate=rate,
            json=json,
        )
        return
    options.refuse_options(ctx, frozenset(ctx.params) - _OF_A_LAW, "is for a law file")
    if serial is not None and cores is None:
        raise ValueError("--serial goes with --cores: it is the share that these cannot divide")
    between = _between(calibration, foreign, record_bytes)
    if between is not None and record_bytes is not None:
        why = f"asks too much: {record_bytes} was not calibrated; only -n is answered for it"
        options.refuse_options(ctx, _BETWEEN_SIZES, f"with --record-bytes {why}")
        _tell_between(between, record_bytes, sizes, json, verbose)
        return
    scenario = _scenario(
        calibration,
        foreign,
        set_ or [],
        loop_of,
        fabric_from,
        nic,
        cores,
        serial,
        topics,
        pool,
        record_bytes,
    )
    stale = False
    if check:
        scenario, stale = _checked(scenario)
    answers = Answers(scenario)
    figures = prediction_figures(scenario, sizes)
    goals = [answers.share(share) for share in SHARES] if optimum else []
    goals += [answers.within(longest)] if longest is not None else []
    goals += [answers.rate(rate)] if rate is not None else []
    if goals:
        figures["best_rate_per_second"] = asdict(answers.best_rate())
        figures["optima"] = [asdict(goal) for goal in goals]
    if sensitivity is not None:
        found = [asdict(buys) for buys in answers.sensitivity(sensitivity)]
        figures["sensitivity"] = {
            "batch_size": sensitivity,
            "extrapolated": sensitivity > answers.largest,
            "halving": found,
        }
    if bottlenecks:
        figures["bottlenecks"] = [asdict(bound) for bound in answers.bottlenecks()]
    if roofline:
        figures["roofline"] = roofline_figures(answers, sizes)
    if json:
        taken = scenario.calibration
        fabric = "simulated" if scenario.origin == "assumed" else taken.conditions.fabric
        content = document("aethermodel.predict/1", fabric, figures, host=taken.host)
        write_document(content, json)
    if json != "-":
        _print(figures, verbose)
    raise typer.Exit(1 if stale else 0)


def _own_calibration(law: Path | None, pipeline: str | None, given: list[Path]) -> Path | None:
    """Return the file, where it is the calibration of a pipeline of one's own."""
    from aethermodel.gate.runs import is_pipeline_calibration

    file = law or (given[0] if len(given) == 1 else None)
    if file is not None and is_pipeline_calibration(file):
        return file
    if pipeline is not None:
        named = pipeline_choice.chosen(None, pipeline)
        raise ValueError(
            f"{file or given[0]}: no calibration of {named} (aethermodel calibrate {named} "
            "--json FILE, then -c FILE)"
        )
    return None


def _scenario(
    calibration: list[Path],
    foreign: bool,
    given: list[str],
    loop_of: Path | None,
    fabric_from: Path | None,
    nic: str | None,
    cores: int | None,
    serial: float | None,
    topics: int | None,
    pool: int | None,
    record_bytes: int | None,
) -> Scenario:
    from aethermodel.calibrate.predict import what_if
    from aethermodel.calibrate.predict.scenario import Assumption, Scenario
    from aethermodel.kernel_facts import switch_size
    from aethermodel.measure.campaign.stored_calibrations import load_calibration, load_record_sizes
    from aethermodel.published.rdma_costs import card
    from aethermodel.published.specification import load_specification

    base = load_record_sizes(*calibration, foreign=foreign).measured(record_bytes)
    assert base
    assumed: dict[str, Assumption] = {}
    if loop_of:
        assumed |= what_if.loop_of(load_calibration(loop_of, foreign=True))
    if fabric_from:
        other = load_calibration(fabric_from, foreign=True)
        try:
            assumed |= what_if.fabric_from(base, other)
        except ValueError as error:
            raise ValueError(f"{fabric_from}: {error}") from None
    if nic is not None:
        event_bytes = load_specification().parameters["s_event"].value
        if base.conditions.record_bytes != EVENT_BYTES:
            event_bytes = base.conditions.record_bytes
        assumed |= what_if.network(card(nic), event_bytes)
    if cores is not None:
        assumed |= what_if.cores(base, cores, serial)
    if topics is not None:
        assumed = what_if.topics(base, topics, switch_size(topics)) | assumed
    if pool is not None:
        assumed |= what_if.pool(base, pool)
    return Scenario(base, assumed | what_if.values(base, given), topics)


def _between(
    calibration: list[Path], foreign: bool, record_bytes: int | None
) -> RecordSizes | None:
    """Return the calibrations to go by for a record size that none of them is of."""
    from aethermodel.measure.campaign.stored_calibrations import load_record_sizes

    if record_bytes is None:
        return None
    options.record_sizes(str(record_bytes))
    known = load_record_sizes(*calibration, foreign=foreign)
    if known.measured(record_bytes):
        return None
    known.neighbours(record_bytes)
    return known


def _tell_between(
    known: RecordSizes, record_bytes: int, sizes: list[int], json: str | None, verbose: bool
) -> None:
    from aethermodel.json_documents import document, write_document

    nearest = known.calibrations[known.neighbours(record_bytes)[0]]
    figures = prediction_figures_between(known, record_bytes, sizes)
    if json:
        fabric = nearest.conditions.fabric
        write_document(document("aethermodel.predict/1", fabric, figures, host=nearest.host), json)
    if json != "-":
        _print(figures, verbose)


def _checked(scenario: Scenario) -> tuple[Scenario, bool]:
    """Probe again, say what has moved, and add it to the warnings; whether anything is stale."""
    from aethermodel.console import progress
    from aethermodel.measure.campaign.drift import check_drift

    tell_duration(CHECK_SECONDS)
    with measuring(), progress("probing again") as advance:
        drifts = check_drift(scenario.calibration, advance)
    amiss = [str(drift) for drift in drifts if drift.stale or drift.disturbed]
    fresh = [drift.term for drift in drifts if not (drift.stale or drift.disturbed)]
    inside = [f"fresh: {', '.join(fresh)} lie inside their intervals"] if fresh else []
    for text in (*amiss, *inside):
        typer.echo(text, err=True)
    stale = any(drift.stale for drift in drifts)
    return replace(scenario, calibration=scenario.calibration.warned(*amiss)), stale


def _print(figures: dict[str, Any], verbose: bool) -> None:
    from aethermodel.cli.shared.predict_tables import print_tables

    print_tables(figures, verbose=verbose)
