"""Report page of a pipeline of one's own: verdict, terms isolated and in place, answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from aethermodel import thresholds
from aethermodel.advice.law_answers import CostShare, Quantity, answers
from aethermodel.laws.family_names import named
from aethermodel.report.blocks import Block, SummaryRow, host_block, note_block, summary_block
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figures.law import answers_block, law_figure
from aethermodel.report.figures.validation import in_place_row
from aethermodel.report.html.page import Section, render
from aethermodel.report.html_table import data_table
from aethermodel.report.pipelines.pipeline_figures import budget_figure, halving_figure, rate_figure
from aethermodel.text.number_format import told_from
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.pipelines.calibration import PipelineCalibration
    from aethermodel.pipelines.trial import PipelineTrial

_HEADLINES = {
    "pass": "The stages, timed isolated, predict the whole",
    "fail": "The stages, timed isolated, do not predict the whole",
    "inconclusive": "These samples cannot tell whether the model holds",
}
_MOST_TOLD = 4
#: What the columns of the table of terms say.
TERMS_READ = (
    "A term runs in the group of the stages that share its thread or process, named by the first "
    "of them. Its law is of rounds in which the other stages run in between; back to back it was "
    "called alone, with the caches its own. Core busy is the share of its time that it keeps a "
    "core at work: the rest it waits."
)


def pipeline_report(
    calibration: PipelineCalibration,
    trial: PipelineTrial | None = None,
    *,
    rate: float | None = None,
    latency: float | None = None,
    command: str = "",
) -> str:
    """Return the page of a calibration, and of the trial that it was compared in.

    Parameters
    ----------
    calibration : PipelineCalibration
    trial : PipelineTrial, optional
    rate : float, optional
        Records a second to answer for.
    latency : float, optional
        Seconds, the most that a batch may take.
    command : str
        That made the page.
    """
    opening = trial_block(trial) if trial else calibration_block(calibration)
    sections = [Section("Rate", [rate_figure(calibration, trial)])]
    if trial is not None and trial.in_place:
        rows = pd.DataFrame([in_place_row(one) for one in trial.in_place])
        how = (
            "Each stage was also timed inside the running pipeline, by two reads of the clock, "
            "whose cost is taken off."
        )
        sections.append(Section("Isolated and in place", [how, data_table(rows, "Terms in place")]))
    best = best_size(calibration)
    sections += [
        Section("Terms", [TERMS_READ, terms_block(calibration), budget_figure(calibration)]),
        Section("What if", [halving_figure(calibration, best)]),
        Section("Answers", [answered(calibration, rate, latency)]),
    ]
    for name, term in calibration.terms.items():
        words = [f"Assumed: {term.source}."] if term.kind == "assumed" else []
        said = [f"{line[:1].upper()}{line[1:]}." for line in term.law.verdict]
        sections.append(Section(f"Term {name}", [*words, *said, law_figure(term.law)]))
    sections.append(Section("Host", [host_block(calibration.host, command)]))
    return render(f"Pipeline {calibration.pipeline}", [opening], sections)


def best_size(calibration: PipelineCalibration) -> float:
    """Return the calibrated size of the highest rate."""
    sizes = calibration.sizes
    return float(sizes[(sizes / calibration.composed(sizes).seconds).argmax()])


def trial_block(trial: PipelineTrial) -> Block:
    """Return the verdict on a trial with its limits."""
    verdict = trial.verdict
    told = [f"N = {one.n:,}: {one}" for one in trial.told[:_MOST_TOLD]]
    where = (
        " These terms differ in the pipeline from themselves isolated: " + "; ".join(told) + "."
        if told
        else " No term differs in the pipeline from itself isolated, as far as can be told."
    )
    rows = [
        SummaryRow(
            "mean error of the prediction",
            told_from(verdict.mean_error, thresholds.MEAN_ERROR, percentage, 1),
            f"at most {percentage(thresholds.MEAN_ERROR)}",
            verdict.mean_outcome,
        ),
        SummaryRow(
            "worst error of the prediction",
            f"{told_from(verdict.worst_error, thresholds.WORST_ERROR, percentage, 1)} "
            f"at N = {verdict.worst_at:,}",
            f"at most {percentage(thresholds.WORST_ERROR)}",
            verdict.worst_outcome,
        ),
        SummaryRow(
            "errors within their 95 % intervals",
            f"{trial.table['covered'].sum()} of {len(trial.table)}",
        ),
    ]
    why = f"{verdict.why[:1].upper()}{verdict.why[1:]}"
    if trial.cause:
        why = f"{why} {trial.cause}"
    if spread := trial.between_processes:
        why = f"{why} {spread}"
    return summary_block(verdict.outcome, _HEADLINES[verdict.outcome], f"{why}{where}", rows)


def calibration_block(calibration: PipelineCalibration) -> Block:
    """Return the opening of a page without a trial."""
    best = best_size(calibration)
    at = calibration.predict(best)
    rate = engineering(best / float(at.seconds[0]), "records/s")
    left = [name for name, term in calibration.terms.items() if not term.law.holds]
    text = f"No law of the family holds for {', '.join(left)}. " if left else ""
    text += "It was not compared with the whole: `aethermodel validate` does."
    return summary_block(
        "inconclusive" if left else "pass", f"By its terms it carries {rate} at N = {best:,.0f}",
        text,
    )  # fmt: skip


def terms_block(calibration: PipelineCalibration) -> Block:
    """Return a table of the terms: where they run, their laws, what they wait."""
    place = {
        name: f"{group.name}{f' x {group.workers}' if group.workers > 1 else ''}"
        for group in calibration.groups
        for name in group.terms
    }
    rows: list[dict[str, Any]] = []
    largest = int(calibration.largest)
    times = calibration.times([largest])
    for name, term in calibration.terms.items():
        rows.append(
            {
                "Term": name,
                "Group": place[name],
                f"At N = {largest:,.0f}": engineering(float(times[name][0]), "s"),
                "Back to back": engineering(term.alone[largest], "s")
                if largest in term.alone
                else "",
                "Law": named(term.law.family),
                "Holds": "yes" if term.law.holds else "no",
                "Core busy": percentage(term.busy, 0),
                "Source": term.source,
            }
        )
    return data_table(pd.DataFrame(rows), "Terms of the pipeline")


def composition_block(calibration: PipelineCalibration) -> Block:
    """Return how the terms make the time of a batch: sums, and the longest of several groups."""
    sums = []
    for group in calibration.groups:
        text = " + ".join(group.terms)
        sums.append(f"({text}) / {group.workers}" if group.workers > 1 else text)
    whole = sums[0] if len(sums) == 1 else f"the longest of {'; '.join(sums)}"
    bounds = "" if len(sums) == 1 else ", and not less than cores and interpreter allow"
    return note_block(f"T(N) = {whole}, each term a law of N{bounds}.")


def answered(
    calibration: PipelineCalibration, rate: float | None, latency: float | None
) -> Block | str:
    """Return which batch sizes to take, or why that cannot be said."""
    try:
        found = answers(calibration.law, rate=rate, latency=latency)
    except ValueError as error:
        return f"No answers: {error}."
    return answers_block(replace(found, costs=costs_by_term(found.costs, list(calibration.terms))))


def costs_by_term(costs: Sequence[CostShare], terms: Sequence[str]) -> tuple[CostShare, ...]:
    """Add up the costs of each term, whose parameters nobody has seen: ``publish_c3``.

    Parameters
    ----------
    costs : sequence of CostShare
        Of a composed law: names begin with the term's.
    terms : sequence of str
    """
    own: dict[str, list[CostShare]] = {}
    for cost in costs:
        named = [term for term in terms if cost.name.startswith(f"{term}_")]
        own.setdefault(max(named, key=len, default=cost.name), []).append(cost)
    return tuple(
        sorted((_added(term, parts) for term, parts in own.items()), key=lambda c: -c.share.value)
    )


def _added(term: str, parts: Sequence[CostShare]) -> CostShare:
    notes: dict[str, float] = {}
    for part in parts:
        notes[part.share.note] = notes.get(part.share.note, 0.0) + part.share.value
    ends = (sum(getattr(part.share, end) for part in parts) for end in ("value", "low", "high"))
    value, low, high = (min(end, 1.0) for end in ends)
    told = {f"{percentage(share, 0)} {said}": said for said, share in notes.items()}
    told = {words: said for words, said in told.items() if not words.startswith("0 %")} or told
    note = ", ".join(told) if len(told) > 1 else next(iter(told.values()))
    return CostShare(term, Quantity(value, low, high, "", note), 1 / (1 - value / 2) - 1)
