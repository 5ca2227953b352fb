"""Provenance of a figure made from a calibration, with its caveats."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from aethermodel.report.blocks import (
    Block,
    SummaryRow,
    Verdict,
    model_terms,
    summary_block,
)
from aethermodel.text.caveats import counted
from aethermodel.text.moments import moment

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.calibration import Calibration
    from aethermodel.calibrate.predict.scenario import Scenario


def provenance(scenario: Scenario) -> str:
    """Return the sentences that end a caption: label, host, date, assumptions, warnings."""
    c = scenario.calibration
    text = (
        f"Label: {c.conditions.fabric}. Calibrated on host {c.host['id']} "
        f"({c.conditions.event_loop}), {c.created[:10]}."
    )
    sources: dict[bool, dict[str, list[str]]] = {True: {}, False: {}}
    for name, assumed in scenario.assumptions.items():
        sources[assumed.measured].setdefault(assumed.source, []).append(name)
    for measured, words in ((True, "Set, and measured so"), (False, "Assumed, not measured")):
        if sources[measured]:
            named = (f"{', '.join(names)} ({why})" for why, names in sources[measured].items())
            text += f" {words}: {'; '.join(named)}."
    if len(c.warnings) > 1:  # in full they would be longer than all else under each figure
        return f"{text} Warning: {counted(c.warnings)}."
    return text + "".join(f" Warning: {warning}." for warning in c.warnings)


def calibration_summary(calibration: Calibration) -> Block:
    """Return whether a calibration can be relied on, with its warnings and open questions."""
    rows = [
        SummaryRow(text.removeprefix("inconclusive: "), "", "", "inconclusive")
        for text in calibration.warnings
    ]
    rows += [SummaryRow(text, "") for text in calibration.findings]
    headline = "Too noisy to rely on" if calibration.warnings else "Calibrated"
    count = sum(len(timings.n) for timings in calibration.samples.values())
    paragraph = (
        f"{count} samples of {len(calibration.samples)} probes, taken "
        f"{moment(calibration.created)} on host {calibration.host['id']} "
        f"({calibration.host['processor']}); "
        f"{calibration.conditions.event_loop}, {calibration.conditions.topics} topics, "
        f"{calibration.conditions.fabric}."
    )
    outcome: Verdict = "inconclusive" if calibration.warnings else "pass"
    return summary_block(outcome, headline, paragraph, rows)


def parameters_block(scenario: Scenario) -> Block:
    """Return the table of parameters, each measured or assumed, with interval and source.

    Remarks on the calibration, which captions only count, follow it in full.
    """
    model, remarks = scenario.model, scenario.calibration.warnings
    table = model_terms(model)
    if not remarks:
        return table
    items = "".join(f"<li>{escape(text)}</li>" for text in remarks)
    fold = f"<details><summary>{counted(remarks)}</summary><ul>{items}</ul></details>"
    html = f'<div class="ae">{fold}</div>'
    return Block(f"{table.html}{html}", "\n".join([table.text, *remarks]))
