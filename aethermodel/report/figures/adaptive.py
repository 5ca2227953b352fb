"""Figures of adaptive batching: P99 and batch sizes against load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel.bench.latency.adaptive import ADAPTIVE
from aethermodel.bench.latency.adaptive_verdict import adaptive_judgements
from aethermodel.bench.latency.latency_verdict import Judgement, overall
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.model.queueing.arrivals import arrivals_in_words
from aethermodel.report import style
from aethermodel.report.blocks import Block, SummaryRow, summary_block
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.provenance import provenance
from aethermodel.report.readable_table import SHARE, SIZE
from aethermodel.text.number_format import told_from
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from aethermodel.bench.latency.adaptive import AdaptiveTrial


def verdict(trial: AdaptiveTrial) -> Block:
    """Return whether adaptive batching held its target, and its throughput."""
    found = adaptive_judgements(trial)
    outcome = overall(found)
    target = engineering(trial.campaign.target_seconds, "s")
    rows = [
        SummaryRow(
            one.criterion + (f" ({one.why})" if one.why else ""),
            _measured(one),
            f"at most {target}" if one.unit == "s" else f"at least {percentage(one.threshold, 0)}",
            one.outcome,
        )
        for one in found
    ]
    headline = {
        "pass": f"Adaptive batching holds {target} at P99 and keeps its throughput",
        "fail": f"Adaptive batching misses {target} at P99, or loses throughput",
        "inconclusive": "This host was too noisy to tell",
    }[outcome]
    sizes = trial.ladder.sizes
    group = trial.campaign.group
    paragraph = (
        f"Planned from the calibration: {len(sizes)} batch sizes from {group:,} to "
        f"{sizes[-1] * group:,} messages; the rate seen chooses among them."
    )
    return summary_block(outcome, headline, paragraph, rows)


def _measured(one: Judgement) -> str:
    if one.unit == "s":
        return told_from(one.measured, one.threshold, lambda t, n: engineering(t, "s", n), 3)
    return told_from(one.measured, one.threshold, percentage, 0)


def adaptive_figure(trial: AdaptiveTrial) -> ReportFigure:
    """Draw P99 against load for each rule, and the sizes that the adaptive one formed."""
    kind = trial.campaign.arrivals[0]
    table = trial.table[trial.table["arrivals"] == kind]
    with style.styled():
        figure = style.new_figure(height=3.9)
        tails, sizes = figure.subplots(1, 2)
        _draw_tails(tails, table, trial.campaign.target_seconds)
        tails.set_title(f"P99, {arrivals_in_words(kind)}")
        _draw_sizes(sizes, table, trial.campaign.group)
        sizes.set_title("adaptive batch size")
        for axes in (tails, sizes):
            axes.set_xlabel("load")
            axes.set_xlim(0, 1)
            axes.set_xticks(trial.campaign.loads)
        handles, labels = tails.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper left", ncols=3)
        style.settle(figure)
    shown = ["load", "rule", "p50", "p99", "p99_all", "share_left_out", "delivered_per_second"]
    shown += ["size_p50", "holds"]
    return ReportFigure(
        figure,
        trial.table,
        "P99 and batch size against load, adaptive and fixed",
        "Left: medians over processes, bars from the lowest to the highest process; the line is "
        "the target. Right: median of the batches formed, bars from the 5th to the 95th "
        f"percentile. {provenance(Scenario(trial.calibration, {}))}",
        view=table[shown],
        units=dict.fromkeys(("p50", "p99", "p99_all"), "s")
        | {"load": SHARE, "delivered_per_second": "msg/s", "size_p50": SIZE},
    )


def _draw_tails(axes: Axes, table: pd.DataFrame, target: float) -> None:
    shades = [style.QUIET, *style.TERM_COLOURS.values()]
    for index, (name, rows) in enumerate(table.groupby("rule", sort=False)):
        middle = rows["p99"] * 1e6
        spread = [middle - rows["p99_low"] * 1e6, rows["p99_high"] * 1e6 - middle]
        ours = name == ADAPTIVE
        axes.errorbar(
            rows["load"],
            middle,
            yerr=spread,
            marker=style.MARKERS[index % len(style.MARKERS)],
            linestyle="-" if ours else ":",
            color=style.MEASURED if ours else shades[index % len(shades)],
            label=name,
        )
    axes.axhline(target * 1e6, color=style.INK, linewidth=0.9, label="target")
    axes.set_yscale("log")
    style.log_ticks(axes.yaxis)
    axes.set_ylabel("P99 (µs)")


def _draw_sizes(axes: Axes, table: pd.DataFrame, group: int) -> None:
    rows = table[table["rule"] == ADAPTIVE]
    middle = rows["size_p50"]
    spread = [middle - rows["size_p5"], rows["size_p95"] - middle]
    axes.errorbar(rows["load"], middle, yerr=spread, fmt=style.MARKERS[0], color=style.MEASURED)
    axes.set_yscale("log")
    axes.set_ylim(group / 2)
    style.log_ticks(axes.yaxis)
    axes.set_ylabel("messages a batch")
