"""`aethermodel calibrate FILE.py`: the law of each stage of a pipeline of one's own."""

from __future__ import annotations

from typing import Any

import typer

from aethermodel.cli.shared.measuring import announced, measuring


def calibrate_own(
    reference: str,
    given: dict[str, Any],
    *,
    seconds: float,
    json: str | None,
    wait_seconds: float | None,
    verbose: bool,
) -> None:
    """Time each stage, fit it, print and write; what was measured is kept if a stage fails."""
    from aethermodel.cli.pipelines.tables import notes_of, terms_table
    from aethermodel.cli.shared.caveats import tell_caveats
    from aethermodel.cli.shared.tables import show
    from aethermodel.console import progress
    from aethermodel.json_documents import write_document
    from aethermodel.pipelines.calibration_file import document
    from aethermodel.pipelines.campaign import Campaign, calibrate_pipeline

    campaign = Campaign(reference, seconds=seconds, **given)
    with measuring(wait_seconds), progress("calibrating") as advance:
        found = calibrate_pipeline(campaign, announced(advance, seconds, "budget"))
    calibration = found.calibration
    if json:
        write_document(document(calibration), json)
    if json != "-":
        tell_caveats(calibration.warnings, verbose=verbose)
        show(terms_table(calibration))
        for line in notes_of(calibration):
            typer.echo(line)
    if found.failure:
        kept = f"; what was measured is in {json}" if json not in (None, "-") else ""
        raise ValueError(f"{campaign.file}: {found.failure}{kept}")
