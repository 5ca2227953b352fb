"""Figures of a pipeline of one's own: prediction and measurement, budget, what halving buys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aethermodel.pipelines.composition.what_if import halved
from aethermodel.report import style
from aethermodel.report.curve import POINTS
from aethermodel.report.engineering_notation import count, engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.readable_table import CHANGE
from aethermodel.text.percentages import percent

if TYPE_CHECKING:
    from aethermodel.pipelines.calibration import PipelineCalibration
    from aethermodel.pipelines.trial import PipelineTrial

# Terms beyond these are drawn in grey.
_COLOURS = ("#56b4e9", "#e69f00", "#009e73", "#cc79a7", "#0072b2", "#d55e00", "#f0e442")


_ENDS = ("measured_low", "measured_high", "predicted_low", "predicted_high")


def _sizes(calibration: PipelineCalibration) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.geomspace(max(calibration.smallest, 1.0), calibration.largest, POINTS)


def rate_figure(
    calibration: PipelineCalibration, trial: PipelineTrial | None = None
) -> ReportFigure:
    """Draw the predicted rate over the batch size, and what was measured of the whole."""
    shown = calibration.without_assumed() if trial else calibration
    n = _sizes(shown)
    found = shown.predict(n)
    table = pd.DataFrame(
        {
            "n": n,
            "predicted_seconds": found.seconds,
            "predicted_low": found.low,
            "predicted_high": found.high,
        }
    )
    with style.styled():
        figure = style.new_figure()
        axes = figure.subplots()
        axes.fill_between(n, n / found.high, n / found.low, color=style.MODEL, alpha=0.18, lw=0)
        axes.plot(n, n / found.seconds, color=style.MODEL, label="terms, composed")
        if trial is not None:
            rows = trial.table
            rate = rows["n"] / rows["measured_seconds"]
            ends = [
                rate - rows["n"] / rows["measured_high"],
                rows["n"] / rows["measured_low"] - rate,
            ]
            axes.errorbar(
                rows["n"],
                rate,
                yerr=[side.clip(lower=0) for side in ends],
                fmt="o",
                color=style.MEASURED,
                label="measured, the whole",
            )
        axes.set(xscale="log", yscale="log")
        axes.set_xlabel("batch size N (records)")
        axes.set_ylabel("records a second")
        style.log_ticks(axes.xaxis)
        style.log_ticks(axes.yaxis, "1/s")
        axes.legend()
        style.settle(figure)
    points = ""
    if trial is not None:
        points = (
            " Points: the whole at sizes that no term was timed at, bars from the slowest to the "
            "fastest process."
        )
        table = trial.table[[
            "n", "measured_seconds", "measured_low", "measured_high",
            "predicted_seconds", "predicted_low", "predicted_high", "error",
        ]]  # fmt: skip
    return ReportFigure(
        figure,
        table,
        "Predicted and measured rate" if trial else "Predicted rate",
        f"Line: the terms, each timed isolated, composed; band: 95 %.{points}",
        view=None if trial else table[::30],
        units=dict.fromkeys(_ENDS, "s") | {"error": CHANGE},
    )


def terms_figure(calibration: PipelineCalibration) -> ReportFigure:
    """Draw each term's law, and the means that it was fitted to."""
    n = _sizes(calibration)
    times = calibration.times(n)
    with style.styled():
        figure = style.new_figure()
        axes = figure.subplots()
        colours = [*_COLOURS, *["#8a939c"] * len(times)]
        for (name, seconds), colour in zip(times.items(), colours, strict=False):
            law = calibration.terms[name].law
            axes.plot(n, seconds, color=colour, label=name)
            if law.size_unit != "B":
                axes.plot(law.sizes, law.means, "o", color=colour, markersize=4)
        axes.set(xscale="log", yscale="log")
        axes.set_xlabel("batch size N (records)")
        axes.set_ylabel("time a batch")
        style.log_ticks(axes.xaxis)
        style.log_ticks(axes.yaxis, "s")
        figure.legend(loc="outside upper left", ncols=4)
        style.settle(figure)
    table = pd.DataFrame({"n": n, **{f"{name}_seconds": t for name, t in times.items()}})
    return ReportFigure(
        figure,
        table,
        "Each term, and the means that its law was fitted to",
        "Each is timed by itself, in rounds of its thread. Where no law holds, the line joins the "
        "means.",
        view=table[::30],
    )


def budget_figure(calibration: PipelineCalibration) -> ReportFigure:
    """Draw each term's share of one batch's way through all stages."""
    n = _sizes(calibration)
    times = calibration.times(n)
    total = np.sum(list(times.values()), axis=0)
    with style.styled():
        figure = style.new_figure(height=3.6)
        axes = figure.subplots()
        colours = [*_COLOURS, *["#8a939c"] * len(times)][: len(times)]
        axes.stackplot(
            n, [100 * t / total for t in times.values()], colors=colours, labels=list(times)
        )
        axes.set_xscale("log")
        axes.set_xlim(n[0], n[-1])
        axes.set_ylim(0, 100)
        axes.set_xlabel("batch size N (records)")
        axes.set_ylabel("% of all terms' time")
        style.log_ticks(axes.xaxis)
        figure.legend(loc="outside upper left", ncols=4)
        style.settle(figure)
    top = max(times, key=lambda name: float(times[name][-1]))
    table = pd.DataFrame({"n": n, **{f"{name}_seconds": t for name, t in times.items()}})
    return ReportFigure(
        figure,
        table,
        "Share of each term",
        f"Of the sum of all terms. At N = {count(float(n[-1]))} the dearest is {top}, "
        f"{engineering(float(times[top][-1]), 's')} of {engineering(float(total[-1]), 's')}.",
        view=table[::30],
    )


def halving_figure(calibration: PipelineCalibration, n: float) -> ReportFigure:
    """Draw what halving each term buys at a batch size, ranked, with intervals."""
    found = halved(calibration, n)[::-1]
    table = pd.DataFrame([vars(one) for one in found])
    with style.styled():
        figure = style.new_figure(height=1.2 + 0.4 * len(found))
        axes = figure.subplots()
        spread = [table["gain"] - table["low"], table["high"] - table["gain"]]
        axes.barh(
            table["term"],
            100 * table["gain"],
            xerr=[100 * side for side in spread],
            color=[style.QUIET if one.assumed else style.MODEL for one in found],
            error_kw={"ecolor": style.INK, "linewidth": 1},
        )
        axes.set_xlabel("% more records a second if halved")
        style.settle(figure)
    best = found[-1]
    return ReportFigure(
        figure,
        table[::-1],
        f"What halving a term buys at N = {count(n)}",
        f"{best.term} in half the time buys {percent(best.gain)}. Bars with 95 % intervals; grey: "
        "assumed. What waits for a slower group buys nothing.",
        units=dict.fromkeys(("gain", "low", "high"), CHANGE),
    )
