"""`aethermodel calibrate FILE.py`: the law of each stage of a pipeline of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aethermodel.cli.shared.measuring import announced, measuring, seconds_so_far

if TYPE_CHECKING:
    from aethermodel.pipelines.calibration import PipelineCalibration


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
    from aethermodel.cli.pipelines.pipeline_tables import notes_of, terms_table
    from aethermodel.cli.shared.caveats import tell_caveats
    from aethermodel.cli.shared.terminal_tables import say, show
    from aethermodel.console import progress
    from aethermodel.json_documents import write_document
    from aethermodel.pipelines.calibration_file import document
    from aethermodel.pipelines.campaign import CUT_SHORT, Campaign, calibrate_pipeline

    campaign = Campaign(reference, seconds=seconds, spent=seconds_so_far(), **given)
    with measuring(wait_seconds), progress("calibrating", budget=seconds) as advance:
        found = calibrate_pipeline(campaign, announced(advance, seconds, "budget"))
    calibration = found.calibration
    if json:
        write_document(document(calibration), json)
    if json != "-":
        # What cut it short is said at the end, once.
        others = [text for text in calibration.warnings if not text.startswith(CUT_SHORT)]
        tell_caveats(others, verbose=verbose)
        show(terms_table(calibration))
        say(notes_of(calibration))
    if found.failure:
        kept = f"; calibrated up to N = {campaign.sizes[-1]:,}"
        kept += f"; what was measured is in {json}" if json not in (None, "-") else ""
        raise ValueError(f"{campaign.file}: {found.failure}{kept}")


def calibrated(
    reference: str, seconds: float, *, later: float, seed: int | None = None
) -> PipelineCalibration:
    """Calibrate a pipeline before something that takes `later` seconds; ValueError if it fails."""
    from aethermodel.console import progress
    from aethermodel.pipelines import campaign as campaigns

    given: dict[str, Any] = {} if seed is None else {"seed": seed}
    campaign = campaigns.Campaign(reference, seconds=seconds, **given)
    with progress("[1/2] calibrating", budget=seconds) as advance:
        return campaigns.calibrated(campaign, announced(advance, seconds + later))
