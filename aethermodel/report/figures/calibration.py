"""Figures of a calibration: samples of each term with its law."""

from __future__ import annotations

from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.report import style
from aethermodel.report.curve import POINTS
from aethermodel.report.engineering_notation import count, engineering, interval
from aethermodel.report.figure import ReportFigure
from aethermodel.report.provenance import provenance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from aethermodel.calibrate.calibration.calibration import Calibration

#: Letters of a panel's title that fit beside those of its neighbour.
_TITLE_LETTERS = 40


def terms_figure(calibration: Calibration) -> ReportFigure:
    """Draw every sample of each term, its law, and the bands of the mean and of a new sample."""
    frames = []
    with style.styled():
        rows = (len(calibration.samples) + 1) // 2
        figure = style.new_figure(height=2.8 * rows)
        panels = figure.subplots(rows, 2)
        for axes in panels.flat[len(calibration.samples) :]:
            axes.set_visible(False)
        for axes, term in zip(panels.flat, calibration.samples, strict=False):
            n, seconds, _ = calibration.samples[term]
            frames.append(pd.DataFrame({"term": term, "n": n, "seconds": seconds}))
            _draw_term(axes, calibration, term)
        style.settle(figure)
    return ReportFigure(
        figure,
        pd.concat(frames, ignore_index=True),
        "Each term alone: samples, law, intervals",
        "Points are samples, the line the fitted law, the dark band the 95 % interval of its mean, "
        f"the light band that of one new sample. {provenance(Scenario(calibration, {}))}",
        view=pd.concat([frame.head(3) for frame in frames], ignore_index=True),
    )


def _draw_term(axes: Axes, calibration: Calibration, term: str) -> None:
    n, seconds, _ = calibration.samples[term]
    sizes = np.geomspace(min(n), max(n), POINTS)
    fit, colour = calibration.laws[term], style.TERM_COLOURS[term]
    mean, low, high = fit.predict(sizes)
    _, new_low, new_high = fit.predict(sizes, kind="observation")
    axes.fill_between(sizes, new_low * 1e6, new_high * 1e6, color=colour, alpha=0.18, linewidth=0)
    axes.fill_between(sizes, low * 1e6, high * 1e6, color=colour, alpha=0.45, linewidth=0)
    axes.plot(n, np.array(seconds) * 1e6, ".", color=style.QUIET, markersize=2.5)
    axes.plot(sizes, mean * 1e6, color=style.INK, linewidth=1.0)
    axes.set_xscale("log")
    if max(seconds) > 20 * min(seconds):
        axes.set_yscale("log")
        style.log_ticks(axes.yaxis)
    else:
        axes.set_ylim(bottom=0)
    # The law below its name, in lines that a panel has room for.
    form = fill(fit.chosen.form.name, _TITLE_LETTERS)
    axes.set_title(f"{style.TERM_NAMES[term]}\n{form}", fontsize=9.5)
    axes.set_xlabel("handler calls" if term == "loop" else "batch size N")
    axes.set_ylabel("µs")
    style.log_ticks(axes.xaxis)


def prediction_table(scenario: Scenario, sizes: list[int]) -> pd.DataFrame:
    """Return predictions as text for reading: time, both intervals, rate, term that binds."""
    mean = scenario.predict(sizes)
    new = scenario.predict(sizes, kind="observation")
    largest = scenario.calibration.largest
    return pd.DataFrame(
        {
            "N": [count(n) + " (extrapolated)" * (n > largest) for n in sizes],
            "T_batch": [engineering(s, "s") for s in mean.seconds],
            "95 % of the mean": _ranges(mean.low, mean.high),
            "95 % of a new sample": _ranges(new.low, new.high),
            "rate": [engineering(n / s, "msg/s") for n, s in zip(sizes, mean.seconds, strict=True)],
            "binds": [scenario.model.binding_term(n) for n in sizes],
        }
    ).set_index("N")


def _ranges(low: np.ndarray, high: np.ndarray) -> list[str]:
    return [interval(a, b, "s") for a, b in zip(low, high, strict=True)]
