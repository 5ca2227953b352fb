"""Time budget of a batch: stacked terms under the measured total."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from aethermodel.report import style
from aethermodel.report.engineering_notation import count, engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.figures.comparison import HERE, TERMS, checked
from aethermodel.text.percentages import percent

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

_CLOSURE = 0.02
# Bars beside one another whose totals are read across; of more they stand upright, and of many
# they are in the table alone.
_MOST_ACROSS, _MOST_TOTALS = 9, 28
Scale = Literal["share", "batch"]


def budget(
    table: pd.DataFrame,
    *,
    scale: Scale = "share",
    label: str | None = None,
    measured_by: str = HERE,
) -> ReportFigure:
    """Draw the modelled time of a batch by term, and what of the measured total it explains.

    Parameters
    ----------
    table : pandas.DataFrame
        A comparison table (see `aethermodel.report.figures.comparison.checked`);
        ``wait_seconds``, where it has such a column, is one more part: the consumer's wait
        for a slower producer.
    scale : {"share", "batch"}
        Height of the bars: share of the measured time, which shows every batch size alike, or
        microseconds a batch.
    label : str, optional
        The label to draw; needed when the table holds several.
    measured_by : str
        Sentence that ends the caption: who measured, and where.

    Returns
    -------
    ReportFigure
        The figure. The unexplained share is measured minus modelled over measured: positive
        where the model forgets something, negative where it predicts too much time.

    Raises
    ------
    ValueError
        If the table is malformed, its terms do not sum to the prediction within 2 %, the label
        is unknown or ambiguous, or the scale is neither of the two.
    """
    if scale not in ("share", "batch"):
        raise ValueError(f"scale must be 'share' or 'batch', not {scale!r}")
    rows = _closed(_labelled(checked(table), label))
    shown = str(rows["label"].iloc[0])
    with style.styled():
        figure = style.new_figure(height=4.3)
        axes = figure.subplots()
        _draw(axes, rows, scale)
        figure.legend(
            *_in_stacking_order(axes), loc="outside upper left", ncols=3, columnspacing=1.6
        )
        style.settle(figure)
    return ReportFigure(
        figure=figure,
        table=table[table["label"] == shown],
        title=f"Where the time of a batch goes ({shown})",
        caption=(
            f"Label: {shown}. Bars stack the modelled terms of a batch's time; the mark is the "
            "measured total, written above with its unexplained share. Hatched: measured time "
            "that no term explains; a stack above the mark predicts more time than was "
            f"measured. {measured_by}"
        ),
        alt=_in_words(rows, shown),
        view=_view(rows),
    )


def _labelled(rows: pd.DataFrame, label: str | None) -> pd.DataFrame:
    labels = list(dict.fromkeys(rows["label"]))
    if label is None and len(labels) > 1:
        raise ValueError(f"the table holds several labels ({', '.join(labels)}): name one")
    if label is not None and label not in labels:
        raise ValueError(f"the table holds no label {label!r}, only {', '.join(labels)}")
    return rows[rows["label"] == (label or labels[0])].reset_index(drop=True)


def _closed(rows: pd.DataFrame) -> pd.DataFrame:
    """Refuse a budget whose terms are not its total, and add the unexplained share."""
    total = rows[[f"{part}_seconds" for part in _parts(rows)]].sum(axis=1)
    gap = (total / rows["predicted_seconds"] - 1).abs()
    if (gap > _CLOSURE).any():
        worst = gap.idxmax()
        predicted = engineering(rows["predicted_seconds"][worst], "s")
        raise ValueError(
            f"at batch size {count(rows['n'][worst])} the terms sum to "
            f"{engineering(total[worst], 's')} but {predicted} is predicted"
        )
    return rows.assign(
        unexplained_seconds=rows["measured_seconds"] - total,
        unexplained=(rows["measured_seconds"] - total) / rows["measured_seconds"],
    )


def _parts(rows: pd.DataFrame) -> tuple[str, ...]:
    """The terms, and the wait for the producer where there is any."""
    waits = "wait_seconds" in rows and (rows["wait_seconds"] > 0).any()
    return (*TERMS, "wait") if waits else TERMS


def _draw(axes: Axes, rows: pd.DataFrame, scale: Scale) -> None:
    from matplotlib.ticker import FuncFormatter

    unit = 100 / rows["measured_seconds"] if scale == "share" else 1e6 + 0 * rows["n"]
    at = list(range(len(rows)))
    floor = 0 * rows["n"].astype(float)
    for term in _parts(rows):
        height = rows[f"{term}_seconds"] * unit
        axes.bar(
            at,
            height,
            bottom=floor,
            width=0.62,
            color=style.TERM_COLOURS[term],
            edgecolor=style.PAPER,
            linewidth=0.6,
            label=style.TERM_NAMES[term],
        )
        floor = floor + height
    measured = rows["measured_seconds"] * unit
    axes.bar(
        at,
        (measured - floor).clip(lower=0),
        bottom=floor,
        width=0.62,
        facecolor="none",
        edgecolor=style.TERM_COLOURS["unexplained"],
        hatch="////",
        linewidth=0.8,
        label=style.TERM_NAMES["unexplained"],
    )
    axes.errorbar(
        at,
        measured,
        yerr=[
            (rows["measured_seconds"] - rows["measured_low"]) * unit,
            (rows["measured_high"] - rows["measured_seconds"]) * unit,
        ],
        fmt="none",
        ecolor=style.INK,
        elinewidth=1,
        capsize=2.5,
    )
    half = 0.38
    axes.hlines(
        measured,
        [x - half for x in at],
        [x + half for x in at],
        color=style.INK,
        linewidth=1.8,
        label="measured total, with spread",
    )
    tops = (rows["measured_high"] * unit).combine(floor, max)
    across, written = len(rows) <= _MOST_ACROSS, len(rows) <= _MOST_TOTALS
    between = "\n" if across else ", "
    for x, top, seconds, share in zip(
        at, tops, rows["measured_seconds"], rows["unexplained"], strict=True
    ):
        if written:
            axes.annotate(
                f"{engineering(seconds, 's')}{between}{percent(share, 0)}",
                (x, top),
                xytext=(0, 4),
                textcoords="offset points",
                ha="center",
                va="bottom",
                fontsize=8,
                linespacing=1.25,
                rotation=0 if across else 90,
            )
    step = -(-len(rows) // _MOST_TOTALS)
    sizes = [count(n) for n in rows["n"]]
    axes.set_xticks(at[::step], sizes[::step], rotation=0 if across else 45)
    axes.set_xlabel("batch size N (messages)")
    room = 1.17 if across else 1.42 if written else 1.05
    axes.set_ylim(0, float(tops.max()) * room)
    axes.margins(x=0.02)
    axes.grid(visible=False, axis="x")
    if scale == "share":
        axes.set_ylabel("share of measured time")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.0f} %"))
    else:
        axes.set_ylabel("time of a batch (µs)")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))


def _in_stacking_order(axes: Axes) -> tuple[list[Any], list[str]]:
    handles, names = axes.get_legend_handles_labels()
    order = [*style.TERM_NAMES.values(), "measured total, with spread"]
    pairs = sorted(zip(handles, names, strict=True), key=lambda pair: order.index(pair[1]))
    return [handle for handle, _ in pairs], [name for _, name in pairs]


def _in_words(rows: pd.DataFrame, label: str) -> str:
    sentences = []
    for row in rows.to_dict("records"):
        terms = ", ".join(
            f"{style.TERM_NAMES[part]} {engineering(row[f'{part}_seconds'], 's')}"
            for part in _parts(rows)
        )
        sentences.append(
            f"batch size {count(row['n'])}: measured {engineering(row['measured_seconds'], 's')}; "
            f"{terms}; unexplained {percent(row['unexplained'])}"
        )
    return f"Label {label}. {'. '.join(sentences)}."


def _view(rows: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    columns: dict[str, list[str] | pd.Series[int]] = {"Batch size": rows["n"].astype(int)}
    for part in _parts(rows):
        columns[style.TERM_NAMES[part].capitalize()] = [
            engineering(seconds, "s") for seconds in rows[f"{part}_seconds"]
        ]
    columns["Modelled"] = [engineering(seconds, "s") for seconds in rows["predicted_seconds"]]
    columns["Measured"] = [engineering(seconds, "s") for seconds in rows["measured_seconds"]]
    columns["Unexplained"] = [percent(share) for share in rows["unexplained"]]
    return pd.DataFrame(columns)
