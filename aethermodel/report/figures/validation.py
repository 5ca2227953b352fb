"""Blocks and figures of a validation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel import thresholds
from aethermodel.calibrate.predict.all_samples import interrupted, left_out
from aethermodel.calibrate.predict.comparison import spread_in_words
from aethermodel.published.specification import load_specification
from aethermodel.report.blocks import Block, SummaryRow, host_block, model_terms, summary_block
from aethermodel.report.curve import curve
from aethermodel.report.engineering_notation import count, engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.figures import comparison
from aethermodel.report.figures.time_budget import budget as stacked_budget
from aethermodel.report.math.formulas import batch_formula
from aethermodel.text.moments import moment
from aethermodel.text.number_format import told_from
from aethermodel.text.percentages import UNKNOWN, percent, percentage

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.calibrate.predict.in_place import InPlace
    from aethermodel.measure.campaign.validation import Trial
    from aethermodel.report.math.mathml import Formula

#: Batch size of the specification's claim.
_CLAIM_AT = 10_000


def _where(trial: Trial) -> str:
    loop = trial.campaign.event_loop
    if not trial.campaign.crosses:
        return f"one process, {loop}, loopback: no network is in this figure"
    return f"from another process, {loop}, {trial.campaign.label}"


def summary(trial: Trial) -> Block:
    """Return verdict, one paragraph, and the specification's claim against what was measured."""
    verdict, table = trial.verdict, trial.table
    specification = load_specification()
    claim = float(specification.model().throughput_at(_CLAIM_AT))
    best = table.loc[table["measured_per_second"].idxmax()]
    beside = left_out(
        best["all_per_second"], best["share_left_out"], headline=best["measured_per_second"]
    )
    model = trial.calibration.model()
    binding = model.binding_term(float(best["n"]))
    limit = engineering(model.limit_per_second(), "msg/s")
    paragraph = (
        f"On this host the pipeline carries {engineering(best['measured_per_second'], 'msg/s')} "
        f"at N = {count(best['n'])} while undisturbed ({beside}; {_where(trial)}). There the "
        f"{binding} term binds. By the model, of the batches calibrated, {trial.best_sizes}. In "
        f"the limit of large batches it allows {limit}, extrapolated. For prediction against "
        f"measurement: {verdict.why}"
    )
    errors, worst = verdict.mean_error, verdict.worst_error
    rows = [
        SummaryRow(
            "mean error of the prediction",
            told_from(errors, thresholds.MEAN_ERROR, percentage, 1),
            f"at most {percentage(thresholds.MEAN_ERROR)}",
            verdict.mean_outcome,
        ),
        SummaryRow(
            "worst error of the prediction",
            f"{told_from(worst, thresholds.WORST_ERROR, percentage, 1)} "
            f"at N = {count(verdict.worst_at)}",
            f"at most {percentage(thresholds.WORST_ERROR)}",
            verdict.worst_outcome,
        ),
        SummaryRow("spread between processes (noise)", spread_in_words(table, verdict.spread)),
        SummaryRow(
            "errors within their 95 % intervals",
            f"{table['covered'].sum()} of {len(table)}",
        ),
    ]
    claimed = table[table["n"] == _CLAIM_AT]
    if len(claimed):
        rate = float(claimed["measured_per_second"].iloc[0])
        rows.append(
            SummaryRow(
                f"throughput at N = {count(_CLAIM_AT)}",
                engineering(rate, "msg/s"),
                f"claimed on paper: {engineering(claim, 'msg/s')}",
                "pass" if rate >= claim else "fail",
            )
        )
        rows.append(
            SummaryRow(
                "the same over all samples, disturbed ones included",
                engineering(float(claimed["all_per_second"].iloc[0]), "msg/s"),
                _above(claimed.iloc[0]),
            )
        )
        ceiling = float(claimed["copy_per_second"].iloc[0])
        rows.append(
            SummaryRow(
                "ceiling in the same run: copying those batches", engineering(ceiling, "msg/s")
            )
        )
    headline = {
        "pass": "The model holds on this host",
        "fail": "The model does not hold on this host",
        "inconclusive": "These samples cannot tell whether the model holds",
    }[verdict.outcome]
    return summary_block(verdict.outcome, headline, paragraph, rows)


def _ran(trial: Trial) -> str:
    # Processes are begun until the time budget ends.
    ran, most = trial.samples["process"].nunique(), trial.campaign.processes
    return f"{ran}" if ran == most else f"{ran} of at most {most}"


def _above(row: pd.Series[float]) -> str:
    """Say what the undisturbed figure in the row above leaves out."""
    share = float(row["share_left_out"])
    held_up = interrupted(float(row["all_per_second"]), share, float(row["measured_per_second"]))
    words = f"{percentage(share, 0)} left out of the figure above"
    if held_up:
        words += f"; interruptions, which its median does not show: {percentage(held_up, 0)}"
    return words


def measured_vs_model(trial: Trial) -> ReportFigure:
    """Return throughput against batch size, with residuals below."""
    claim = float(load_specification().model().throughput_at(_CLAIM_AT))
    sizes = trial.table["n"]
    law = curve(trial.calibration, sizes.min(), sizes.max())
    return comparison.measured_vs_model(trial.table, law=law, reference=claim)


def budget(trial: Trial) -> ReportFigure:
    """Return the stacked budget of a batch with the measured total over it."""
    return stacked_budget(trial.table)


def residual(trial: Trial) -> pd.DataFrame:
    """Return each term isolated and inside the pipeline, by batch size."""
    import pandas as pd

    if not trial.in_place:
        return pd.DataFrame(
            [{"Term": "none was timed in place undisturbed", "At N": "", "Isolated": ""}]
        )
    return pd.DataFrame([in_place_row(one) for one in trial.in_place])


def in_place_row(one: InPlace) -> dict[str, str]:
    """Return a term isolated and in place as text for reading."""
    low, high = one.change_interval
    known = (
        {
            "Change": percent(one.change),
            "95 % interval": f"{told_from(low, 0, percent, 1)} to {told_from(high, 0, percent, 1)}",
            "Significant?": "yes" if one.differs else "no",
        }
        if one.known
        else {"Change": UNKNOWN, "95 % interval": "", "Significant?": ""}
    )
    clock = percentage(one.clock_share, 0) if one.clock_share > thresholds.CLOCK_SHARE else ""
    return {
        "Term": one.term,
        "At N": count(one.n),
        "Isolated": engineering(one.isolated, "s"),
        "In the pipeline": engineering(one.in_place, "s"),
        **known,
        "Clock, taken off": clock,
    }


def formula(trial: Trial) -> Formula:
    """Return T_batch with the terms as they were fitted."""
    known = trial.calibration
    return batch_formula(known.model(), min(_CLAIM_AT, known.largest))


def terms(trial: Trial) -> Block:
    """Return the table of fitted parameters."""
    return model_terms(trial.calibration.model())


def host(trial: Trial, command: str) -> Block:
    """Return what this was measured on, how noisy it was, and how to run it again."""
    facts = {
        **trial.host,
        "samples": f"{len(trial.samples):,}; {percentage(trial.noisy_share)} disturbed, most of "
        f"them taken again; of the others' time {percentage(trial.contended_share)} left out",
        "processes": _ran(trial),
        "seed": trial.campaign.seed,
        "measured": moment(trial.calibration.created),
    }
    return host_block(facts, command)
