"""`aethermodel validate FILE.py`: the stages' laws against the whole of a pipeline of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from aethermodel.cli.shared.measuring import announced, measuring, seconds_so_far

if TYPE_CHECKING:
    from aethermodel.pipelines.trial import PipelineTrial


def validate_own(
    reference: str,
    given: dict[str, Any],
    *,
    seconds: float,
    calibration: Path | None,
    samples: Path | None,
    json: str | None,
    wait_seconds: float | None,
) -> None:
    """Run the whole at sizes held out, compare and judge."""
    from aethermodel.json_documents import document, write_document

    trial = measure_own(
        reference, given, seconds=seconds, calibration=calibration, wait_seconds=wait_seconds
    )
    if samples:
        trial.save(samples)
    if json:
        write_document(document("aethermodel.pipeline.validate/1", None, trial.figures()), json)
    if json != "-":
        print_trial(trial)
    if trial.failure:
        raise ValueError(f"{trial.calibration.file}: {trial.failure}")
    raise typer.Exit(1 if trial.verdict.outcome == "fail" else 0)


def measure_own(
    reference: str,
    given: dict[str, Any],
    *,
    seconds: float,
    calibration: Path | None,
    wait_seconds: float | None,
    title: str = "measuring",
) -> PipelineTrial:
    """Run a trial of a pipeline, with its progress."""
    from aethermodel.console import progress
    from aethermodel.pipelines.calibration import PipelineCalibration
    from aethermodel.pipelines.campaign import Campaign
    from aethermodel.pipelines.trial import PipelineTrial

    given = dict(given)
    if "sizes" in given:
        given["held_out"] = given.pop("sizes")
    campaign = Campaign(reference, seconds=seconds, spent=seconds_so_far(), **given)
    known = PipelineCalibration.load(calibration) if calibration else None
    if known is not None and known.pipeline != campaign.pipeline.name:
        raise ValueError(
            f"{calibration}: of the pipeline {known.pipeline}, not {campaign.pipeline.name}"
        )
    bar = progress(f"{title}, {campaign.pipeline.name}", budget=seconds)
    with measuring(wait_seconds), bar as advance:
        return PipelineTrial.run(campaign, announced(advance, seconds, "budget"), known)


def print_trial(trial: PipelineTrial) -> None:
    """Print comparison, terms in place and verdict."""
    from aethermodel.cli.pipelines.pipeline_tables import notes_of, trial_table
    from aethermodel.cli.shared.caveats import tell_caveats
    from aethermodel.cli.shared.in_place import print_in_place
    from aethermodel.cli.shared.terminal_tables import say, show
    from aethermodel.cli.shared.trial_words import covered, disturbed

    tell_caveats(trial.calibration.warnings)
    show(trial_table(trial))
    say([*notes_of(trial.calibration), f"{trial.verdict.outcome.upper()}: {trial.verdict.why}"])
    if trial.cause:
        say(trial.cause)
    if spread := trial.between_processes:
        say(str(spread))
    say("")
    print_in_place(trial.in_place, trial.told)
    say([covered(trial.table), disturbed(trial.samples)])
