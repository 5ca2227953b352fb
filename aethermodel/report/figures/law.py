"""Law of somebody's measurements: curve, interval and data, and its tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aethermodel.laws.family_names import named
from aethermodel.report import style
from aethermodel.report.blocks import Block
from aethermodel.report.curve import POINTS, solid_and_dashed
from aethermodel.report.engineering_notation import engineering, interval
from aethermodel.report.figure import ReportFigure
from aethermodel.report.html_table import data_table
from aethermodel.report.math.mathml import Formula
from aethermodel.text.number_format import size_text
from aethermodel.text.percentages import percent, percentage

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from aethermodel.advice.law_answers import Answers, Quantity
    from aethermodel.laws.law import Law

#: So many times beyond the data a curve is drawn, dashed.
BEYOND = 4.0
#: Most curves that one drawing tells apart by colour and marker.
MOST_CURVES = 6


def law_figure(law: Law) -> ReportFigure:
    """Draw a law through a few hundred sizes, its interval and the measured means.

    Parameters
    ----------
    law : Law
        Of one variable; of a law with a second one only the measured means are drawn.

    Returns
    -------
    ReportFigure
        Both axes are logarithmic; what lies beyond the measured sizes is dashed and named in the
        title. The table has the curve, and what was measured.
    """
    known = law_curve(law)
    with style.styled():
        figure = style.new_figure()
        axes = figure.subplots()
        if len(known):
            axes.fill_between(
                known["n"],
                known["low_seconds"],
                known["high_seconds"],
                color=style.MODEL,
                alpha=0.18,
                linewidth=0,
                label=f"{percentage(law.level, 0)} interval".replace("%", " %"),
            )
            solid_and_dashed(axes, known, known["seconds"], color=style.MODEL, label=_named(law))
        drawn = law.sizes > 0
        axes.plot(
            law.sizes[drawn],
            law.means[drawn],
            "o",
            color=style.MEASURED,
            label="measured",
            zorder=3,
        )
        _finish(axes, law)
        style.settle(figure)
    beyond = len(known) and bool(known["extrapolated"].any())
    title = f"Time against {_axis(law)}" + (f": {law.name}" if law.name else "")
    return ReportFigure(
        figure=figure,
        table=_curve_and_means(known, law),
        title=title + ", extrapolated where dashed" * bool(beyond),
        caption=_caption(law, bool(beyond)),
        alt=_in_words(law),
        view=_view(law),
    )


def laws_figure(laws: Mapping[str, Law]) -> ReportFigure:
    """Draw several laws over each other, the first `MOST_CURVES` of them.

    Parameters
    ----------
    laws : mapping of str to Law
        At least one, of sizes that count the same thing.
    """
    import pandas as pd

    drawn = dict(list(laws.items())[:MOST_CURVES])
    first = next(iter(drawn.values()))
    curves = []
    with style.styled():
        figure = style.new_figure(height=4.8)
        axes = figure.subplots()
        colours = style.STYLE["axes.prop_cycle"].split("[")[1].split("]")[0]
        for index, (name, law) in enumerate(drawn.items()):
            colour = "#" + colours.split(",")[index].strip(" '")
            known = law_curve(law)
            inside = known[~known["extrapolated"]] if len(known) else known
            if len(inside):
                axes.plot(inside["n"], inside["seconds"], color=colour)
                curves.append(_curve_and_means(inside, law).assign(curve=name))
            kept = law.sizes > 0
            axes.plot(
                law.sizes[kept],
                law.means[kept],
                style.MARKERS[index % len(style.MARKERS)],
                color=colour,
                label=style.literal(name or "measured"),
            )
        _finish(axes, first)
        style.settle(figure)
    left = len(laws) - len(drawn)
    more = f" The first {len(drawn)} of {len(laws)} curves are drawn." if left else ""
    table = pd.concat(curves) if curves else pd.concat([measured(law) for law in drawn.values()])
    return ReportFigure(
        figure=figure,
        table=table,
        title=f"Time against {_axis(first)}, all curves",
        caption=f"Points are measured means, lines the laws within the measured sizes.{more}",
        alt=" ".join(f"{name}: {_in_words(law)}" for name, law in drawn.items()),
        view=overview(laws),
    )


def law_curve(law: Law) -> pd.DataFrame:
    """Return a law at a few hundred sizes, evenly on a logarithmic scale.

    Returns
    -------
    pandas.DataFrame
        ``n``, ``seconds``, ``low_seconds``, ``high_seconds``, ``extrapolated``; without rows
        where the law has a second variable, or where no measured size is above zero.
    """
    import numpy as np
    import pandas as pd

    names = ("n", "seconds", "low_seconds", "high_seconds", "extrapolated")
    positive = law.sizes[law.sizes > 0]
    if law.second_name or not positive.size:
        return pd.DataFrame({name: [] for name in names})
    sizes = np.geomspace(positive[0], BEYOND * law.largest, POINTS)
    sizes = np.unique(np.concatenate([sizes, positive]))
    band = law.predict(sizes)
    columns = (sizes, band.seconds, band.low, band.high, band.extrapolated)
    known = pd.DataFrame(dict(zip(names, columns, strict=True)))
    return known[np.isfinite(known["seconds"])].reset_index(drop=True)


def measured(law: Law) -> pd.DataFrame:
    """Return the measured means: ``n`` and ``measured_seconds``."""
    import pandas as pd

    return pd.DataFrame({"n": law.sizes, "measured_seconds": law.means})


def _curve_and_means(curve: pd.DataFrame, law: Law) -> pd.DataFrame:
    """Return a curve, which goes through every measured size, with the means there."""
    means = measured(law)
    return curve.merge(means, on="n", how="left") if len(curve) else means


def parameters_block(law: Law) -> Block:
    """Return a law in symbols, and the table of its parameters with their intervals."""
    import pandas as pd
    import sympy

    rows = pd.DataFrame(
        {
            "Parameter": [p.name for p in law.parameters],
            "Value": [parameter_text(p.name, p.value, p.unit) for p in law.parameters],
            f"{percentage(law.level, 0)} interval".replace("%", " %"): [
                parameter_interval(p.name, p.low, p.high, p.unit) for p in law.parameters
            ],
        }
    )
    table = data_table(rows, f"Parameters of the law: {named(law.family)}")
    formula = Formula(sympy.Eq(sympy.Symbol("T"), law.expression, evaluate=False))
    return Block(formula._repr_html_() + table.html, f"T = {law.expression}\n{table.text}")


def parameter_text(name: str, value: float, unit: str) -> str:
    """Write a cost with its prefix, and a size in full, as the answers write it."""
    return f"{size_text(value)} {unit}".rstrip() if name[:1] == "N" else engineering(value, unit)


def parameter_interval(name: str, low: float, high: float, unit: str) -> str:
    """Write the interval of a parameter as `parameter_text` writes the parameter."""
    if name[:1] == "N":
        return f"{size_text(low)} to {parameter_text(name, high, unit)}"
    return interval(low, high, unit)


def overview(laws: Mapping[str, Law]) -> pd.DataFrame:
    """Return a row for each law: its family, whether it holds, and its time at both ends."""
    import pandas as pd

    return pd.DataFrame(
        {
            "Curve": [name or law.source for name, law in laws.items()],
            "Family": [named(law.family) for law in laws.values()],
            "Holds": ["yes" if law.holds else "no" for law in laws.values()],
            "Sizes": [
                f"{size_text(law.smallest)} to {size_text(law.largest)}" for law in laws.values()
            ],
            "At the smallest": [engineering(float(law.means[0]), "s") for law in laws.values()],
            "At the largest": [engineering(float(law.means[-1]), "s") for law in laws.values()],
        }
    )


def answers_block(found: Answers) -> Block:
    """Return the table of answers from a law; what has none says why."""
    import pandas as pd

    return data_table(
        pd.DataFrame(_answer_rows(found), columns=["Question", "Answer", "Rests on"]),
        "Answers from the law",
    )


def _answer_rows(found: Answers) -> Iterator[tuple[str, str, str]]:
    unit = found.size_unit
    yield "Best rate at a measured size", _with_interval(found.best_rate), found.best_rate.note
    if found.n_half is not None:
        yield "Size of half the rate", found.n_half.size_text(unit), found.n_half.note
    elif "n_half" in found.reasons:
        yield "Size of half the rate", "none", found.reasons["n_half"]
    for knee in found.knees:
        yield "The law changes at", knee.size_text(unit), knee.note
    for optimum in (*found.shares, found.for_rate, found.for_latency):
        if optimum is not None:
            goal, _, answer = str(optimum).partition(": ")
            yield _capital(goal), answer, ""
    for name in ("for_rate", "for_latency"):
        if name in found.reasons:
            goal, _, why = found.reasons[name].partition(": ")
            yield _capital(goal), "no size", why
    if found.fill is not None:
        yield "Longest wait for a batch to fill", _with_interval(found.fill), found.fill.note
    for name, latency in (("P50 of the latency", found.p50), ("P99 of the latency", found.p99)):
        if latency is not None:
            yield name, _with_interval(latency), latency.note
    for cost in filter(lambda cost: cost.is_told, found.costs):
        words = f"{percentage(cost.share.value, 0)} of T; half of it: {percent(cost.gain, 0)} rate"
        yield f"Cost of {cost.name} at N = {size_text(found.at_size)}", words, cost.share.note
    yield "Next size to measure", found.next_size.size_text(unit), found.next_size.note


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"


def _with_interval(quantity: Quantity) -> str:
    value = engineering(quantity.value, quantity.unit)
    if quantity.low == quantity.high:
        return value
    return f"{value} ({interval(quantity.low, quantity.high, quantity.unit)})"


def _named(law: Law) -> str:
    if law.interpolates:
        return "interpolation, no law"
    return f"law: {named(law.family)}" if law.family != "none" else "nearest law, does not hold"


def _axis(law: Law) -> str:
    # "bytes (B)" would say it twice.
    named = law.size_unit and law.size_name != "bytes"
    return f"{law.size_name} ({law.size_unit})" if named else law.size_name


def _finish(axes: Axes, law: Law) -> None:
    axes.set(xscale="log", yscale="log", ylabel=f"time, {law.time_kind}")
    axes.set_xlabel(style.literal(_axis(law)))
    style.log_ticks(axes.xaxis)
    style.log_ticks(axes.yaxis, "s")
    axes.legend(loc="best")


def _caption(law: Law, beyond: bool) -> str:
    zero = law.sizes == 0
    parts = [f"Points are the means of {len(law.sizes)} measured sizes"]
    if law.second_name:
        parts.append(f"the law also has {law.second_name}, so that no single curve is drawn")
    elif beyond:
        parts.append(f"dashed beyond {size_text(law.largest)}")
    if zero.any():
        parts.append(f"size 0 took {engineering(float(law.means[zero][0]), 's')} and is not drawn")
    if not law.holds:
        parts.append("the law does not explain the data, see the words above")
    source = Path(law.source).name if law.source else "not named"
    return f"{'; '.join(parts)}. Source: {source}."


def _in_words(law: Law) -> str:
    first, last = (engineering(float(law.means[at]), "s") for at in (0, -1))
    return (
        f"{len(law.sizes)} sizes from {size_text(law.smallest)} to {size_text(law.largest)} "
        f"{_axis(law)}: {first} to {last}. " + " ".join(f"{line}." for line in law.verdict[:1])
    )


def _view(law: Law) -> pd.DataFrame:
    """Return the measured sizes: mean, law, interval and what the law is off."""
    import pandas as pd

    rows: dict[str, Any] = {
        _axis(law): [size_text(size) for size in law.sizes],
        "Measured": [engineering(float(mean), "s") for mean in law.means],
    }
    if not law.second_name:
        band = law.predict(law.sizes)
        # What joins the points is nowhere off: to say so would praise a law that does not hold.
        if not law.interpolates:
            rows["Law"] = [engineering(float(t), "s") for t in band.seconds]
        rows["95 % interval"] = [
            interval(float(low), float(high), "s")
            for low, high in zip(band.low, band.high, strict=True)
        ]
        if not law.interpolates:
            off = law.means / band.seconds - 1
            rows["Measured / law \N{MINUS SIGN} 1"] = [percent(float(share)) for share in off]
    return pd.DataFrame(rows)
