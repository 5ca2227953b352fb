"""What notebook 40 shows: latency under load, measured beside the queueing model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel.calibrate.scenario import Scenario
from aethermodel.measure.budgets import judgements, overall
from aethermodel.report import style
from aethermodel.report.blocks import Block, SummaryRow, summary_block
from aethermodel.report.figure import ReportFigure
from aethermodel.report.provenance import provenance
from aethermodel.report.quantities import engineering
from aethermodel.specification import load_specification

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from aethermodel.measure.latency import LatencyTrial

_SHOWN = ("p50", "p99")


def verdict(trial: LatencyTrial) -> Block:
    """Return the judgements: the model's P99, and the specification's budgets by tier."""
    found = judgements(trial, load_specification())
    outcome = overall(found)
    rows = [
        SummaryRow(
            one.criterion + (f" ({one.why})" if one.why else ""),
            engineering(one.measured, "s") if one.unit == "s" else f"{one.measured:.0%} off",
            f"below {engineering(one.threshold, 's')}"
            if one.unit == "s"
            else f"at most {one.threshold:.0%}",
            one.outcome,
        )
        for one in found
    ]
    headline = {
        "pass": "Latency is as predicted and within the budgets",
        "fail": "Latency is not as predicted, or over a budget",
        "inconclusive": "This host was too noisy to tell",
    }[outcome]
    paragraph = (
        f"Full batches carry {engineering(trial.capacity_per_second, 'msg/s')} measured, "
        f"{engineering(trial.predicted_capacity_per_second, 'msg/s')} predicted. Between the loads "
        f"the host held it up {trial.pauses.per_second:,.0f} times a second, "
        f"{trial.pauses.share:.1%} of the time, and let it run at {trial.pace:.0%} of full speed. "
        "Latency counts from when a batch was due."
    )
    return summary_block(outcome, headline, paragraph, rows)


def latency_figure(trial: LatencyTrial) -> ReportFigure:
    """Draw P50 and P99 against load for each kind of arrivals."""
    table, kinds = trial.table, list(dict.fromkeys(trial.table["arrivals"]))
    with style.styled():
        figure = style.new_figure(height=3.9)
        panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
        for axes, kind in zip(panels, kinds, strict=True):
            _draw(axes, table[table["arrivals"] == kind])
            axes.set_title(f"{kind} arrivals")
            axes.set_xlabel("load (share of capacity)")
        panels[0].set_ylabel("latency (µs)")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=3)
        style.settle(figure)
    return ReportFigure(
        figure,
        table,
        "Latency against load",
        "Points: medians over processes, bars from the lowest to the highest process. Solid: the "
        "model at the pace of this host around each run; dotted: at full speed. "
        f"{provenance(Scenario(trial.calibration, {}))}",
        view=table[["arrivals", "load", *_SHOWN, "predicted_p50", "predicted_p99", "p99_error"]],
    )


def _draw(axes: Axes, rows: pd.DataFrame) -> None:
    for index, name in enumerate(_SHOWN):
        middle = rows[name] * 1e6
        spread = [middle - rows[f"{name}_low"] * 1e6, rows[f"{name}_high"] * 1e6 - middle]
        marker, shade = style.MARKERS[index], (style.MEASURED, style.INK)[index]
        axes.errorbar(
            rows["load"],
            middle,
            yerr=spread,
            fmt=marker,
            color=shade,
            label=f"{name.upper()} measured",
        )
        predicted = rows[f"predicted_{name}"] * 1e6
        axes.plot(rows["load"], predicted, color=shade, label=f"{name.upper()} model")
        ideal = rows[f"ideal_{name}"] * 1e6
        axes.plot(rows["load"], ideal, ":", color=shade, label=f"{name.upper()} at full speed")
    axes.set_yscale("log")
    style.log_ticks(axes.yaxis)
    axes.set_xlim(0, 1)
    axes.set_xticks([0.2, 0.5, 0.8])
