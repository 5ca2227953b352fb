"""`aethermodel report` for a pipeline of one's own: one HTML file."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from aethermodel.cli.shared.outputs import named_after, refuse_existing

if TYPE_CHECKING:
    from aethermodel.pipelines.calibration import PipelineCalibration
    from aethermodel.pipelines.trial import PipelineTrial


def report_measured(
    reference: str,
    given: dict[str, Any],
    *,
    output: Path | None,
    force: bool,
    calibration: Path | None,
    seconds: float,
    rate: float | None,
    latency: float | None,
    json: str | None,
    wait_seconds: float | None,
) -> None:
    """Run a trial, and write its page with samples and calibration beside it."""
    from aethermodel.cli.pipelines.validate import measure_own
    from aethermodel.output_files import check_apart
    from aethermodel.pipelines.pipeline_file import split_name

    into = output or named_after(split_name(reference)[0])
    beside = into.with_suffix(".parquet"), into.with_suffix(".calibration.json")
    check_apart(into, [split_name(reference)[0], json])
    refuse_existing([into, *beside], force=force)
    trial = measure_own(
        reference, given, seconds=seconds, calibration=calibration, wait_seconds=wait_seconds
    )
    trial.save(beside[0])
    trial.calibration.save(beside[1])
    _write(into, trial.calibration, trial, rate, latency, json)
    if trial.failure:
        raise ValueError(f"{trial.calibration.file}: {trial.failure}")
    raise typer.Exit(1 if trial.verdict.outcome == "fail" else 0)


def report_calibration(
    path: Path,
    *,
    output: Path | None,
    force: bool,
    rate: float | None,
    latency: float | None,
    json: str | None,
) -> None:
    """Write the page of a calibration."""
    from aethermodel.output_files import check_apart
    from aethermodel.pipelines.calibration import PipelineCalibration

    into = output or named_after(path)
    check_apart(into, [path, json])
    refuse_existing([into], force=force)
    _write(into, PipelineCalibration.load(path), None, rate, latency, json)


def _write(
    into: Path,
    calibration: PipelineCalibration,
    trial: PipelineTrial | None,
    rate: float | None,
    latency: float | None,
    json: str | None,
) -> None:
    from aethermodel.cli.shared.terminal_tables import say
    from aethermodel.json_documents import document, write_document
    from aethermodel.output_files import write_whole
    from aethermodel.report.pipelines.pipeline_page import pipeline_report

    made_by = shlex.join(["aethermodel", *sys.argv[1:]])
    page = pipeline_report(calibration, trial, rate=rate, latency=latency, command=made_by)
    write_whole(into, page)
    if json:
        figures = {"report": str(into), "bytes": len(page.encode())}
        figures |= trial.figures() if trial else {"pipeline": calibration.pipeline}
        content = document("aethermodel.pipeline.report/1", None, figures, host=calibration.host)
        write_document(content, json)
    if json != "-":
        said = "not validated"
        if trial:
            said = f"{trial.verdict.outcome}, {trial.verdict.why.rstrip('.')}"
        say(f"{into}: {said}; {len(page) / 1e3:.0f} kB")
