"""Blocks and figures of a pipeline of one's own under load."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel import thresholds
from aethermodel.report import style
from aethermodel.report.blocks import Block, SummaryRow, summary_block
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.readable_table import CHANGE, SHARE
from aethermodel.text.percentages import percent, percentage

if TYPE_CHECKING:
    from aethermodel.pipelines.latency import LatencyTrial

_HEADLINES = {
    "pass": "Latency under load is as predicted",
    "fail": "Latency under load is not as predicted",
    "inconclusive": "These runs cannot tell whether latency is as predicted",
}
_SHOWN = ("p50", "p99")
# Columns of the table behind the figure.
_TIMES = ("p50", "predicted_p50", "p99", "predicted_p99")
_ERRORS = ("p99_error", "p99_error_low", "p99_error_high")


def verdict(trial: LatencyTrial) -> Block:
    """Return what P99 is judged by, at each load."""
    rows = [
        SummaryRow(
            f"P99 of the model at {percentage(row['load'], 0)} load",
            f"{percent(row['p99_error'])} off ({percent(row['p99_error_low'])} to "
            f"{percent(row['p99_error_high'])})",
            f"at most {percentage(thresholds.P99_ERROR, 0)}",
            row["outcome"],
        )
        for row in trial.table.to_dict("records")
    ]
    paragraph = (
        f"Batches of {trial.n:,} arrive at random times. The pipeline carries "
        f"{engineering(trial.capacity_per_second, 'records/s')} measured, "
        f"{engineering(trial.predicted_capacity_per_second, 'records/s')} predicted. "
        "Latency counts from when a batch was due."
    )
    return summary_block(trial.outcome, _HEADLINES[trial.outcome], paragraph, rows)


def latency_figure(trial: LatencyTrial) -> ReportFigure:
    """Draw P50 and P99 against load, measured and by the model."""
    table = trial.table
    with style.styled():
        figure = style.new_figure(height=3.9)
        axes = figure.subplots()
        for index, name in enumerate(_SHOWN):
            shade, said = (style.MEASURED, style.INK)[index], name.upper()
            for prefix, mark, of in (
                ("", style.MARKERS[index], "measured"),
                ("predicted_", "_", "model"),
                ("ideal_", ".", "at full speed"),
            ):
                axes.plot(
                    table["load"],
                    table[prefix + name],
                    linestyle="none",
                    marker=mark,
                    markersize=16 if mark == "_" else 6,
                    color=shade,
                    label=f"{said} {of}",
                )
        axes.set_yscale("log")
        axes.set_xlim(0, 1)
        axes.set_xlabel("load (share of capacity)")
        axes.set_ylabel("latency")
        style.log_ticks(axes.yaxis, "s")
        figure.legend(loc="outside upper left", ncols=3)
        style.settle(figure)
    return ReportFigure(
        figure,
        table,
        "Latency against load",
        "Points: medians over processes. Bars across: the queues of the calibrated terms at the "
        "pace of this host around those runs; dots: at full speed.",
        view=table[["load", *_TIMES, *_ERRORS, "processes", "disturbed", "outcome"]],
        units=dict.fromkeys(("load", "disturbed"), SHARE)
        | dict.fromkeys(_TIMES, "s")
        | dict.fromkeys(_ERRORS, CHANGE),
    )
