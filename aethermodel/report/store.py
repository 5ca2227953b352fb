"""The report of a sweep's store: verdict, model, budget, map, front, roofline, samples, host."""

from __future__ import annotations

import json
import math
import shlex
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sympy

from aethermodel.calibrate.calibration import Calibration
from aethermodel.calibrate.comparison import MEAN_ERROR, WORST_ERROR, judge
from aethermodel.model.parameters import K, N
from aethermodel.report.blocks import (
    Block,
    SummaryRow,
    TermRow,
    Verdict,
    host_block,
    summary_block,
    terms_table,
)
from aethermodel.report.budget import budget
from aethermodel.report.ceilings import ceilings
from aethermodel.report.comparison import measured_vs_model
from aethermodel.report.ecdf import ecdf
from aethermodel.report.figure import ReportFigure
from aethermodel.report.heatmap import heatmap
from aethermodel.report.mathml import Formula, Meaning
from aethermodel.report.page import Section, render
from aethermodel.report.pareto import pareto
from aethermodel.report.quantities import engineering, interval
from aethermodel.report.sweep_model import against_model
from aethermodel.report.sweep_result import SweepResult


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


@dataclass(frozen=True)
class StoreReport:
    """A report, ready to be written.

    Attributes
    ----------
    title : str
    verdict : {"pass", "fail", "inconclusive"}
    rows : list of SummaryRow
    opening : Block
    sections : list of Section
    """

    title: str
    verdict: Verdict
    rows: list[SummaryRow]
    opening: Block
    sections: list[Section]

    @property
    def figures(self) -> list[ReportFigure]:
        """All its figures."""
        return [s for section in self.sections for s in section.shown if _is_figure(s)]

    def html(self) -> str:
        """Return the page."""
        return render(self.title, [self.opening], self.sections)


def _is_figure(thing: Any) -> bool:
    return isinstance(thing, ReportFigure)


def find_calibration(folder: Path, given: Path | None) -> Calibration | None:
    """Return the calibration given, else the store's own ``calibration.json``, else None."""
    own = folder / "calibration.json"
    path = given or (own if own.is_file() else None)
    return Calibration.load(path) if path else None


def store_report(
    result: SweepResult,
    calibration: Calibration | None = None,
    thresholds: Thresholds | None = None,
    command: str = "",
) -> StoreReport:
    """Put the report of a sweep together; what the store lacks is said in its place.

    Parameters
    ----------
    result : SweepResult
    calibration : Calibration, optional
    thresholds : Thresholds, optional
    command : str
        That made the report.
    """
    compared, about = against_model(result, calibration)
    rows = _verdict_rows(result, compared, thresholds or Thresholds())
    verdicts = [row.verdict for row in rows]
    overall: Verdict = (
        "fail" if "fail" in verdicts else "inconclusive" if "inconclusive" in verdicts else "pass"
    )
    model: list[Any] = [about]
    shares: list[Any] = ["Without a comparison with the model there is no budget to stack."]
    if compared is not None:
        model.append(measured_vs_model(compared))
        shares = [budget(compared)]
    no_front = "There is no front: the points lack a throughput, or a P99 was not recorded."
    no_roof = (
        "No ceiling was measured: a calibration holds the copy ceiling (--calibration), and the "
        "points need a batch size that varies."
    )
    sections = [
        Section("Measured and modelled", model),
        Section("Where the time goes", shares),
        Section("Every point", [heatmap(result), *_failures(result)]),
        Section("Throughput and P99", [pareto(result) or no_front]),
        Section("Roofline", [ceilings(result, calibration) or no_roof]),
        Section("Samples and drift", [ecdf(result) or "No sample was kept: no point is done."]),
        Section("Formula", _formula(calibration)),
        Section("Host and command", [_host(result, command)]),
    ]
    opening = summary_block(overall, _headline(result, overall), _paragraph(result), rows)
    return StoreReport(f"Sweep of {result.name}", overall, rows, opening, sections)


def _headline(result: SweepResult, verdict: Verdict) -> str:
    done = int((result.points["state"] == "done").sum())
    words = {
        "pass": "all that was asked holds",
        "fail": "not all that was asked holds",
        "inconclusive": "not enough is known to tell",
    }[verdict]
    return f"{done} of {len(result.points)} points done: {words}"


def _best(result: SweepResult) -> dict[str, Any] | None:
    known = result.points[result.points["value"].notna()]
    if known.empty:
        return None
    at = known["value"].idxmax() if result.higher_is_better else known["value"].idxmin()
    return dict(known.loc[at])


def _paragraph(result: SweepResult) -> str:
    (name, unit), best = result.metric, _best(result)
    text = f"{result.name} ({result.labels}) at {len(result.points)} points, "
    text += f"{result.sweep.repeats} repeats each. "
    if best is None:
        return text + "No point is done."
    kind = "highest" if result.higher_is_better else "lowest"
    text += f"The {kind} {name} is {_quantity(best, unit)}, at {best['point']}."
    if result.sweep.repeats < 6:
        chance = 1 - 2.0 ** (1 - result.sweep.repeats)
        text += (
            f" With {result.sweep.repeats} repeats an interval runs from the lowest to the highest "
            f"and holds the median with a chance of {100 * chance:.0f} % only."
            if result.sweep.repeats > 1
            else " One repeat gives no interval: --repeats 6 does."
        )
    if result.others:
        text += f" {result.others} further records of other settings, code or hosts are left out."
    return text


def _quantity(point: dict[str, Any], unit: str) -> str:
    text = engineering(point["value"], unit)
    if math.isnan(point["low"]):
        return f"{text} (no interval)"
    return f"{text} ({interval(point['low'], point['high'], unit)})"


def _verdict_rows(result: SweepResult, compared: Any, wanted: Thresholds) -> list[SummaryRow]:
    points, best = result.points, _best(result)
    counts = Counter(points["state"])
    listed = ", ".join(f"{n} {state}" for state, n in counts.items())
    unsuccessful = counts["failed"] + counts["timeout"] + int(points["failed"].sum())
    complete: Verdict = (
        "pass" if counts["done"] == len(points) else "fail" if unsuccessful else "inconclusive"
    )
    rows = [SummaryRow("points done", listed, f"all {len(points)}", complete)]
    noisy = sum(record.noisy for record in result.records)
    rows.append(
        SummaryRow(
            "runs that the system disturbed, last try included",
            f"{noisy} of {len(result.records)}",
            f"none above {100 * result.sweep.noise_gate:.0f} %",
            "inconclusive" if noisy else "pass",
        )
    )
    if wanted.rate is not None:
        rows.append(_rate_row(result, best, wanted.rate))
    if wanted.p99_seconds is not None and best is not None:
        tail = best["p99_seconds"]
        at_most = engineering(wanted.p99_seconds, "s")
        met: Verdict = (
            "inconclusive" if math.isnan(tail) else "pass" if tail <= wanted.p99_seconds else "fail"
        )
        rows.append(SummaryRow("P99 there", engineering(tail, "s"), f"at most {at_most}", met))
    if compared is None:
        rows.append(SummaryRow("prediction against measurement", "no comparison (see below)"))
        return rows
    verdict = judge(compared)
    for name, value, limit, outcome in (
        ("mean error of the prediction", verdict.mean_error, MEAN_ERROR, verdict.mean_outcome),
        ("worst error of the prediction", verdict.worst_error, WORST_ERROR, verdict.worst_outcome),
    ):
        figure = f"{100 * value:.1f} % (processes differ by {100 * verdict.spread:.1f} %)"
        rows.append(SummaryRow(name, figure, f"at most {100 * limit:g} %", outcome))
    return rows


def _rate_row(result: SweepResult, best: dict[str, Any] | None, least: float) -> SummaryRow:
    wanted = f"at least {engineering(least, 'msg/s')}"
    if best is None or not result.higher_is_better:
        return SummaryRow("highest throughput", "no throughput known", wanted, "inconclusive")
    # Without an interval nothing is proven either way.
    met: Verdict = (
        "pass" if best["low"] >= least else "fail" if best["high"] < least else "inconclusive"
    )
    return SummaryRow("highest throughput", _quantity(best, "msg/s"), wanted, met)


def _failures(result: SweepResult) -> list[Any]:
    bad = [r for r in result.records if r.outcome.state != "done"]
    lines = [
        f"{r.outcome.state}: {result.describe(r.parameters)}, repeat {r.repeat}: {r.outcome.error}"
        for r in bad[:20]
    ]
    if len(bad) > 20:
        lines.append(f"... and {len(bad) - 20} more: see the data.")
    return [*lines, *(["`aethermodel sweep retry` runs these again."] if bad else [])]


def _formula(calibration: Calibration | None) -> list[Any]:
    if calibration is None:
        return ["No calibration is given, so no constants are fitted."]
    model = calibration.model()
    legend = [
        Meaning(p.symbol, p.meaning, engineering(p.value, p.unit))
        for p in model.parameters.values()
    ]
    legend.append(Meaning(N, "events in the batch"))
    legend.append(Meaning(K, "handler calls a tick: topics that the batch is expected to hit"))
    terms = terms_table(
        TermRow(term.name, p.symbol, p.value, p.unit, p.low, p.high, p.source, term.expression)
        for term in model.terms
        for p in term.parameters
    )
    warnings = [f"Warning: {text}" for text in calibration.warnings]
    return [Formula(sympy.Eq(sympy.Symbol("T_batch"), model.t_batch), legend), terms, *warnings]


def _host(result: SweepResult, command: str) -> Block:
    from aethermodel.measure.host import this_host

    hosts = sorted({r.conditions.host for r in result.records})
    here = this_host()
    facts: dict[str, Any] = {"host": ", ".join(hosts)}
    if hosts == [here.id]:
        facts |= here.model_dump(exclude={"id", "libraries", "python"})
    else:
        facts["processor"] = "not stored: the sweep ran on another host than wrote this report"
    for name in ("environment", "code", "extensions"):
        facts[name] = sorted({getattr(r.conditions, name) for r in result.records})
    worst = max((r.outcome.disturbed for r in result.records), default=0.0)
    tries = sum(r.tries - 1 for r in result.records)
    sent_back = f"{tries} noisy tries sent back"
    facts |= {
        "noise": f"at most {100 * worst:.0f} % of a run's samples disturbed; {sent_back}",
        "seed": f"{result.sweep.seed} (order of the points)",
        "measured": f"{_first(result)} to {_last(result)}",
        "sweep": json.dumps(result.sweep.model_dump(exclude_defaults=True)),
        "report": command,
    }
    return host_block(facts, rerun_command(result))


def _first(result: SweepResult) -> str:
    return min(r.started for r in result.records)


def _last(result: SweepResult) -> str:
    return max(r.started for r in result.records)


def rerun_command(result: SweepResult) -> str:
    """Return the command that measures the same sweep again, in a store of its own."""
    sweep = result.sweep
    kind = ["--probe", sweep.probe] if sweep.probe else ["--notebook", str(sweep.notebook)]
    words = ["aethermodel", "sweep", "run", *map(str, kind)]
    for name, values in sweep.parameters.items():
        words += ["-p", f"{name}={','.join(_written(v) for v in values)}"]
    options = {
        "--repeats": sweep.repeats,
        "--samples": sweep.samples,
        "--sample-seconds": sweep.sample_seconds,
        "--timeout": sweep.timeout_seconds,
        "--noise-gate": sweep.noise_gate,
        "--retries": sweep.retries,
        "--seed": sweep.seed,
    }
    words += [text for option, value in options.items() for text in (option, f"{value:g}")]
    return shlex.join([*words, "--store", f"{result.folder}-again"])


def _written(value: Any) -> str:
    text = str(value)
    return f'"{text}"' if "," in text else text
