"""Figures of the specification's budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from aethermodel.report import style
from aethermodel.report.curve import POINTS
from aethermodel.report.engineering_notation import count, engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.math.formulas import batch_formula
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.published.specification import Specification
    from aethermodel.report.math.mathml import Formula

_ON_PAPER = "Label: simulated. Computed from the specification's assumptions; nothing was measured."


def formula(specification: Specification) -> Formula:
    """Return T_batch with what its symbols mean and the specification assumes for them."""
    return batch_formula(specification.model(), events="messages")


def budget_figure(specification: Specification, batch_size: int) -> ReportFigure:
    """Draw the share of each term in one batch.

    Parameters
    ----------
    specification : Specification
    batch_size : int
        Messages in the batch.
    """
    model = specification.model()
    budget = {name: float(cost) for name, cost in model.budget(batch_size).items()}
    total = sum(budget.values())
    table = pd.DataFrame(
        {
            "term": list(budget),
            "seconds": list(budget.values()),
            "share": [seconds / total for seconds in budget.values()],
        }
    )
    with style.styled():
        figure = style.new_figure(height=2.6)
        axes = figure.subplots()
        colours = [style.TERM_COLOURS[name] for name in budget]
        bars = axes.barh(
            [style.TERM_NAMES[name] for name in budget], table["seconds"] * 1e6, color=colours
        )
        axes.bar_label(bars, [percentage(share) for share in table["share"]], padding=4)
        axes.invert_yaxis()
        axes.set_xlabel("µs a batch")
        axes.margins(x=0.12)
        style.settle(figure)
    return ReportFigure(
        figure,
        table,
        f"T_batch = {engineering(total, 's')} at N = {count(batch_size)} (simulated)",
        f"The {model.binding_term(batch_size)} term binds. {_ON_PAPER}",
    )


def throughput_figure(specification: Specification, batch_size: int) -> ReportFigure:
    """Draw throughput against batch size with its limit, N-half and the memory bound."""
    model = specification.model()
    sizes = np.unique(np.append(np.geomspace(1, max(1e6, batch_size), POINTS), batch_size))
    table = pd.DataFrame({"n": sizes, "messages_per_second": model.throughput_at(sizes)})
    limit, half = model.limit_per_second(), model.n_half()
    memory = specification.memory_bound_per_second()
    here = float(model.throughput_at(batch_size))
    with style.styled():
        figure = style.new_figure()
        axes = figure.subplots()
        axes.loglog(sizes, table["messages_per_second"], color=style.MODEL, label="model")
        name = f"N = {count(batch_size)}: {engineering(here, 'msg/s')}"
        axes.plot(batch_size, here, "o", color=style.MODEL, label=name)
        axes.axhline(
            limit, linestyle="--", color=style.QUIET, label=f"limit {engineering(limit, 'msg/s')}"
        )
        axes.axhline(
            memory, linestyle=":", color=style.QUIET, label="memory bandwidth, 64-byte messages"
        )
        axes.axvline(half, linestyle="-.", color=style.QUIET, label=f"N-half = {count(half)}")
        axes.set_xlabel("batch size N (messages)")
        style.log_ticks(axes.xaxis)
        style.log_ticks(axes.yaxis, "1/s")
        axes.set_ylabel("messages a second")
        figure.legend(loc="outside upper left", ncols=3)
        style.settle(figure)
    return ReportFigure(
        figure, table, "Throughput against batch size (simulated)", _ON_PAPER, view=table[::30]
    )


def rates_table(specification: Specification, batch_size: int) -> pd.DataFrame:
    """Return the rates that bound the design, in messages a second, as text for reading."""
    model = specification.model()
    rates = {
        "naive: one message a batch": float(model.throughput_at(1)),
        f"batches of {count(batch_size)}": float(model.throughput_at(batch_size)),
        "limit: batches without end": model.limit_per_second(),
        "memory bandwidth: each message read once": specification.memory_bound_per_second(),
    }
    return pd.DataFrame(
        {"rate": [engineering(rate, "msg/s") for rate in rates.values()]}, index=list(rates)
    ).rename_axis("case")
