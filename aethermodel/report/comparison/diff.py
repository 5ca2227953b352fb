"""Comparison of two runs, hosts or commits."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

import numpy as np
import pandas as pd

from aethermodel import thresholds
from aethermodel.report import style
from aethermodel.report.blocks import Block, SummaryRow, summary_block
from aethermodel.report.comparison.shift import Ratio, Verdict, of_each, pooled, verdict
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.figures.comparison import HERE
from aethermodel.report.html.page import Section, render
from aethermodel.report.html_table import data_table
from aethermodel.report.sweep.point_tables import SweepResult
from aethermodel.text.moments import moment, period

# A checksum, of which the first dozen digits tell it from others.
_HASH = re.compile(r"\b([0-9a-f]{12})[0-9a-f]{20,}\b")


@dataclass(frozen=True)
class Source:
    """One side of a comparison.

    Attributes
    ----------
    path : Path
    target, metric, unit : str
    values : dict of str to dict of int to float
        By point, in the order of the plan: one value a repeat (process), by its number.
    facts : dict
        Host, code and so on.
    """

    path: Path
    target: str
    metric: str
    unit: str
    values: dict[str, dict[int, float]]
    facts: dict[str, str]

    @property
    def better(self) -> Literal[1, -1] | None:
        """Whether a higher figure is better or a lower; None where the unit does not tell."""
        return {"msg/s": 1, "s": -1}.get(self.unit)  # type: ignore[return-value]


def load_source(path: Path) -> Source:
    """Read a store, samples that ``validate`` or ``report --run`` saved, or anybody's measurements.

    Parameters
    ----------
    path : pathlib.Path
        A store's folder, or a file: Parquet of ours, or any format that `aethermodel.read` knows.

    Raises
    ------
    ValueError
        If it is none of these.
    """
    if path.is_dir():
        return _of_store(path)
    if not path.exists():
        raise ValueError(f"{path}: no such file or folder")
    if path.suffix == ".parquet" and _is_trial(path):
        return _of_trial(path)
    return _of_measurements(path)


def _of_store(path: Path) -> Source:
    result = SweepResult.load(path)
    axes = sorted(result.sweep.parameters)

    def named(parameters: dict[str, Any]) -> str:
        # All of what was asked, so that stores of different axes still meet.
        return " ".join(f"{name}={parameters[name]}" for name in axes) or "the one point"

    values: dict[str, dict[int, float]] = {named(point): {} for point in result.sweep.points}
    for record in result.records:
        if math.isfinite(value := result.value(record)) and value > 0:
            values[named(record.parameters)][record.repeat] = value
    values = {point: repeats for point, repeats in values.items() if repeats}
    facts = {
        name: ", ".join(sorted({str(getattr(r.conditions, name)) for r in result.records}))
        for name in ("host", "environment", "code", "extensions")
    }
    started = [r.started for r in result.records]
    facts |= {"label": result.labels, "measured": period(min(started), max(started))}
    facts["runs not done"] = str(sum(r.outcome.state != "done" for r in result.records))
    return Source(path, result.name, *result.metric, values, facts)


def _of_trial(path: Path) -> Source:
    from aethermodel.measure.campaign.validation import Trial

    trial = Trial.load(path)
    whole = trial.samples[(trial.samples["probe"] == "pipeline") & trial.samples["final"]]
    by_process = whole.groupby(["batch_size", "process"])["seconds"].median()
    values: dict[str, dict[int, float]] = {}
    for (n, process), seconds in by_process.items():
        values.setdefault(f"batch_size={int(n)}", {})[int(process)] = float(n / seconds)
    c = trial.campaign
    facts = {
        "host": trial.host["id"],
        "environment": str(trial.host.get("python", "not said")),
        "label": c.label,
        "settings": f"{c.event_loop}, {c.topics} topics, pool {c.pool}",
        "measured": moment(trial.calibration.created),
    }
    return Source(path, "pipeline", "throughput", "msg/s", values, facts)


def _is_trial(path: Path) -> bool:
    """Whether a Parquet file has the columns of our samples, or is too broken to tell."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return "probe" in pq.read_schema(path).names
    except (OSError, pa.ArrowException):
        return True  # whose reader says what is wrong with it


def _of_measurements(path: Path) -> Source:
    from aethermodel.readers.read import read

    measured = read(path)
    values: dict[str, dict[int, float]] = {}
    processes: dict[str, int] = {}
    for series in measured.series:
        labels = series.process if series.process is not None else [""] * len(series)
        gathered: dict[str, dict[int, list[float]]] = {}
        for size, seconds, label in zip(series.sizes, series.seconds, labels, strict=True):
            point = f"{series.name} {measured.size_name}={size:,.10g}".strip()
            repeats = gathered.setdefault(point, {})
            # Of one process the samples are no runs of their own; without a name each is a repeat.
            number = processes.setdefault(str(label), len(processes)) if label else len(repeats)
            repeats.setdefault(number, []).append(float(seconds))
        for point, repeats in gathered.items():
            values[point] = {number: median(times) for number, times in repeats.items()}
    facts = {"label": measured.format, "time": measured.time_kind}
    return Source(path, f"T({measured.size_name})", "time", "s", values, facts)


@dataclass(frozen=True)
class Diff:
    """What changed from A to B.

    Attributes
    ----------
    a, b : Source
    table : pandas.DataFrame
        A row a point, in the order of A's plan: ``point``, ``a``, ``b`` (medians), ``ratio``
        (b over a), ``low``, ``high``, ``repeats_a``, ``repeats_b``, ``outcome``: higher, lower, no
        change seen, cannot tell (where the interval's ends are ten times apart), too few repeats.
        Points are named by what tells them apart.
    whole : Ratio
        Of all points together.
    verdict : {"better", "worse", "same", "cannot tell"}
        Of B against A.
    only_a, only_b : list of str
        Points of one side.
    shared : str
        What all points have in common; empty where nothing is.
    """

    a: Source
    b: Source
    table: pd.DataFrame
    whole: Ratio
    verdict: Verdict
    only_a: list[str]
    only_b: list[str]
    shared: str = ""

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
            "verdict": self.verdict,
            "ratio": self.whole.value,
            "ratio_low": self.whole.low,
            "ratio_high": self.whole.high,
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
            shown = (_HASH.sub(r"\1", fact)[:160] for fact in (first, second))
            rows.append(dict(zip(("fact", "A", "B", "is"), (name, *shown, same), strict=True)))
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
    names, shared = _told_apart(common)
    first, second = ([side.values[point] for point in common] for side in (a, b))
    whole, each = pooled(first, second), of_each(first, second)
    rows = [
        {
            "point": name,
            "a": median(a.values[point].values()),
            "b": median(b.values[point].values()),
            "ratio": ratio.value,
            "low": ratio.low,
            "high": ratio.high,
            "repeats_a": len(a.values[point]),
            "repeats_b": len(b.values[point]),
            "outcome": _outcome(ratio),
        }
        for point, name, ratio in zip(common, names, each, strict=True)
    ]
    return Diff(
        a,
        b,
        pd.DataFrame(rows),
        whole,
        verdict(whole, each, a.better),
        [point for point in a.values if point not in b.values],
        [point for point in b.values if point not in a.values],
        shared,
    )


def _told_apart(points: list[str]) -> tuple[list[str], str]:
    """Return the names of points without the words that all share, and those words."""
    words = [point.split(" ") for point in points]
    shared = [word for word in words[0] if all(word in own for own in words)]
    names = [" ".join(word for word in own if word not in shared) for own in words]
    if len(set(names)) < len(names) or not all(names):
        return points, ""
    return names, " ".join(shared)


def _outcome(ratio: Ratio) -> str:
    if math.isnan(ratio.low):
        return "too few repeats"
    if not ratio.direction and ratio.high > thresholds.UNKNOWN_SPAN * ratio.low:
        return "cannot tell"
    return {1: "higher", -1: "lower", 0: "no change seen"}[ratio.direction]


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
        f"Label: {label}. Ratio of the geometric means over repeats, with its interval: as wide as "
        "it takes for all points together, so that where nothing changed chance moves none of "
        "them. Circles moved beyond noise, diamonds did not, or too few repeats can tell. "
        f"{HERE}",
        alt=f"{found.moved} of {len(table)} points moved. {words}.",
        units={"a": found.a.unit, "b": found.a.unit},
    )


_HEADLINES = {
    "better": "B is better than A",
    "worse": "B is worse than A",
    "same": "B is the same as A",
    "cannot tell": "Whether B differs from A cannot be told",
}
_AS_BLOCK: dict[Verdict, Literal["pass", "fail", "inconclusive"]] = {
    "better": "pass",
    "worse": "fail",
    "same": "pass",
    "cannot tell": "inconclusive",
}


def why(found: Diff) -> str:
    """Return in a sentence what the verdict rests on."""
    whole, metric = found.whole, f"{found.a.metric} of {found.a.target}"
    points = f"{len(found.table)} points" if len(found.table) > 1 else "its one point"
    text = f"over {points} the {metric} is {whole.value:.3f} times A's"
    if math.isnan(whole.low):
        return f"{text}; one repeat does not tell a change from chance: run both with --repeats 3"
    text += f" ({whole.low:.3f} to {whole.high:.3f})"
    if found.moved:
        text += f"; {found.moved} of the points moved beyond noise by themselves"
    if found.verdict == "same":
        text += f"; nothing moved by more than {100 * thresholds.SAME_WITHIN:g} %"
    elif found.verdict == "cannot tell" and found.a.better is None:
        text += "; whether a higher figure is better is not known"
    elif found.verdict == "cannot tell":
        hidden = 100 * max(whole.high - 1, 1 - whole.low)
        text += f"; a change of {hidden:.0f} % could be hidden: run both with more --repeats"
    return text


def summary(found: Diff) -> Block:
    """Return the verdict, what it rests on, and the largest moves of single points."""
    table = found.table
    counts = table["outcome"].value_counts().to_dict()
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
    listed = ", ".join(f"{n} {outcome}" for outcome, n in counts.items())
    text = (
        f"A is {found.a.path}, B is {found.b.path}: {why(found)}. Point by point: {listed}. "
        f"A's median over points is {engineering(float(table['a'].median()), found.a.unit)}."
    )
    for name, points in (("A", found.only_a), ("B", found.only_b)):
        if points:
            text += f" {len(points)} points are finished in {name} only."
    return summary_block(_AS_BLOCK[found.verdict], _HEADLINES[found.verdict], text, rows)


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
