"""Figures of a diagnosis: observations, ranked levers, time by term."""

from __future__ import annotations

from html import escape
from statistics import median
from typing import TYPE_CHECKING, Any

from aethermodel import thresholds
from aethermodel.bench.extreme.advice import in_words
from aethermodel.inputs.sizes import memory
from aethermodel.report import style
from aethermodel.report.blocks import Block, SummaryRow, Verdict, summary_block
from aethermodel.report.engineering_notation import count, engineering, interval
from aethermodel.report.figure import ReportFigure, table_html
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.bench.extreme import Diagnosis


def diagnosis(found: Diagnosis) -> Block:
    """Return the whole of it as one block.

    Parameters
    ----------
    found : Diagnosis

    Returns
    -------
    Block
        As HTML, and as text for the console.
    """
    summary = _summary(found)
    levers, terms = advice_table(found), _terms(found)
    parts = (
        ("What each lever gains, clear gains first", levers),
        ("Time of a batch by term, and what halving it would gain, by the model", terms),
    )
    html = "".join(
        f'<div class="ae"><div class="ae-heading">{escape(title)}</div>'
        f'<div class="ae-scroll" tabindex="0" role="group" aria-label="{escape(title)}">'
        f"{table_html(shown, title)}</div></div>"
        for title, shown in parts
    )
    lines = [summary.text, "Time of a batch by term, and what halving it would gain, by the model:"]
    for term in terms.to_dict("records"):
        lines.append(f"  {term['Term']:12} {term['Time']:>9}  ({term['Interval']})")
        if term["Halved"]:
            lines.append(f"  {'':12} {term['Halved']:>9}  by {term['How']}")
    lines.append("What each lever gains (clear ones first, the greatest on top):")
    for one, row in zip(found.advice, levers.to_dict("records"), strict=True):
        noise = ", within the noise" if one.low <= 0 <= one.high else ""
        lines.append(
            f"  {row['Gain']:>8}  {row['What to do']}\n"
            f"            {row['Interval']}, {row['In messages']}{noise}; {row['Basis']}"
        )
    return Block(summary.html + html, "\n".join(lines))


def advice_table(found: Diagnosis) -> pd.DataFrame:
    """Return the advice as a table of words, in its ranking."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "Gain": in_words(one.gain),
                "What to do": f"{one.lever}: {one.action}",
                "Interval": f"{in_words(one.low)} to {in_words(one.high)}",
                "In messages": ("+" if one.per_second >= 0 else "")
                + engineering(one.per_second, "msg/s"),
                "Basis": f"measured: {one.why}",
            }
            for one in found.advice
        ]
    )


def turns(found: Diagnosis) -> ReportFigure:
    """Draw how long turns of the loop took, and how many batches waited."""
    import pandas as pd

    figures = found.observation.figures()
    taken = pd.DataFrame(figures["turn_histogram_seconds"], columns=["seconds", "turns"])
    depths = pd.DataFrame(figures["queue_depth_batches"], columns=["waiting", "receives"])
    with style.styled():
        figure = style.new_figure(height=3.0)
        left, right = figure.subplots(1, 2)
        left.vlines(taken["seconds"] * 1e6, 0, taken["turns"], color=style.MEASURED)
        left.set_xscale("log")
        style.log_ticks(left.xaxis)
        left.set_ylim(bottom=0)
        left.set_xlabel("turn of the loop (µs)")
        left.set_ylabel("turns")
        right.bar(depths["waiting"], depths["receives"], color=style.MODEL)
        right.set_xlabel("batches that waited at a receive")
        right.set_ylabel("receives")
        style.settle(figure)
    turn = figures["turn_seconds"]
    label = found.design.label
    return ReportFigure(
        figure,
        taken,
        f"Turns of the loop and depth of the queue ({label})",
        f"Label: {label}. {count(found.observation.batches)} batches of "
        f"{count(found.design.batch_size)}, watched apart from the timed runs. A turn runs from "
        "the end of one batch to the end of the next.",
        alt=f"Turns of the loop took {engineering(turn['p50'], 's')} in the median, "
        f"{engineering(turn['p99'], 's')} at P99, {engineering(turn['maximum'], 's')} at most; "
        f"{percentage(figures['full_share'], 0)} of the sends waited for room, "
        f"{percentage(figures['empty_share'], 0)} of the receives for a batch.",
    )


def _summary(found: Diagnosis) -> Block:
    threshold = found.threshold_per_second
    verdict: Verdict = "pass" if found.ready else "fail"
    if found.low <= threshold <= found.high:
        verdict = "inconclusive"  # the rounds disagree
    turn = found.observation.figures()["turn_seconds"]
    tick = found.observation.figures()["tick_seconds"]
    rows = [
        SummaryRow(
            "throughput",
            f"{engineering(found.per_second, 'msg/s')} "
            f"({interval(found.low, found.high, 'msg/s')})",
            f"above {engineering(threshold, 'msg/s')}",
            verdict,
        ),
        SummaryRow("tick of the loop, P50 and P99", _pair(tick)),
        SummaryRow("turn of the loop, P50 and P99", _pair(turn)),
        SummaryRow(
            f"throughput lost in slow rounds of the queue (over {thresholds.SLOW_LAP:g} medians)",
            percentage(1 - 1 / (1 + median(found.observation.slow_gains))),
        ),
        SummaryRow("sends that waited for room", percentage(found.observation.full_share, 0)),
        SummaryRow(
            "receives that waited for a batch", percentage(found.observation.empty_share, 0)
        ),
        SummaryRow(
            "batches waiting, mean and most",
            f"{found.observation.depths.mean:.1f} and {found.observation.depths.maximum}",
        ),
    ]
    best = found.modelled.best_size()
    if best.value != float("inf"):
        exact = best.low == best.high
        words = count(best.value)
        words += "" if exact else f" ({count(best.low)} to {count(best.high)})"
        rows.append(SummaryRow("best batch size: 95 % of the best rate, by the model", words))
    if found.allocations:
        a = found.allocations
        words = f"{count(a.blocks)} blocks, {memory(a.peak_bytes)} at once, "
        words += f"{a.retained_bytes} B kept"
        words += f"; making them takes {engineering(median(a.seconds), 's')}"
        rows.append(SummaryRow("allocations a batch", words))
    d = found.design
    paragraph = (
        f"Batches of {count(d.batch_size)}, {d.topics} topics, {d.event_loop}, queue of "
        f"{d.queue_depth} [{d.label}]. Seven interleaved rounds; "
        f"{percentage(found.disturbed_share, 0)} of "
        "the runs were disturbed by the system. Time is put down to terms by the model: "
        f"{found.modelled.source}."
    )
    warnings = [f"{text[:1].upper()}{text[1:]}." for text in found.modelled.figures()["warnings"]]
    return summary_block(verdict, found.conclusion, " ".join([paragraph, *warnings]), rows)


def _terms(found: Diagnosis) -> pd.DataFrame:
    import pandas as pd

    rows: list[dict[str, Any]] = [
        {
            "Term": term.name,
            "Time": engineering(term.seconds.value, "s"),
            "Interval": interval(term.seconds.low, term.seconds.high, "s"),
            "Halved": in_words(term.halved.value),
            "How": term.halving,
        }
        for term in found.modelled.terms()
    ]
    rows.append(
        {
            "Term": "unexplained",
            "Time": engineering(found.unexplained_seconds, "s"),
            "Interval": "measured less modelled",
            "Halved": "",
            "How": "",
        }
    )
    rows.append(
        {
            "Term": "measured",
            "Time": engineering(found.seconds, "s"),
            "Interval": interval(
                found.design.batch_size / found.high, found.design.batch_size / found.low, "s"
            ),
            "Halved": "",
            "How": "",
        }
    )
    return pd.DataFrame(rows)


def _pair(quantiles: dict[str, float]) -> str:
    return f"{engineering(quantiles['p50'], 's')} and {engineering(quantiles['p99'], 's')}"
