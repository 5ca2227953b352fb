"""Figures of latency under load, compared with the queueing model."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel.bench.latency.latency_verdict import judgements, overall
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.model.queueing.arrivals import arrivals_in_words
from aethermodel.published.specification import load_specification
from aethermodel.report import style
from aethermodel.report.blocks import Block, SummaryRow, summary_block
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.provenance import provenance
from aethermodel.text.number_format import told_from
from aethermodel.text.percentages import percent, percentage

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from aethermodel.bench.latency.measurement import LatencyTrial

_SHOWN = ("p50", "p99")


def verdict(trial: LatencyTrial) -> Block:
    """Return the judgements: the model's P99, and the specification's budgets by tier."""
    found = judgements(trial, load_specification())
    outcome = overall(found)
    rows = [
        SummaryRow(
            one.criterion + (f" ({one.why})" if one.why else ""),
            told_from(one.measured, one.threshold, lambda t, n: engineering(t, "s", n), 3)
            if one.unit == "s"
            else f"{told_from(one.measured, one.threshold, percentage, 0)} off",
            f"below {engineering(one.threshold, 's')}"
            if one.unit == "s"
            else f"at most {percentage(one.threshold, 0)}",
            one.outcome,
        )
        for one in found
    ]
    worst = trial.table.loc[trial.table["p99"].idxmax()]
    rows.append(
        SummaryRow(
            f"highest P99 ({arrivals_in_words(worst['arrivals'])}, load "
            f"{percentage(worst['load'], 0)}), undisturbed",
            engineering(worst["p99"], "s"),
        )
    )
    rows.append(
        SummaryRow(
            "the same over all runs, disturbed ones included",
            engineering(worst["p99_all"], "s"),
            f"{percentage(worst['share_left_out'], 0)} of the runs left out of the figure above",
        )
    )
    headline = {
        "pass": "Latency is as predicted and within the budgets",
        "fail": "Latency is not as predicted, or over a budget",
        "inconclusive": "This host was too noisy to tell",
    }[outcome]
    paragraph = (
        f"Full batches carry {engineering(trial.capacity_per_second, 'msg/s')} measured, "
        f"{engineering(trial.predicted_capacity_per_second, 'msg/s')} predicted. Between the loads "
        f"the host held it up {trial.pauses.per_second:,.0f} times a second, "
        f"{percentage(trial.pauses.share)} of the time, and let it run at "
        f"{percentage(trial.pace, 0)} of full speed. "
        "Latency counts from when a batch was due."
    )
    return summary_block(outcome, headline, paragraph, rows)


def latency_figure(trial: LatencyTrial) -> ReportFigure:
    """Draw P50 and P99 against load for each kind of arrivals."""
    table, kinds = trial.table, list(dict.fromkeys(trial.table["arrivals"]))
    left = _left_out(table)
    with style.styled():
        figure = style.new_figure(height=3.9)
        panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
        for axes, kind in zip(panels, kinds, strict=True):
            _draw(axes, table[table["arrivals"] == kind])
            axes.set_title(arrivals_in_words(kind))
            axes.set_xlabel("load (share of capacity)")
        panels[0].set_ylabel("latency (µs)")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=4)
        style.settle(figure)
    return ReportFigure(
        figure,
        table,
        "Latency against load",
        "Points: medians over processes, bars from the lowest to the highest process; crosses: "
        f"over all runs, those included that were disturbed and left out ({left}). Bars "
        "across: the model at the pace of this host around the runs of that load; dots: at full "
        "speed. Each is of the load that this host carried then, so that no line joins them. "
        f"{provenance(Scenario(trial.calibration, {}))}",
        view=_view(table),
    )


def _left_out(table: pd.DataFrame) -> str:
    low, high = (percentage(share, 0) for share in table["share_left_out"].agg(["min", "max"]))
    return low if low == high else f"{low} to {high}"


def _view(table: pd.DataFrame) -> pd.DataFrame:
    """Return the percentiles as text: measured, over all runs, and by the model."""
    import pandas as pd

    columns: dict[str, object] = {
        "Arrivals": table["arrivals"],
        "Load": [percentage(load, 0) for load in table["load"]],
    }
    for name in _SHOWN:
        shown = name.upper()
        parts = {"": name, ", all runs": f"{name}_all", " model": f"predicted_{name}"}
        for part, column in parts.items():
            columns[shown + part] = [engineering(seconds, "s") for seconds in table[column]]
    columns["P99 model / measured − 1"] = [percent(error) for error in table["p99_error"]]
    columns["Runs left out"] = [percentage(share, 0) for share in table["share_left_out"]]
    return pd.DataFrame(columns)


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
        every = rows[f"{name}_all"] * 1e6
        axes.plot(rows["load"], every, "x", color=shade, label=f"{name.upper()} over all runs")
        # Each was predicted at the pace of its own runs: a line would join different hosts.
        predicted = rows[f"predicted_{name}"] * 1e6
        axes.plot(
            rows["load"],
            predicted,
            linestyle="none",
            marker="_",
            markersize=16,
            markeredgewidth=2,
            color=shade,
            label=f"{name.upper()} model",
        )
        ideal = rows[f"ideal_{name}"] * 1e6
        axes.plot(rows["load"], ideal, ".", color=shade, label=f"{name.upper()} at full speed")
    axes.set_yscale("log")
    style.log_ticks(axes.yaxis)
    axes.set_xlim(0, 1)
    axes.set_xticks([0.2, 0.5, 0.8])
