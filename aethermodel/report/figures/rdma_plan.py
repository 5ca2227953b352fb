"""Figures of RDMA plans: published cards, and the binding term."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from aethermodel.model.verbs.verbs_cost import COSTS, STAGES, VerbsCosts, stage_times
from aethermodel.published.rdma_costs import Card, card, load_cards
from aethermodel.report import style
from aethermodel.report.engineering_notation import count, engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.text.percentages import percentage
from cython_core.rdma.posting_plan import plan

if TYPE_CHECKING:
    from aethermodel.calibrate.verbs.cost_fit import VerbsFit

STAGE_COLOURS = {
    "cpu": style.TERM_COLOURS["kernel"],
    "nic": style.TERM_COLOURS["fabric"],
    "wire": style.TERM_COLOURS["loop"],
    "window": style.TERM_COLOURS["ffi"],
}
_SIGNALS = (1, 16, 64)


class RdmaParameters(BaseModel):
    """Parameters of notebook 50.

    Attributes
    ----------
    messages, message_bytes : int
        N and b of the batch to plan.
    depth : int
        Work requests that the send queue holds.
    card : str
        Of data/rdma-nics.toml, for the map of what binds.
    samples : str
        A sweep by `aethermodel bench rdma`; empty: the committed one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    messages: int = Field(10_000, ge=1, le=2**24)
    message_bytes: int = Field(64, ge=1, le=2**24)
    depth: int = Field(128, ge=1, le=4096)
    card: str = "connectx-6"
    samples: str = ""

    @field_validator("card")
    @classmethod
    def _known(cls, name: str) -> str:
        card(name)
        return name


def plans(given: RdmaParameters, fit: VerbsFit | None = None) -> pd.DataFrame:
    """Return the best way to send one batch on each card, and on the measured device.

    Returns
    -------
    pandas.DataFrame
        A row a device: ``label`` (``simulated`` for what is on paper), ``p``, ``k``, ``inline``,
        ``doorbells``, ``completions``, ``binds``, ``time``, ``rate``, and ``assumed``, the
        costs that no source gives.
    """
    rows = [
        _plan_row(one.name, "simulated", one.costs, given, ", ".join(sorted(one.assumed)))
        for one in load_cards().values()
    ]
    if fit is not None:
        rows.append(_plan_row("measured device", fit.label, fit.costs, given, ""))
    return pd.DataFrame(rows)


def _plan_row(
    name: str, label: str, costs: VerbsCosts, given: RdmaParameters, assumed: str
) -> dict[str, object]:
    best = plan(given.messages, given.message_bytes, costs, depth=given.depth)
    return {
        "device": name,
        "label": label,
        "p": best.list_length,
        "k": best.signal_every,
        "inline": "yes" if best.inline else "no",
        "doorbells": best.posts,
        "completions": best.completions,
        "binds": best.binding,
        "time": engineering(best.seconds, "s"),
        "rate": engineering(given.messages / best.seconds, "msg/s"),
        "assumed": assumed,
    }


def card_table(one: Card) -> pd.DataFrame:
    """Return a card's costs with what they rest on, as text for reading: each with its unit."""
    table = one.table()
    values = zip(table["value"], table["unit"], strict=True)
    return pd.DataFrame(
        {
            "cost": table["cost"],
            "meaning": [COSTS[name][1] for name in table["cost"]],
            "value": [engineering(value, unit) for value, unit in values],
            "basis": table["basis"],
            "source": table["source"],
        }
    )


def binding_table(
    costs: VerbsCosts, messages: int, depth: int, sizes: np.ndarray | None = None
) -> pd.DataFrame:
    """Return which stage binds, by p, k and message size.

    Returns
    -------
    pandas.DataFrame
        ``list_length``, ``signal_every``, ``message_bytes``, ``binds`` and ``seconds``, for
        lists and signals that the window carries.
    """
    sizes = 2.0 ** np.arange(3, 17, 0.5) if sizes is None else sizes
    lists = 2 ** np.arange(int(np.log2(depth)) + 1)
    parts = []
    for k in _SIGNALS:
        for p in lists[lists + k - 1 <= depth]:
            inline = sizes <= costs.inline_limit
            total, stage = stage_times(costs, messages, sizes, p, k, depth, inline=False)
            if inline.any():
                short, own = stage_times(costs, messages, sizes, p, k, depth, inline=True)
                total = np.where(inline, short, total)
                stage = np.where(inline, own, stage)
            binds = np.array(STAGES)[stage.argmax(axis=0)]
            parts.append(
                pd.DataFrame(
                    {
                        "list_length": p,
                        "signal_every": k,
                        "message_bytes": sizes.round().astype(int),
                        "binds": binds,
                        "seconds": total,
                    }
                )
            )
    return pd.concat(parts, ignore_index=True)


def binding_map(one: Card, given: RdmaParameters) -> ReportFigure:
    """Draw which stage binds against message size (across) and list length (up), by k."""
    from matplotlib.patches import Patch
    from matplotlib.ticker import FuncFormatter

    table = binding_table(one.costs, given.messages, given.depth)
    kinds = list(dict.fromkeys(table["signal_every"]))
    with style.styled():
        figure = style.new_figure(height=3.4)
        panels = figure.subplots(1, len(kinds), sharey=True, squeeze=False)[0]
        for axes, k in zip(panels, kinds, strict=True):
            part = table[table["signal_every"] == k]
            axes.scatter(
                part["message_bytes"],
                part["list_length"],
                c=[STAGE_COLOURS[stage] for stage in part["binds"]],
                marker="s",
                s=34,
                linewidths=0,
            )
            axes.set(title=f"one signal in {k}", xlabel="bytes a message")
            axes.set_xscale("log", base=2)
            axes.set_yscale("log", base=2)
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
            axes.grid(False)
        panels[0].set_ylabel("messages a doorbell (p)")
        used = [stage for stage in STAGES if (table["binds"] == stage).any()]
        figure.legend(
            handles=[Patch(color=STAGE_COLOURS[stage], label=stage) for stage in used],
            loc="outside lower center",
            ncols=len(used),
        )
        style.settle(figure)
    shares = "; ".join(
        f"{stage} {percentage((table['binds'] == stage).mean(), 0)}" for stage in used
    )
    return ReportFigure(
        figure,
        table,
        f"Which term binds on {one.name} (simulated)",
        f"Label: simulated. N = {given.messages:,}, window {given.depth}; inline up to "
        f"{one.costs.inline_limit:.0f} B. Computed from published and assumed costs; nothing was "
        f"measured. Assumed: {', '.join(sorted(one.assumed))}.",
        alt=f"Share of the settings in which each stage binds on {one.name}: {shares}.",
        view=table[table["message_bytes"].isin([8, 64, 256, 1024, 4096, 65_536])],
    )
