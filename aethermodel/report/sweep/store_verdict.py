"""Verdict on a sweep's store, the opening of its report."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aethermodel import thresholds
from aethermodel.order_statistics import Interval
from aethermodel.report.blocks import Block, SummaryRow, Verdict, summary_block
from aethermodel.report.engineering_notation import engineering, interval
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.report.sweep.point_tables import SweepResult


@dataclass(frozen=True)
class Thresholds:
    """What the best point of a sweep is held against; None is not asked.

    Attributes
    ----------
    rate : float
        Messages a second, at least.
    p99_seconds : float
        At most, at the best point.
    """

    rate: float | None = None
    p99_seconds: float | None = None


def verdict_rows(
    result: SweepResult, compared: pd.DataFrame | None, wanted: Thresholds
) -> list[SummaryRow]:
    """Return one row a threshold.

    Parameters
    ----------
    result : SweepResult
    compared : pandas.DataFrame or None
        Of `aethermodel.report.sweep.model_overlay.against_model`.
    wanted : Thresholds
    """
    rows = [_complete(result), _undisturbed(result)]
    best = _best(result)
    if wanted.rate is not None:
        rows.append(_rate_row(result, best, wanted.rate))
    if wanted.p99_seconds is not None:
        rows.append(_tail_row(best, wanted.p99_seconds))
    return [*rows, *_model_rows(compared)]


def opening(result: SweepResult, rows: list[SummaryRow]) -> tuple[Verdict, Block]:
    """Return the verdict over all rows, and the block that opens the report with it."""
    verdicts = {row.verdict for row in rows}
    verdict: Verdict = next((v for v in ("fail", "inconclusive") if v in verdicts), "pass")
    done = int((result.points["state"] == "done").sum())
    words = {
        "pass": "all that was asked holds",
        "fail": "not all that was asked holds",
        "inconclusive": "not enough is known to tell",
    }[verdict]
    headline = f"{done} of {len(result.points)} points done: {words}"
    return verdict, summary_block(verdict, headline, _paragraph(result), rows)


def _best(result: SweepResult) -> dict[str, Any] | None:
    known = result.points[result.points["value"].notna()]
    if known.empty:
        return None
    at = known["value"].idxmax() if result.higher_is_better else known["value"].idxmin()
    return dict(known.loc[at])


def _paragraph(result: SweepResult) -> str:
    (name, unit), best = result.metric, _best(result)
    count = len(result.points)
    text = f"{result.name} ({result.labels}) at {_counted(count, 'point')}, "
    text += f"{_counted(result.sweep.repeats, 'repeat')} each. "
    if best is None:
        return text + "No point is done."
    kind = "highest" if result.higher_is_better else "lowest"
    held = Interval(best["low"], best["high"], best["chance"])
    text += f"The {kind} {name} is {_quantity(best['value'], held, unit)}, at {best['point']}. "
    text += _what_interval(int(best["done"]), held)
    if count > 1:
        text += f" It is the {kind} by these very repeats, so rather too good than too bad."
    if result.others:
        text += f" {result.others} further records of other settings, code or hosts are left out."
    return text


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _what_interval(repeats: int, held: Interval) -> str:
    """Say what an interval over repeats is, and what more repeats would make of it."""
    if repeats < 2:
        return f"One repeat gives no interval: `--repeats {thresholds.REPEATS_FOR_INTERVAL}` does."
    chance = f"at least {math.floor(100 * held.chance)} % by order statistics"
    if held.chance >= thresholds.LEVEL:
        return f"Its interval holds the median over {repeats} repeats, {chance}."
    return (
        f"Its interval is lowest to highest of {repeats} repeats, {chance}; "
        f"`--repeats {thresholds.REPEATS_FOR_INTERVAL}` gives one of {100 * thresholds.LEVEL:g} %."
    )


def _quantity(value: float, held: Interval, unit: str) -> str:
    text = engineering(value, unit)
    if math.isnan(held.low):
        return f"{text} (no interval)"
    return f"{text} ({interval(held.low, held.high, unit)})"


def _complete(result: SweepResult) -> SummaryRow:
    points = result.points
    counts = Counter(points["state"])
    listed = ", ".join(f"{n} {state}" for state, n in counts.items())
    unsuccessful = counts["failed"] + counts["timeout"] + int(points["failed"].sum())
    complete: Verdict = (
        "pass" if counts["done"] == len(points) else "fail" if unsuccessful else "inconclusive"
    )
    return SummaryRow("points done", listed, f"all {len(points)}", complete)


def _undisturbed(result: SweepResult) -> SummaryRow:
    noisy = sum(record.noisy for record in result.records)
    return SummaryRow(
        f"runs of which the system disturbed more than {percentage(result.sweep.noise_gate, 0)}, "
        "the last try too",
        f"{noisy} of {len(result.records)}",
        "none",
        "inconclusive" if noisy else "pass",
    )


def _rate_row(result: SweepResult, best: dict[str, Any] | None, least: float) -> SummaryRow:
    wanted = f"at least {engineering(least, 'msg/s')}"
    if best is None or not result.higher_is_better:
        return SummaryRow("highest throughput", "no throughput known", wanted, "inconclusive")
    held = Interval(best["low"], best["high"], best["chance"])
    shown = _quantity(best["value"], held, "msg/s")
    met = _judged(held, above=held.low >= least, below=held.high < least)
    return SummaryRow("highest throughput", shown + _doubt(held, best), wanted, met)


def _tail_row(best: dict[str, Any] | None, most: float) -> SummaryRow:
    wanted = f"at most {engineering(most, 's')}"
    if best is None or math.isnan(best["p99_seconds"]):
        return SummaryRow("P99 there", "no P99 known", wanted, "inconclusive")
    held = Interval(best["p99_low"], best["p99_high"], best["chance"])
    shown = _quantity(best["p99_seconds"], held, "s")
    met = _judged(held, above=held.high <= most, below=held.low > most)
    return SummaryRow("P99 there", shown + _doubt(held, best), wanted, met)


def _judged(held: Interval, *, above: bool, below: bool) -> Verdict:
    """Tell a threshold that is met from one that is missed, by a whole interval only.

    On which side of a threshold the median lies is a one-sided question: five repeats answer it
    with 95 %, if all are on one side.
    """
    if held.one_sided < thresholds.LEVEL:
        return "inconclusive"
    return "pass" if above else "fail" if below else "inconclusive"


def _doubt(held: Interval, best: dict[str, Any]) -> str:
    """Say why no verdict can come of too few repeats."""
    if held.one_sided >= thresholds.LEVEL:
        return ""
    done = _counted(int(best["done"]), "repeat")
    return f"; {done}, a verdict takes {thresholds.REPEATS_FOR_VERDICT}"


def _model_rows(compared: pd.DataFrame | None) -> list[SummaryRow]:
    if compared is None:
        return [SummaryRow("prediction against measurement", "no comparison (see below)")]
    from aethermodel.calibrate.predict.comparison import judge

    verdict = judge(compared)
    rows = []
    for name, value, limit, outcome in (
        (
            "mean error of the prediction",
            verdict.mean_error,
            thresholds.MEAN_ERROR,
            verdict.mean_outcome,
        ),
        (
            "worst error of the prediction",
            verdict.worst_error,
            thresholds.WORST_ERROR,
            verdict.worst_outcome,
        ),
    ):
        figure = f"{percentage(value)} (processes differ by {percentage(verdict.spread)})"
        rows.append(SummaryRow(name, figure, f"at most {percentage(limit, 0)}", outcome))
    return rows
