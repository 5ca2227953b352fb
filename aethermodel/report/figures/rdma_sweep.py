"""Figures of an RDMA sweep: the fitted law and its held-out errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import sympy

from aethermodel import thresholds
from aethermodel.model.verbs.verbs_cost import transfer_time
from aethermodel.report import style
from aethermodel.report.blocks import Block, SummaryRow, summary_block
from aethermodel.report.engineering_notation import engineering, interval
from aethermodel.report.figure import ReportFigure
from aethermodel.report.math.mathml import Formula, Meaning
from aethermodel.text.percentages import percent, percentage

if TYPE_CHECKING:
    from aethermodel.calibrate.verbs.cost_fit import HeldOut, VerbsFit
    from aethermodel.calibrate.verbs.cost_samples import VerbsSamples

MEANINGS = {
    "L": "latency, what a batch costs before its first message",
    "o_w": "one message: its work request written and taken up, and acknowledged",
    "o_db": "one doorbell: the system call on Soft-RoCE",
    "o_cqe": "taking one completion",
    "c_i": "copying one inline byte",
    "g": "the device's gap between messages",
    "d_pay": "reading the payload of a message that is not inline",
    "g_pkt": "one packet: built, sent and received",
    "G": "one byte: copied and checked on Soft-RoCE, on the wire of a card",
    "rtt": "round trip until a completion",
}


def provenance(samples: VerbsSamples) -> str:
    """Return where, when and on what a sweep was measured."""
    note = (
        " The processor was emulated: only ratios mean anything, and no figure is a card's."
        if samples.emulated
        else ""
    )
    return (
        f"Label: {samples.label}. Device {samples.device}, MTU {samples.mtu} B, kernel "
        f"{samples.kernel}, host {samples.host.id}, {samples.created}, seed "
        f"{samples.seed}; both ends on one device.{note}"
    )


def verdict(samples: VerbsSamples, judged: HeldOut) -> Block:
    """Return whether the law foretells what it has not seen."""
    table = judged.table
    rows = [
        SummaryRow(
            "median error, held-out settings",
            percentage(judged.median_error),
            f"at most {percentage(thresholds.VERBS_ERROR, 0)}",
            judged.outcome,
        ),
        SummaryRow("worst error, held-out settings", percentage(judged.worst_error)),
        SummaryRow("median error, training settings", percentage(judged.training_error)),
        SummaryRow("held-out settings inside their 95 % interval", percentage(judged.coverage, 0)),
        SummaryRow("spread of the processes' fastest samples (noise)", percentage(judged.spread)),
    ]
    posts, completions = int(table["posts"].sum()), int(table["completions"].sum())
    paragraph = (
        f"{len(table)} settings, {judged.settings} of them held out before anything was measured; "
        f"costs were fitted to the others once. One batch of each setting took {posts:,} posts "
        f"and {completions:,} completions, exactly the sums of ceil(N/p) and ceil(N/k). "
        + _packets(samples)
        + provenance(samples)
    )
    headline = {
        "pass": "The cost model foretells settings it has not seen",
        "fail": "The cost model does not foretell settings it has not seen",
        "inconclusive": "The host was too noisy to tell",
    }[judged.outcome]
    return summary_block(judged.outcome, headline, paragraph, rows)


def _packets(samples: VerbsSamples) -> str:
    """Say how the driver's count of packets compares with the formula, where it counts them."""
    counted = [row for row in samples.rows if row.packets is not None]
    if not counted:
        return ""
    exact = sum(
        row.packets == row.messages * (-(-row.message_bytes // samples.mtu) + 1) for row in counted
    )
    return (
        f"The driver's count of packets was N (ceil(b/MTU) + 1), one acknowledgement a message, "
        f"in {exact} of {len(counted)} settings. "
    )


def formula(fit: VerbsFit) -> Formula:
    """Return T with the fitted constants in its legend."""
    legend = [
        Meaning(sympy.Symbol(name), MEANINGS[name], engineering(found.value, found.unit))
        for name, found in fit.parameters.items()
    ]
    legend += [
        Meaning("N, b", "messages in the batch, bytes in each"),
        Meaning("p, k", "messages a doorbell, and a completion"),
    ]
    # What was not fitted is zero: it folds into another cost.
    symbols = transfer_time(False, fit.costs.serial)
    folded = {
        symbol: sympy.Integer(getattr(fit.costs, symbol.name))
        for symbol in symbols.free_symbols
        if symbol.name in ("g", "d_wqe", "q", "h_pkt", "h_op") and symbol.name not in fit.parameters
    }
    return Formula(sympy.Eq(sympy.Symbol("T_fabric"), symbols.subs(folded)), legend)


def costs_table(fit: VerbsFit) -> pd.DataFrame:
    """Return the fitted costs with their 95 % intervals, as text for reading."""
    return pd.DataFrame(
        {
            "cost": list(fit.parameters),
            "fitted": [engineering(p.value, p.unit) for p in fit.parameters.values()],
            "95 % interval": [interval(p.low, p.high, p.unit) for p in fit.parameters.values()],
            "meaning": [MEANINGS[name] for name in fit.parameters],
            "label": fit.label,
        }
    )


def measured_vs_predicted(samples: VerbsSamples, judged: HeldOut) -> ReportFigure:
    """Draw measured against predicted times a message, residuals below; held-out ones hollow."""
    table = judged.table.assign(label=samples.label)
    with style.styled():
        figure = style.new_figure(height=5.2)
        above, below = figure.subplots(
            2, 1, sharex=True, gridspec_kw={"height_ratios": [2, 1], "hspace": 0.06}
        )
        edge = [table["predicted_seconds"].min() / 1.5, table["predicted_seconds"].max() * 1.5]
        above.plot(edge, edge, color=style.MODEL, label="model")
        for held_out, part in table.groupby("held_out"):
            paint = {
                "fmt": "o",
                "color": style.MEASURED,
                "markersize": 4.5,
                "markerfacecolor": style.PAPER if held_out else style.MEASURED,
                "label": "held out" if held_out else "trained on",
            }
            spread = [part["seconds"] - part["low"], part["high"] - part["seconds"]]
            above.errorbar(part["predicted_seconds"], part["seconds"], yerr=spread, **paint)
            below.plot(
                part["predicted_seconds"],
                100 * (part["seconds"] / part["predicted_seconds"] - 1),
                "o",
                color=style.MEASURED,
                markersize=4.5,
                markerfacecolor=style.PAPER if held_out else style.MEASURED,
            )
        below.axhline(0, color=style.MODEL)
        for level in (-10, 10):
            below.axhline(level, color=style.QUIET, linewidth=0.8, linestyle=":")
        above.set(xscale="log", yscale="log", ylabel="measured, a batch")
        below.set(xlabel="predicted, a batch", ylabel="residual (%)")
        for axis in (above.xaxis, above.yaxis):
            style.log_ticks(axis, "s")
        above.legend(loc="upper left")
        style.settle(figure)
    return ReportFigure(
        figure,
        table,
        f"A batch over verbs, measured and predicted ({samples.label})",
        "Each point is a setting (N, bytes, p, k, window, inline): the fastest sample, "
        "with a bar up to the fastest of the slowest process. Hollow points were held "
        f"out. {provenance(samples)}",
        alt=(
            f"{len(table)} settings from {engineering(table['seconds'].min(), 's')} to "
            f"{engineering(table['seconds'].max(), 's')} a batch. Held out: {judged.settings}, "
            f"median error {percentage(judged.median_error)}, worst "
            f"{percentage(judged.worst_error)}."
        ),
        view=readable(judged),
    )


def readable(judged: HeldOut) -> pd.DataFrame:
    """Return the table of settings for reading: each with measured, predicted and error."""
    t = judged.table.sort_values(["held_out", "seconds"], ascending=[False, True])
    return pd.DataFrame(
        {
            "N": t["messages"],
            "bytes": t["message_bytes"],
            "p": t["list_length"],
            "k": t["signal_every"],
            "W": t["window"],
            "inline": ["yes" if x else "no" for x in t["inline"]],
            "posts": t["posts"],
            "completions": t["completions"],
            "measured": [engineering(x, "s") for x in t["seconds"]],
            "median of all": [engineering(x, "s") for x in t["median_seconds"]],
            "predicted": [engineering(x, "s") for x in t["predicted_seconds"]],
            "95 % interval": [
                interval(low, high, "s")
                for low, high in zip(t["predicted_low"], t["predicted_high"], strict=True)
            ],
            "error": [percent(x) for x in t["error"]],
            "dearest": t["binding"],
            "held out": ["yes" if x else "no" for x in t["held_out"]],
        }
    ).reset_index(drop=True)
