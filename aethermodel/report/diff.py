"""Two runs, hosts or commits side by side: which points moved beyond the noise of both."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from aethermodel.order_statistics import ratio_interval
from aethermodel.report import style
from aethermodel.report.blocks import Block, SummaryRow, summary_block
from aethermodel.report.comparison import HERE
from aethermodel.report.figure import ReportFigure
from aethermodel.report.page import Section, render
from aethermodel.report.quantities import engineering
from aethermodel.report.sweep_result import SweepResult
from aethermodel.report.table import data_table


@dataclass(frozen=True)
class Source:
    """One side of a comparison.

    Attributes
    ----------
    path : Path
    target, metric, unit : str
    values : dict of str to list of float
        One value a repeat (process), by point.
    facts : dict
        Host, code and so on.
    """

    path: Path
    target: str
    metric: str
    unit: str
    values: dict[str, list[float]]
    facts: dict[str, str]


def load_source(path: Path) -> Source:
    """Read a store, or the samples (Parquet) that ``validate`` or ``report --run`` saved.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if path.is_dir():
        return _of_store(path)
    if path.suffix == ".parquet":
        return _of_trial(path)
    if not path.exists():
        raise ValueError(f"{path}: no such file or folder")
    raise ValueError(
        f"{path}: report diff wants the store of a sweep, or the .parquet samples of "
        "`aethermodel validate --samples` or `report --run`"
    )


def _of_store(path: Path) -> Source:
    result = SweepResult.load(path)
    values: dict[str, list[float]] = {}
    for record in result.records:
        # All of what was asked, so that stores of different axes still meet.
        asked = {name: record.parameters[name] for name in sorted(result.sweep.parameters)}
        point = " ".join(f"{name}={value}" for name, value in asked.items()) or "the one point"
        if math.isfinite(value := result.value(record)) and value > 0:
            values.setdefault(point, []).append(value)
    facts = {
        name: ", ".join(sorted({str(getattr(r.conditions, name)) for r in result.records}))
        for name in ("host", "environment", "code", "extensions")
    }
    started = [r.started for r in result.records]
    facts |= {"label": result.labels, "measured": f"{min(started)} to {max(started)}"}
    facts["runs not done"] = str(sum(r.outcome.state != "done" for r in result.records))
    return Source(path, result.name, *result.metric, values, facts)


def _of_trial(path: Path) -> Source:
    from aethermodel.measure.trial import Trial

    trial = Trial.load(path)
    whole = trial.samples[(trial.samples["probe"] == "pipeline") & trial.samples["final"]]
    by_process = whole.groupby(["batch_size", "process"])["seconds"].median()
    values: dict[str, list[float]] = {}
    for (n, _), seconds in by_process.items():
        values.setdefault(f"batch_size={int(n)}", []).append(float(n / seconds))
    c = trial.campaign
    facts = {
        "host": trial.host["id"],
        "environment": str(trial.host["python"]),
        "label": c.label,
        "settings": f"{c.event_loop}, {c.topics} topics, pool {c.pool}",
        "measured": trial.calibration.created,
    }
    return Source(path, "pipeline", "throughput", "msg/s", values, facts)


@dataclass(frozen=True)
class Diff:
    """What changed from A to B.

    Attributes
    ----------
    a, b : Source
    table : pandas.DataFrame
        ``point``, ``a``, ``b`` (medians), ``ratio`` (b over a, median of all pairs), ``low``,
        ``high``, ``repeats_a``, ``repeats_b``, ``outcome``: higher, lower, no change seen, too
        few repeats.
    only_a, only_b : list of str
        Points of one side.
    """

    a: Source
    b: Source
    table: pd.DataFrame
    only_a: list[str]
    only_b: list[str]

    @property
    def moved(self) -> int:
        """Points that moved beyond noise."""
        return int(self.table["outcome"].isin(["higher", "lower"]).sum())

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says."""
        return {
            "a": {"path": str(self.a.path), **self.a.facts},
            "b": {"path": str(self.b.path), **self.b.facts},
            "metric": self.a.metric,
            "unit": self.a.unit,
            "points": self.table.to_dict("records"),
            "moved": self.moved,
            "only_a": self.only_a,
            "only_b": self.only_b,
        }

    def facts(self) -> pd.DataFrame:
        """Return what is the same and what differs besides the figures."""
        names = list(dict.fromkeys([*self.a.facts, *self.b.facts]))
        rows = []
        for name in names:
            first, second = self.a.facts.get(name, "unknown"), self.b.facts.get(name, "unknown")
            same = "same" if first == second else "differs"
            rows.append({"fact": name, "A": first[:160], "B": second[:160], "is": same})
        return pd.DataFrame(rows)


def diff(a: Source, b: Source) -> Diff:
    """Compare two sources point by point.

    Raises
    ------
    ValueError
        If they are of different targets or metrics, or have no point in common.
    """
    if (a.target, a.metric) != (b.target, b.metric):
        raise ValueError(
            f"{a.path} has the {a.metric} of {a.target}, {b.path} the {b.metric} of {b.target}"
        )
    common = [point for point in a.values if point in b.values]
    if not common:
        raise ValueError(f"{a.path} and {b.path} have no finished point in common")
    rows = []
    for point in common:
        first, second = a.values[point], b.values[point]
        ratio, (low, high, _) = ratio_interval(first, second)
        rows.append(
            {
                "point": point,
                "a": median(first),
                "b": median(second),
                "ratio": ratio,
                "low": low,
                "high": high,
                "repeats_a": len(first),
                "repeats_b": len(second),
                "outcome": _outcome(low, high),
            }
        )
    return Diff(
        a,
        b,
        pd.DataFrame(rows),
        [point for point in a.values if point not in b.values],
        [point for point in b.values if point not in a.values],
    )


def _outcome(low: float, high: float) -> str:
    if math.isnan(low):
        return "too few repeats"
    if low > 1:
        return "higher"
    return "lower" if high < 1 else "no change seen"


def ratios_figure(found: Diff) -> ReportFigure:
    """Draw the ratio of each point with its interval."""
    table = found.table
    colours = {"higher": style.MODEL, "lower": style.MEASURED}
    with style.styled():
        figure = style.new_figure(height=min(1.2 + 0.28 * len(table), 14))
        axes = figure.subplots()
        for y, row in enumerate(table.to_dict("records")):
            colour = colours.get(row["outcome"], style.QUIET)
            if not math.isnan(row["low"]):
                axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2)
            axes.plot(row["ratio"], y, "o" if row["outcome"] in colours else "D", color=colour)
        axes.axvline(1, color=style.INK, linewidth=0.8)
        axes.set_yticks(range(len(table)), map(style.literal, table["point"]))
        axes.invert_yaxis()
        axes.set_xlabel(f"{found.a.metric}, B over A")
        style.settle(figure)
    words = ". ".join(
        f"{r['point']}: {r['ratio']:.3f} ({r['low']:.3f} to {r['high']:.3f}), {r['outcome']}"
        for r in table.head(40).to_dict("records")
    )
    label = ", ".join(dict.fromkeys([found.a.facts["label"], found.b.facts["label"]]))
    return ReportFigure(
        figure,
        table,
        f"B over A, point by point ({label})",
        f"Label: {label}. Median ratio of all pairs of repeats, with its 95 % interval by ranks. "
        "Circles moved beyond noise, diamonds did not, or too few repeats can tell. Of 20 points "
        f"that did not change, chance moves about one. {HERE}",
        alt=f"{found.moved} of {len(table)} points moved. {words}.",
    )


def summary(found: Diff) -> Block:
    """Return how many points moved, and the largest moves."""
    table = found.table
    counts = table["outcome"].value_counts().to_dict()
    listed = ", ".join(f"{n} {outcome}" for outcome, n in counts.items())
    moves = table[table["outcome"].isin(["higher", "lower"])]
    moves = moves.reindex(np.log(moves["ratio"]).abs().sort_values(ascending=False).index)
    rows = [
        SummaryRow(
            r["point"],
            f"{r['ratio']:.3f} ({r['low']:.3f} to {r['high']:.3f})",
            f"{r['outcome']} in B",
        )
        for r in moves.head(10).to_dict("records")
    ]
    middle = float(table["ratio"].median())
    text = (
        f"A is {found.a.path}, B is {found.b.path}: {found.a.metric} of {found.a.target}. "
        f"{listed}. "
        f"The median ratio is {middle:.3f}; A's median over points is "
        f"{engineering(float(table['a'].median()), found.a.unit)}."
    )
    if "too few repeats" in counts:
        text += " At least 4 repeats on each side are needed to tell a change from chance."
    for name, points in (("A", found.only_a), ("B", found.only_b)):
        if points:
            text += f" {len(points)} points are finished in {name} only."
    undecided = counts.get("too few repeats", 0) == len(table)
    headline = f"{found.moved} of {len(table)} points moved beyond noise"
    if undecided:
        headline = "Too few repeats to tell whether anything moved"
    # Whether a move is good is the reader's to say: a change seen is no failure.
    return summary_block("inconclusive" if undecided else "pass", headline, text, rows)


def diff_html(found: Diff) -> str:
    """Return the comparison as a page."""
    sections = [
        Section("Point by point", [ratios_figure(found)]),
        Section("Hosts and code", [data_table(found.facts(), "Hosts and code")]),
    ]
    if found.only_a or found.only_b:
        lines = [f"only in A: {point}" for point in found.only_a[:50]]
        lines += [f"only in B: {point}" for point in found.only_b[:50]]
        sections.append(Section("Points without a counterpart", lines))
    return render(f"{found.a.target}: B against A", [summary(found)], sections)
