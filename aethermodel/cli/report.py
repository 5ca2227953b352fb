"""`aethermodel report`: one HTML file from a notebook, a store, laws, or measurements."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel import thresholds
from aethermodel.cli.pipelines import pipeline_choice
from aethermodel.cli.shared import law_input, options
from aethermodel.cli.shared.measuring import measuring, tell_duration
from aethermodel.cli.shared.outputs import FOLDER, named_after, refuse_existing

if TYPE_CHECKING:
    from aethermodel.measure.campaign.campaign_settings import Campaign
    from aethermodel.report.sweep.store_verdict import Thresholds

# That the notebook and its export take after the measurement.
_EXPORT_SECONDS = 30.0


#: Options that the report of a pipeline of one's own has, too.
_OF_A_PIPELINE = frozenset(
    {"notebook", "pipeline", "output", "force", "calibration", "rate", "p99", "run", "batch_sizes",
     "processes", "repeats", "seed", "seconds", "wait_seconds", "json"}
)  # fmt: skip


def command(
    ctx: typer.Context,
    notebook: Annotated[
        Path | None,
        typer.Argument(
            **options.READ,
            help="an executed notebook, a law file, measurements in any known format, a pipeline "
            "of your own (FILE.py[:NAME], which is measured) or its calibration, or the folder of "
            "a sweep's store or of a history",
            show_default=False,
        ),
    ] = None,
    pipeline: pipeline_choice.Option = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            callback=options.writing("HTML"),
            help="the HTML file [default: reports/SOURCE.html, with --run "
            "reports/model_vs_measured.html]",
        ),
    ] = None,
    force: options.Force = False,
    calibration: Annotated[
        Path | None,
        options.calibration("for a store: the model to compare with [default: STORE's own]"),
    ] = None,
    rate: Annotated[
        str | None,
        typer.Option(
            help="for a store: messages a second that the best point shall reach; for laws: "
            "arrivals a second to answer for"
        ),
    ] = None,
    p99: Annotated[
        str | None,
        typer.Option(
            help="such as 1ms; for a store: the most that its P99 may be; for laws: the most that "
            "a batch may take"
        ),
    ] = None,
    size: law_input.Size = None,
    time: law_input.Time = None,
    unit: law_input.Unit = None,
    group: law_input.Group = None,
    second: law_input.Second = None,
    format: law_input.Format = None,
    run: Annotated[
        bool, typer.Option("--run", help="measure this host now and report on that")
    ] = False,
    batch_sizes: options.BatchSizes = None,
    loop: options.Loop = None,
    fabric: options.Fabric = None,
    topics: options.Topics = None,
    pool: options.Pool = None,
    processes: Annotated[int | None, options.processes(8)] = None,
    repeats: Annotated[int | None, options.repeats(2)] = None,
    seed: options.Seed = None,
    seconds: Annotated[
        float, options.budget("with --run: time budget of the measurement")
    ] = thresholds.VALIDATION_SECONDS,
    wait_seconds: options.WaitSeconds = None,
    json: options.Json = None,
) -> None:
    """Write one HTML file, without script or network: of a notebook, a store, laws or this host.

    Example: aethermodel report --run -o reports/model_vs_measured.html

    Example: aethermodel report sweeps/mine -o mine.html --rate 5e6 --json -

    Example: aethermodel report bench.json -o bench.html --rate 1e5 --p99 1ms

    Example: aethermodel report orders.py -o orders.html

    Two stores, or samples of two runs: aethermodel diff --help

    With --run: samples this host (progress with ETA), executes the notebook
    30_model_vs_measured through papermill, and exports it. Samples, calibration and
    executed notebook are left beside the report.

    Nothing that exists is replaced without --force.
    """
    from aethermodel.command_files import check_outside_stores
    from aethermodel.gate.runs import is_pipeline_calibration
    from aethermodel.output_files import check_apart
    from aethermodel.pipelines.pipeline_file import is_pipeline
    from aethermodel.readers.benchmarks.criterion_folder import is_criterion_folder
    from aethermodel.report.html.notebook import is_notebook

    wanted_rate = None if rate is None else law_input.rate_of("--rate", rate)
    latency = None if p99 is None else law_input.seconds_of("--p99", p99)
    chosen = law_input.reading_options(size, time, unit, group, format, second)
    measured = notebook is not None and ".py" in notebook.name and is_pipeline(notebook)
    if pipeline is not None or measured:
        from aethermodel.cli.pipelines.report import report_measured

        if notebook is not None and not measured:
            raise ValueError("--pipeline measures: give a file to report on, or --pipeline")
        own = pipeline_choice.chosen(str(notebook) if notebook else None, pipeline)
        assert own is not None
        options.refuse_options(ctx, _OF_A_PIPELINE, f"is the built-in pipeline's, not {own}'s")
        report_measured(
            own,
            pipeline_choice.campaign_options(batch_sizes, processes, repeats, seed),
            output=output,
            force=force,
            calibration=calibration,
            seconds=seconds,
            rate=wanted_rate,
            latency=latency,
            json=json,
            wait_seconds=wait_seconds,
        )
    if notebook is not None and is_pipeline_calibration(notebook):
        from aethermodel.cli.pipelines.report import report_calibration

        _refuse_reading(chosen, calibration)
        report_calibration(
            notebook, output=output, force=force, rate=wanted_rate, latency=latency, json=json
        )
        return
    if run == (notebook is not None):
        raise ValueError(
            "report wants either an executed notebook, a store, a law file, measurements, or --run"
        )
    if notebook is not None and _is_history(notebook):
        if calibration or rate is not None or p99 is not None:
            raise ValueError("--calibration, --rate and --p99 are not for a history")
        _refuse_reading(chosen)
        into = output or named_after(notebook)
        check_outside_stores(str(into), [notebook])
        check_apart(into, [json])
        refuse_existing([into], force=force)
        _report_history(notebook, into, json)
        return
    benches = notebook is not None and notebook.is_dir() and is_criterion_folder(notebook)
    if notebook is not None and notebook.is_dir() and not benches:
        from aethermodel.report.sweep.store_verdict import Thresholds

        _refuse_reading(chosen)
        wanted = Thresholds(wanted_rate, latency)
        into = output or named_after(notebook)
        check_outside_stores(str(into), [notebook])
        check_apart(into, [calibration, json])
        refuse_existing([into], force=force)
        _report_store(notebook, into, calibration, wanted, json)
        return
    if notebook is not None and (benches or not is_notebook(notebook)):
        from aethermodel.cli.laws.report_laws import report_laws

        if calibration:
            raise ValueError("--calibration is for the store of a sweep")
        into = output or named_after(notebook)
        check_apart(into, [notebook, json])
        refuse_existing([into], force=force)
        report_laws(notebook, into, wanted_rate, latency, chosen, json)
        return
    if calibration or rate is not None or p99 is not None:
        raise ValueError(
            "--calibration is for the store of a sweep; --rate and --p99 for laws, too"
        )
    _refuse_reading(chosen)
    if notebook is not None:
        output = output or named_after(notebook)
        # A report onto its own notebook is refused as such, whatever --force says.
        check_apart(output, [notebook, json])
        refuse_existing([output], force=force)
        from aethermodel.report.html.document import export_page
        from aethermodel.report.html.notebook import read_notebook
        from aethermodel.report.outputs.losses import told

        if not read_notebook(notebook).executed:
            raise ValueError(f"{notebook}: none of its cells was executed, so there is no result")
        exported = export_page(notebook, output)
        for line in told(exported.losses):
            typer.echo(f"aethermodel: {line}", err=True)
        typer.echo(output)
        return
    from aethermodel.measure.campaign.campaign_settings import Campaign

    output = output or FOLDER / "model_vs_measured.html"
    check_apart(output, [json])
    refuse_existing([output, *_beside(output)], force=force)
    campaign = Campaign(
        batch_sizes=batch_sizes,
        event_loop=loop,
        fabric=fabric,
        topics=topics,
        pool=pool,
        processes=processes,
        repeats=repeats,
        seed=seed,
    )
    _measure_and_report(campaign, output, seconds, wait_seconds, json)


def _beside(output: Path) -> tuple[Path, Path, Path]:
    """Return where samples, executed notebook and calibration of a fresh run are left."""
    return (
        output.with_suffix(".parquet"),
        output.with_suffix(".ipynb"),
        output.with_suffix(".calibration.json"),
    )


def _report_store(
    folder: Path,
    output: Path,
    calibration: Path | None,
    wanted: Thresholds,
    json: str | None,
) -> None:
    from time import perf_counter

    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.json_documents import document, write_document
    from aethermodel.output_files import write_whole
    from aethermodel.report.sweep.point_tables import SweepResult
    from aethermodel.report.sweep.store_page import find_calibration, store_report

    start = perf_counter()
    result = SweepResult.load(folder)
    made_by = shlex.join(["aethermodel", *sys.argv[1:]])
    report = store_report(result, find_calibration(folder, calibration), wanted, made_by)
    page = report.html()
    write_whole(output, page)
    seconds = perf_counter() - start
    if json:
        figures = {
            "report": str(output),
            "bytes": len(page.encode()),
            "export_seconds": seconds,
            "figures": [figure.title for figure in report.figures],
            "verdict": report.verdict,
            "thresholds": [row._asdict() for row in report.rows],
        }
        write_document(document("aethermodel.report.sweep.store_page/1", "mixed", figures), json)
    if json != "-":
        say(f"{output}: {report.verdict}; {len(page) / 1e3:.0f} kB in {seconds:.2f} s")
    raise typer.Exit(1 if report.verdict == "fail" else 0)


def _is_history(folder: Path) -> bool:
    """Whether a folder holds entries of a history; a store has its plan instead."""
    from aethermodel.gate.history import History

    return (
        folder.is_dir() and not (folder / "sweep.json").exists() and bool(History(folder).entries)
    )


def _refuse_reading(chosen: Mapping[str, Any], calibration: Path | None = None) -> None:
    """Refuse options of another kind of input than was given."""
    if chosen:
        raise ValueError(f"--{next(iter(chosen))} is for measurements")
    if calibration:
        raise ValueError("--calibration is for the store of a sweep")


def _report_history(folder: Path, output: Path, json: str | None) -> None:
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.gate.history import History
    from aethermodel.json_documents import document, write_document
    from aethermodel.output_files import write_whole
    from aethermodel.report.laws.history_page import all_tracks, history_report

    history = History(folder)
    page = history_report(history, command=shlex.join(["aethermodel", *sys.argv[1:]]))
    write_whole(output, page)
    moved = sum(point.begins for track in all_tracks(history) for point in track.points)
    if json:
        figures = {
            "report": str(output),
            "bytes": len(page.encode()),
            "entries": len(history.entries),
            "changes": moved,
        }
        content = document("aethermodel.report.history_page/1", None, figures, measured=False)
        write_document(content, json)
    if json != "-":
        told = f"{moved} levels changed" if moved else "no level changed"
        say(f"{output}: {len(history.entries)} entries, {told}; {len(page) / 1e3:.0f} kB")


def _measure_and_report(
    campaign: Campaign,
    output: Path,
    seconds: float,
    wait_seconds: float | None,
    json: str | None,
) -> None:
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.console import progress
    from aethermodel.execute.notebooks import execute
    from aethermodel.json_documents import document, write_document
    from aethermodel.measure.campaign.validation import Trial
    from aethermodel.output_files import check_apart, check_target
    from aethermodel.report.html.document import export

    samples, executed, calibration = _beside(output)
    for beside in (samples, executed, calibration):
        check_target(beside)
        check_apart(beside, [output, json])
    tell_duration(seconds + _EXPORT_SECONDS, "budget")
    measured = progress("[1/3] measuring this host", budget=seconds)
    with measuring(wait_seconds), measured as advance:
        trial = Trial.run(campaign, advance, seconds=seconds)
    trial.save(samples)
    write_document(trial.calibration.to_json(), str(calibration))
    rerun = shlex.join(["aethermodel", *sys.argv[1:]])
    with progress("[2/3] executing the notebook") as advance:
        execute(
            "30_model_vs_measured.ipynb",
            executed,
            {"samples": str(samples.resolve()), "command": rerun},
            advance,
        )
    typer.echo("[3/3] exporting", err=True)
    export(executed, output)
    if json:
        write_document(
            document("aethermodel.report/1", trial.campaign.label, trial.figures()), json
        )
    if json != "-":
        say(f"{output}: {trial.verdict.outcome}, {trial.verdict.why}")
