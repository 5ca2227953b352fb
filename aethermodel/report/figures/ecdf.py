"""Empirical distribution of the samples, and the host's drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aethermodel.report import style
from aethermodel.report.figure import ReportFigure
from aethermodel.report.figures.comparison import HERE
from aethermodel.report.readable_table import CHANGE
from aethermodel.text.percentages import MINUS, percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axis import Axis

    from aethermodel.report.sweep.point_tables import SweepResult

_MOST_IN_LEGEND = 12
_MOST_LINES = 60
# Letters of the legend that stand beside each other, those that a line's sign is as wide as, and
# the height of a row.
_LETTERS, _KEY_LETTERS, _ROW_INCHES = 130, 8, 0.16
_FROM_MEDIAN = "off its point's median"


def drift(samples: pd.DataFrame) -> tuple[pd.Series[float], float]:
    """Return each sample over its point's median, and Spearman's correlation with run order.

    Parameters
    ----------
    samples : pandas.DataFrame
        With ``point``, ``run_order``, ``seconds``.
    """
    relative = samples["seconds"] / samples.groupby("point")["seconds"].transform("median")
    if samples["run_order"].nunique() < 3 or relative.nunique() < 2:
        return relative, float("nan")
    ranks = relative.rank().corr(samples["run_order"].rank())
    return relative, float(ranks)


def _ratio_ticks(axis: Axis) -> None:
    """Label a logarithmic axis of ratios near 1 by how far they are from it."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

    low, high = axis.get_view_interval()
    if high > 3 * low:  # 1, 2 and 5 say it
        style.log_ticks(axis)
        return
    axis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))
    axis.set_major_formatter(FuncFormatter(lambda ratio, _: percent(ratio - 1)))
    axis.set_minor_locator(NullLocator())


def ecdf(result: SweepResult) -> ReportFigure | None:
    """Draw the distribution of each point's samples, and all of them in run order."""
    samples = result.samples
    if samples.empty or samples["point"].is_unique:  # one of each has no distribution
        return None
    relative, correlation = drift(samples)
    table = samples[["point", "process", "run_order", "seconds", "noisy"]].assign(relative=relative)
    names = list(dict.fromkeys(table["point"]))
    with style.styled():
        from matplotlib.ticker import MaxNLocator

        few, together = len(names) <= _MOST_IN_LEGEND, len(names) > _MOST_LINES
        columns = max(1, _LETTERS // (max(map(len, names)) + _KEY_LETTERS))
        rows = -(-len(names) // columns) if few else 0
        figure = style.new_figure(height=5.8 + _ROW_INCHES * rows)
        above, below = figure.subplots(2, 1)
        curves = [("", table)] if together else table.groupby("point", sort=False)
        for at, (name, part) in enumerate(curves):
            values = np.sort(part["relative"])
            share = np.arange(1, len(values) + 1) / len(values)
            above.step(
                values,
                share,
                where="post",
                linewidth=1,
                linestyle=style.LINES[at % len(style.LINES)],
                label=style.literal(name) if few else None,
            )
        above.set_xscale("log")
        _ratio_ticks(above.xaxis)
        above.set_xlabel("sample over the median of its point")
        above.set_ylabel("share of samples")
        if few:
            # Above both drawings: curves go everywhere.
            figure.legend(fontsize=7, loc="outside upper left", ncols=columns)
        for noisy, part in table.groupby("noisy"):
            below.plot(
                part["run_order"],
                part["relative"],
                "x" if noisy else ".",
                color=style.MEASURED if noisy else style.MODEL,
                label="disturbed" if noisy else "undisturbed",
            )
        below.xaxis.set_major_locator(MaxNLocator(integer=True))
        below.set_yscale("log")
        _ratio_ticks(below.yaxis)
        below.axhline(1, color=style.QUIET, linewidth=0.8)
        below.set_xlabel("order in which the points ran")
        below.set_ylabel("over the median")
        below.legend(fontsize=8)
        style.settle(figure)
    what = "sample" if result.sweep.probe else "wall time of a run"
    trend = (
        "too few runs to tell a drift"
        if np.isnan(correlation)
        else f"rank correlation with run order {correlation:+.2f}".replace("-", MINUS)
    )
    shown = (
        f"all {what}s of the {len(names)} points together, each"
        if together
        else f"every {what} of each of the {len(names)} points,"
    )
    spread = table["relative"].quantile([0.05, 0.95])
    return ReportFigure(
        figure,
        table,
        f"Distribution of each point, and drift ({result.labels})",
        f"Label: {result.labels}. Above: the empirical distribution of {shown} over its point's "
        "median. Below: the same in run order, which is random, so a trend is the host's drift, "
        f"not a parameter's effect: {trend}. {HERE}",
        alt=f"{len(table)} values of {len(names)} points; 90 % lie between "
        f"{percent(spread[0.05] - 1)} and {percent(spread[0.95] - 1)} of their point's median; "
        f"{int(table['noisy'].sum())} were disturbed; {trend}.",
        view=table.assign(relative=table["relative"] - 1).rename(
            columns={"noisy": "disturbed", "relative": _FROM_MEDIAN}
        ),
        units={_FROM_MEDIAN: CHANGE},
    )
