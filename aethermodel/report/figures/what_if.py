"""Figures of what-if: roofline, binding term, sensitivities, assumptions."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aethermodel.calibrate.predict.calibration_answers import Answers
from aethermodel.calibrate.predict.size_answers import SHARES
from aethermodel.report import style
from aethermodel.report.curve import POINTS, curve, extrapolated, solid_and_dashed
from aethermodel.report.engineering_notation import count, engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.provenance import provenance
from aethermodel.report.readable_table import CHANGE, REST, SHARE
from aethermodel.text.percentages import percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aethermodel.calibrate.predict.monte_carlo import Answer
    from aethermodel.calibrate.predict.scenario import Scenario
    from aethermodel.calibrate.predict.size_answers import Optimum, SizeAnswers
    from aethermodel.model.roofline import Ceiling

#: Colour of what was measured, what is published, and what is assumed.
ORIGIN_COLOURS = {
    "measured": style.MEASURED,
    "published": style.QUIET,
    "assumed": style.TERM_COLOURS["ffi"],
}
#: Ceilings differ without colour as well.
_CEILING_DASHES: tuple[Any, ...] = (":", "-.", (0, (6, 2)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)))
_CHANGE_MARKERS = style.MARKERS
_TOP = 1e6


def roofline_figure(
    base: Scenario,
    changed: Scenario,
    published: list[Ceiling],
    top: float = _TOP,
    *,
    each: Mapping[str, Scenario] | None = None,
    at: float | None = None,
) -> ReportFigure:
    """Draw the rate of a calibration and of changes to it under the ceilings.

    Parameters
    ----------
    base, changed : Scenario
        As calibrated, and with all assumptions; the same where nothing is assumed.
    published : list of Ceiling
    top : float
        Largest batch size.
    each : mapping of str to Scenario, optional
        Of several changes each alone, by its name: a line of its own.
    at : float, optional
        Batch size at which the caption says the rates.
    """
    law = curve(base, 1, top)
    sizes = law["n"].to_numpy()
    ceilings = Answers(changed).ceilings(sizes, published)
    columns = {"n": sizes, "calibrated": sizes / law["predicted_seconds"].to_numpy()}
    changes = {name: one for name, one in (each or {}).items() if one.assumptions}
    if len(changes) < 2:
        changes = {}
    if changed.assumptions:
        changes["all that is assumed" if changes else "what is assumed"] = changed
    with style.styled():
        figure = style.new_figure()
        axes = figure.subplots()
        axes.fill_between(
            sizes,
            sizes / law["predicted_high"],
            sizes / law["predicted_low"],
            color=style.MODEL,
            alpha=0.2,
            linewidth=0,
        )
        solid_and_dashed(
            axes, law, columns["calibrated"], color=style.MODEL, label="model, as calibrated"
        )
        for (name, one), shape in zip(changes.items(), cycle(_CHANGE_MARKERS)):
            columns[name] = sizes / one.predict(sizes).seconds
            axes.plot(
                sizes,
                columns[name],
                "-.",
                color=ORIGIN_COLOURS["assumed"],
                marker=shape if one is not changed else None,
                markevery=30,
                markersize=4,
                label=f"model, with {name}",
            )
        for ceiling, dashes in zip(ceilings, cycle(_CEILING_DASHES)):
            columns[ceiling.name] = ceiling.at(sizes)
            colour = ORIGIN_COLOURS[ceiling.origin]
            axes.plot(
                sizes,
                columns[ceiling.name],
                linestyle=dashes,
                color=colour,
                linewidth=1.2,
                label=f"{ceiling.name} ({ceiling.origin})",
            )
        axes.set(xscale="log", yscale="log")
        axes.set_ylim(top=3e9)
        if at:
            axes.axvline(at, color=style.QUIET, linewidth=0.8)
        axes.set_xlabel("batch size N")
        axes.set_ylabel("events a second")
        style.log_ticks(axes.xaxis)
        style.log_ticks(axes.yaxis, "1/s")
        figure.legend(loc="outside upper left", ncols=2)
        style.settle(figure)
    table = pd.DataFrame(columns)
    return ReportFigure(
        figure,
        table,
        "Throughput under its ceilings" + ", extrapolated where dashed" * _reaches(base, top),
        f"{_rates_at(at, base, changes)}Blue with its 95 % band: the model as calibrated, dashed "
        "where extrapolated. Dash-dotted: with what is assumed. Thin: ceilings, measured, "
        f"published or assumed as their names say. {provenance(changed)}",
        view=table[::30],
        units={REST: "events/s"},
    )


def _reaches(scenario: Scenario, n: float) -> bool:
    """Whether a batch size lies beyond all that were calibrated."""
    return bool(extrapolated(scenario, n))


def _rates_at(at: float | None, base: Scenario, changes: Mapping[str, Scenario]) -> str:
    if not at:
        return ""
    named = {"as calibrated": base} | {f"with {name}": one for name, one in changes.items()}
    rates = "; ".join(
        f"{name} {engineering(at / float(one.predict(at).seconds[0]), 'msg/s')}"
        for name, one in named.items()
    )
    return f"At N = {count(at)}{extrapolated(base, at)}: {rates}. "


def bottleneck_figure(scenario: Scenario, top: float = _TOP) -> ReportFigure:
    """Draw each term's share of T_batch over the batch size, crossovers marked."""
    sizes = np.geomspace(1, top, POINTS)
    largest = scenario.calibration.largest
    budget = scenario.model.budget(sizes)
    total = np.sum(list(budget.values()), axis=0)
    shares = {term: cost / total for term, cost in budget.items()}
    bounds = Answers(scenario).bottlenecks(top)
    with style.styled():
        figure = style.new_figure(height=3.6)
        axes = figure.subplots()
        colours = [style.TERM_COLOURS[term] for term in shares]
        names = [style.TERM_NAMES[term] for term in shares]
        axes.stackplot(sizes, [100 * s for s in shares.values()], colors=colours, labels=names)
        for index, bound in enumerate(bounds[:-1]):
            axes.axvline(bound.end.value, color=style.INK, linewidth=1)
            axes.annotate(
                f" N = {count(bound.end.value)}",
                (bound.end.value, 97 - 7 * index),
                va="top",
                fontsize=8,
            )
        if _reaches(scenario, top):
            axes.axvspan(largest, top, facecolor="none", edgecolor=style.PAPER, hatch="//")
            axes.annotate("extrapolated ", (top, 3), ha="right", fontsize=8)
        axes.set_xscale("log")
        axes.set_xlim(1, top)
        axes.set_ylim(0, 100)
        axes.set_xlabel("batch size N")
        axes.set_ylabel("% of a batch's time")
        style.log_ticks(axes.xaxis)
        figure.legend(loc="outside upper left", ncols=4)
        style.settle(figure)
    words = "; then ".join(
        f"the {style.TERM_NAMES[bound.term]} binds"
        + (
            f" up to N = {count(bound.end.value)} (95 %: {_ranged(bound.end)})"
            if bound is not bounds[-1]
            else " throughout" * (len(bounds) == 1)
        )
        for bound in bounds
    )
    words = words[0].upper() + words[1:]
    table = pd.DataFrame({"n": sizes, **shares})
    beyond = f" Hatched: extrapolated beyond N = {count(largest)}." * _reaches(scenario, top)
    caption = f"{words}.{beyond} {provenance(scenario)}"
    return ReportFigure(
        figure, table, "Share of each term in a batch's time", caption, view=table[::30],
        units={REST: SHARE},
    )  # fmt: skip


def sensitivity_figure(scenario: Scenario, n: int) -> ReportFigure:
    """Draw what halving each cost buys at a batch size, ranked, with intervals."""
    found = [buys for buys in Answers(scenario).sensitivity(n) if not buys.is_term][::-1]
    meanings = {name: p.meaning for name, p in scenario.model.parameters.items()}
    table = pd.DataFrame(
        {
            "halved": [buys.name for buys in found],
            "origin": ["assumed" if buys.assumed else "measured" for buys in found],
            "gain": [buys.gain.value for buys in found],
            "low": [buys.gain.low for buys in found],
            "high": [buys.gain.high for buys in found],
        }
    )
    with style.styled():
        # Each name above its bar: beside them the names would take most of the figure.
        figure = style.new_figure(height=0.8 + 0.34 * len(found))
        axes = figure.subplots()
        spread = [table["gain"] - table["low"], table["high"] - table["gain"]]
        axes.barh(
            table.index,
            100 * table["gain"],
            height=0.4,
            xerr=[100 * side for side in spread],
            color=[ORIGIN_COLOURS[origin] for origin in table["origin"]],
            error_kw={"ecolor": style.INK, "linewidth": 1},
        )
        for at, name in enumerate(table["halved"]):
            axes.annotate(
                f"{meanings[name]} ({name})", (0, at + 0.22), xytext=(3, 0),
                textcoords="offset points", va="bottom", fontsize=8,
            )  # fmt: skip
        axes.set_yticks([])
        axes.set_ylim(-0.5, len(found) - 0.1)
        for origin in ("measured", "assumed") if scenario.assumptions else ():
            named = {"measured": "calibrated cost", "assumed": "assumed cost"}[origin]
            axes.barh([0], [0], color=ORIGIN_COLOURS[origin], label=named)
        if scenario.assumptions:
            axes.legend(loc="lower right")
        axes.set_xlabel("% more throughput if halved")
        style.settle(figure)
    best = found[-1]
    return ReportFigure(
        figure,
        table[::-1],
        f"What halving a cost buys at N = {count(n)}{extrapolated(scenario, n)}",
        f"Halving {meanings[best.name]} ({best.name}) buys {percent(best.gain.value)} at "
        f"N = {count(n)}. Bars with 95 % intervals. {provenance(scenario)}",
        units=dict.fromkeys(("gain", "low", "high"), CHANGE),
    )


def optima_table(scenario: Scenario, within: float, rate: float) -> pd.DataFrame:
    """Return batch sizes for the usual goals, as text for reading."""
    return goals_table(Answers(scenario), within, rate, "msg/s")


def goals_table(answers: SizeAnswers, within: float, rate: float, unit: str) -> pd.DataFrame:
    """Return the same of any law; `unit` is that of rates."""
    goals = [answers.share(share) for share in SHARES]
    goals += [answers.within(within), answers.rate(rate)]
    return pd.DataFrame(
        {
            "N": [_size(goal) for goal in goals],
            "95 %": [_ranged(goal.size) for goal in goals],
            "up to": [_last(goal) for goal in goals],
            "rate": [engineering(goal.per_second.value, unit) for goal in goals],
        },
        index=[goal.goal for goal in goals],
    ).rename_axis("goal")


def _size(goal: Optimum) -> str:
    if not np.isfinite(goal.size.value):
        return "none"
    return count(goal.size.value) + " (extrapolated)" * goal.extrapolated


def _last(goal: Optimum) -> str:
    return count(goal.last.value) if np.isfinite(goal.last.value) else ""


def _ranged(found: Answer) -> str:
    ends = (found.low, found.high)
    return " to ".join(count(end) if np.isfinite(end) else "unbounded" for end in ends)
