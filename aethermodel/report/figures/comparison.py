"""Comparison of measured and predicted: table and throughput figure.

One row of a comparison table is one batch size under one label. Measured figures are medians
with their spread over processes; predicted ones come from terms calibrated apart, with a 95 %
interval, and never from the row's own measurement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aethermodel.report import style
from aethermodel.report.curve import solid_and_dashed
from aethermodel.report.engineering_notation import count, engineering, interval
from aethermodel.report.figure import ReportFigure
from aethermodel.text.percentages import percent, percentage

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

TERMS = ("loop", "ffi", "kernel", "fabric")
MEASURED = ("measured_seconds", "measured_low", "measured_high")
PREDICTED = ("predicted_seconds", "predicted_low", "predicted_high")
BUDGET = tuple(f"{term}_seconds" for term in TERMS)
ALL_SAMPLES = ("seconds_all", "share_left_out")
COLUMNS = ("n", "label", *MEASURED, *PREDICTED, *BUDGET, "held_out")

HERE = "Measured by aethermodel on the host named in this report."


def checked(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in order of label and batch size, or say what is wrong with them.

    Parameters
    ----------
    table : pandas.DataFrame
        One row a batch size and label, with the columns `COLUMNS`; times in seconds a batch.

    Raises
    ------
    ValueError
        If a column is missing, a figure is not a positive number (terms and the predictions'
        lower ends may be zero), an interval does not hold its own value, or a batch size occurs
        twice under one label.
    """
    import numpy as np

    missing = [name for name in COLUMNS if name not in table.columns]
    if missing:
        raise ValueError(f"the comparison table lacks {', '.join(missing)}")
    if table.empty:
        raise ValueError("the comparison table has no rows")
    for name in ("n", *MEASURED, *PREDICTED, *BUDGET):
        try:
            values = table[name].to_numpy(dtype=float)
        except (TypeError, ValueError):
            raise ValueError(f"column {name} of the comparison table is not numeric") from None
        # A few samples of processes that differ leave a prediction with nothing below it.
        from_zero = name in (*BUDGET, PREDICTED[1])
        least = 0.0 if from_zero else np.nextafter(0.0, 1.0)
        if not (np.isfinite(values) & (values >= least)).all():
            kind = "negative or not finite" if from_zero else "not a positive number"
            raise ValueError(f"column {name} of the comparison table holds a value that is {kind}")
    for middle, low, high in (MEASURED, PREDICTED):
        outside = table[(table[low] > table[middle]) | (table[middle] > table[high])]
        if len(outside):
            raise ValueError(
                f"{middle} lies outside its own interval at batch size {int(outside['n'].iloc[0])}"
            )
    if table["label"].astype(str).str.strip().eq("").any():
        raise ValueError("every row of the comparison table needs its fabric's label")
    if table.duplicated(["label", "n"]).any():
        raise ValueError("a batch size occurs twice under one label in the comparison table")
    return table.sort_values(["label", "n"], kind="stable", ignore_index=True)


def measured_vs_model(
    table: pd.DataFrame,
    *,
    law: pd.DataFrame | None = None,
    reference: float | None = None,
    reference_name: str = "claimed on paper:",
    measured_by: str = HERE,
) -> ReportFigure:
    """Draw measured and modelled throughput against batch size, residuals below.

    Parameters
    ----------
    table : pandas.DataFrame
        A comparison table (see `checked`); with ``seconds_all`` and ``share_left_out`` the rate
        over all samples stands beside that of the undisturbed ones.
    law : pandas.DataFrame, optional
        The model at many batch sizes (`aethermodel.report.curve.curve`): a line with its band,
        dashed where it is extrapolated. Without it the model is known at the table's sizes alone,
        and is drawn there alone. Of a table of one label.
    reference : float, optional
        Throughput in messages per second to draw as a line, such as the specification's bound.
    reference_name : str
        What the reference is.
    measured_by : str
        Sentence that ends the caption: who measured, and where.

    Returns
    -------
    ReportFigure
        The figure; residuals are measured over modelled throughput minus one.

    Raises
    ------
    ValueError
        If the table is malformed, the reference is not a positive number, or a law is given for
        a table of several labels.
    """
    rows = throughput(checked(table))
    labels = list(dict.fromkeys(rows["label"]))
    if law is not None and len(labels) > 1:
        raise ValueError(f"one law cannot hold for several labels ({', '.join(labels)})")
    drawn = None if law is None else predicted_rates(law)
    if reference is not None and not 0 < reference < float("inf"):
        raise ValueError(f"the reference throughput must be positive, not {reference}")
    with style.styled():
        figure = style.new_figure(height=5.2)
        above, below = figure.subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1.15], "hspace": 0.06}
        )
        for index, label in enumerate(labels):
            part = rows[rows["label"] == label]
            suffix = "" if len(labels) == 1 else f", {label}"
            _draw_model(above, below, part, drawn, suffix)
            _draw_throughput(above, part, index, suffix)
            _draw_residuals(below, part, index)
        if reference is not None:
            above.axhline(reference, color=style.QUIET, linewidth=1, linestyle=(0, (5, 3)))
            # In the lower half of the sizes the curve is far below the bound.
            above.annotate(
                f"{reference_name} {engineering(reference, 'msg/s')}",
                (0, reference),
                xycoords=("axes fraction", "data"),
                xytext=(4, -4),
                verticalalignment="top",
                textcoords="offset points",
                color=style.QUIET,
                fontsize=8.5,
            )
        _finish(above, below, rows)
        style.settle(figure)
    shown = ", ".join(labels)
    held = int(rows["held_out"].sum())
    caption = (
        f"Label: {shown}. Points are medians with the spread over processes, of undisturbed "
        f"samples{_beside(rows)}; {_line(law)}"
        + (f"; {_held_out(held, len(rows))} held out of the calibration" if held else "")
        + f". {measured_by}"
    )
    beyond = law is not None and bool(law["extrapolated"].any())
    return ReportFigure(
        figure=figure,
        table=table,
        title="Throughput against batch size, measured and modelled"
        + ", extrapolated where dashed" * beyond
        + f" ({shown})",
        caption=caption,
        alt=_in_words(rows, reference, reference_name),
        view=_view(rows),
    )


def _beside(rows: pd.DataFrame) -> str:
    return "; crosses are the rate over all samples" if "all_rate" in rows else ""


def _line(law: pd.DataFrame | None) -> str:
    """Say what stands for the model."""
    if law is None:
        return "bars across are the sum of terms calibrated apart, with its 95 % interval"
    words = "the line is the sum of terms calibrated apart, with its 95 % interval"
    calibrated = law[~law["extrapolated"]]
    if len(calibrated) == len(law):
        return words
    if calibrated.empty:
        return f"{words}, extrapolated throughout"
    return f"{words}, extrapolated where dashed (beyond N = {count(calibrated['n'].max())})"


def _held_out(held: int, rows: int) -> str:
    if held == rows:
        return "all points (hollow) were"
    return "the hollow point was" if held == 1 else f"the {held} hollow points were"


def throughput(rows: pd.DataFrame) -> pd.DataFrame:
    """Add rates in messages per second; a short time is a high rate, so bounds change places."""
    found: dict[str, Any] = {
        "measured_rate": rows["n"] / rows["measured_seconds"],
        "measured_rate_low": rows["n"] / rows["measured_high"],
        "measured_rate_high": rows["n"] / rows["measured_low"],
        "held_out": rows["held_out"].astype(bool),
    }
    if all(name in rows for name in ALL_SAMPLES):
        found["all_rate"] = rows["n"] / rows["seconds_all"]
    whole = predicted_rates(rows).assign(**found)
    return whole.assign(residual=whole["measured_rate"] / whole["predicted_rate"] - 1)


def predicted_rates(rows: pd.DataFrame) -> pd.DataFrame:
    """Add the predicted rate in messages per second, with its interval."""
    # A band without end is drawn to a hundred times its own rate.
    least = rows["predicted_seconds"] / 100
    return rows.assign(
        predicted_rate=rows["n"] / rows["predicted_seconds"],
        predicted_rate_low=rows["n"] / rows["predicted_high"],
        predicted_rate_high=rows["n"] / rows["predicted_low"].clip(lower=least),
    )


def _draw_model(
    above: Axes,
    below: Axes,
    part: pd.DataFrame,
    law: pd.DataFrame | None,
    suffix: str,
) -> None:
    """Draw the law as a line where it is known as such, else the points that are known of it."""
    bounds = ["predicted_rate_low", "predicted_rate_high"]
    known = part if law is None else law
    rate = known["predicted_rate"]
    for axes, scale, shift in ((above, 1.0, 0.0), (below, 100 / rate, -100.0)):
        low, high = (known[bound] * scale + shift for bound in bounds)
        middle = rate * scale + shift
        if law is None:
            axes.errorbar(
                known["n"],
                middle,
                yerr=[middle - low, high - middle],
                fmt="_",
                color=style.MODEL,
                markersize=16,
                elinewidth=5,
                alpha=0.45,
                label=f"model, 95 % interval{suffix}",
            )
            continue
        axes.fill_between(
            known["n"], low, high, color=style.MODEL, alpha=0.18, linewidth=0,
            label=f"95 % interval{suffix}",
        )  # fmt: skip
        solid_and_dashed(axes, known, middle, color=style.MODEL, label=f"model{suffix}")


def _draw_throughput(axes: Axes, part: pd.DataFrame, index: int, suffix: str) -> None:
    for held_out, points in part.groupby("held_out"):
        axes.errorbar(
            points["n"],
            points["measured_rate"],
            yerr=_spread(points, points["measured_rate"]),
            label=f"measured{', held out' if held_out else ''}{suffix}",
            **_points(index, hollow=bool(held_out)),
        )
    if "all_rate" in part:
        axes.plot(
            part["n"], part["all_rate"], "x", color=style.QUIET, label=f"over all samples{suffix}"
        )


def _draw_residuals(axes: Axes, part: pd.DataFrame, index: int) -> None:
    for held_out, points in part.groupby("held_out"):
        scale = 100 / points["predicted_rate"]
        axes.errorbar(
            points["n"],
            100 * points["residual"],
            yerr=[scale * side for side in _spread(points, points["measured_rate"])],
            **_points(index, hollow=bool(held_out)),
        )


def _spread(points: pd.DataFrame, middle: pd.Series[float]) -> list[pd.Series[float]]:
    return [middle - points["measured_rate_low"], points["measured_rate_high"] - middle]


def _points(index: int, *, hollow: bool) -> dict[str, Any]:
    return {
        "fmt": style.MARKERS[index % len(style.MARKERS)],
        "color": style.MEASURED,
        "markerfacecolor": style.PAPER if hollow else style.MEASURED,
        "markeredgewidth": 1.4,
        "elinewidth": 1.2,
        "capsize": 2.5,
        "zorder": 3,
    }


def _finish(above: Axes, below: Axes, rows: pd.DataFrame) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

    above.set(xscale="log", yscale="log", ylabel="throughput (messages per second)")
    above.yaxis.set_major_locator(LogLocator(10, numticks=12))
    above.yaxis.set_major_formatter(
        FuncFormatter(
            lambda y, _: (
                engineering(y, "msg/s").removesuffix("msg/s").replace(".00", "").replace(".0", "")
            )
        )
    )
    above.legend(loc="lower right")
    below.axhline(0, color=style.MODEL, linewidth=1.2)
    below.set(xlabel="batch size N (messages)", ylabel="residual")
    below.xaxis.set_major_locator(LogLocator(10, numticks=12))
    below.xaxis.set_major_formatter(FuncFormatter(lambda x, _: count(x)))
    below.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    below.yaxis.set_major_formatter(FuncFormatter(lambda y, _: percent(y / 100, 0)))
    for axes in (above, below):
        axes.xaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_minor_locator(NullLocator())
    limit = max(abs(side) for side in below.get_ylim())
    below.set_ylim(-limit, limit)
    smallest, largest = rows["n"].min(), rows["n"].max()
    above.set_xlim(smallest / 1.35, largest * 1.35)


def _in_words(rows: pd.DataFrame, reference: float | None, name: str) -> str:
    sentences = []
    for label, part in rows.groupby("label", sort=False):
        points = "; ".join(
            f"batch size {count(row.n)}: measured {engineering(row.measured_rate, 'msg/s')}, "
            f"model {engineering(row.predicted_rate, 'msg/s')} ({percent(row.residual)}"
            f"{', held out' if row.held_out else ''}{_all_in_words(row)})"
            for row in part.itertuples()
        )
        best = part.loc[part["measured_rate"].idxmax()]
        worst = part.loc[part["residual"].abs().idxmax()]
        sentences.append(
            f"Label {label}. {points}. Highest measured: "
            f"{engineering(best['measured_rate'], 'msg/s')} at {count(best['n'])}. Largest "
            f"residual: {percent(worst['residual'])} at {count(worst['n'])}."
        )
    if reference is not None:
        sentences.append(f"Reference line, {name}: {engineering(reference, 'msg/s')}.")
    return " ".join(sentences)


def _all_in_words(row: Any) -> str:
    if not hasattr(row, "all_rate"):
        return ""
    rate = engineering(row.all_rate, "msg/s")
    return f", {rate} over all samples, {percentage(row.share_left_out, 0)} left out"


def rates(table: pd.DataFrame) -> pd.DataFrame:
    """Return a comparison table as text for reading: rates, spread, interval and residual.

    Raises
    ------
    ValueError
        If the table is malformed.
    """
    return _view(throughput(checked(table)))


def _view(rows: pd.DataFrame) -> pd.DataFrame:
    """Return what the table behind the figure shows: rates, residual, and which were held out."""
    import pandas as pd

    def between(kind: str) -> list[str]:
        pairs = zip(rows[f"{kind}_rate_low"], rows[f"{kind}_rate_high"], strict=True)
        return [interval(low, high, "msg/s") for low, high in pairs]

    every: dict[str, Any] = {}
    if "all_rate" in rows:
        every["Over all samples"] = [engineering(rate, "msg/s") for rate in rows["all_rate"]]
        every["Left out"] = [percentage(share, 0) for share in rows["share_left_out"]]
    return pd.DataFrame(
        {
            "Label": rows["label"],
            "Batch size": rows["n"].astype(int),
            "Measured": [engineering(rate, "msg/s") for rate in rows["measured_rate"]],
            **every,
            "Spread over processes": between("measured"),
            "Model": [engineering(rate, "msg/s") for rate in rows["predicted_rate"]],
            "95 % interval": between("predicted"),
            "Measured / model − 1": [percent(share) for share in rows["residual"]],
            "Held out": ["yes" if held else "no" for held in rows["held_out"]],
        }
    )
