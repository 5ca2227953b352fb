"""Report page of a sweep's store."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aethermodel.report.blocks import Block, SummaryRow, Verdict, host_block, model_terms
from aethermodel.report.curve import curve
from aethermodel.report.figure import ReportFigure
from aethermodel.report.figures.comparison import measured_vs_model
from aethermodel.report.figures.ecdf import ecdf
from aethermodel.report.figures.heatmap import heatmap
from aethermodel.report.figures.pareto import pareto
from aethermodel.report.figures.roofline import ceilings
from aethermodel.report.figures.time_budget import budget
from aethermodel.report.html.page import Section, render
from aethermodel.report.math.formulas import batch_formula
from aethermodel.report.sweep.model_overlay import against_model
from aethermodel.report.sweep.point_tables import SweepResult
from aethermodel.report.sweep.store_verdict import Thresholds, opening, verdict_rows
from aethermodel.text.moments import period
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.calibration import Calibration


# Digits of a hash that tell one code from another.
_DIGITS = 12


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
    if path is None:
        return None
    from aethermodel.calibrate.calibration.calibration import (
        Calibration,  # which brings SciPy and SymPy
    )

    return Calibration.load(path)


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
    rows = verdict_rows(result, compared, thresholds or Thresholds())
    verdict, first = opening(result, rows)
    model: list[Any] = [about]
    shares: list[Any] = ["Without a comparison with the model there is no budget to stack."]
    if compared is not None:
        sizes = compared["n"]
        law = curve(calibration, sizes.min(), sizes.max()) if calibration else None
        model.append(measured_vs_model(compared, law=law))
        shares = [budget(compared)]
    no_front = "There is no front: the points lack a throughput, or a P99 was not recorded."
    no_roof = (
        "No ceiling was measured: a calibration holds the copy ceiling (`--calibration`), and the "
        "points need a batch size that varies."
    )
    no_spread = (
        "No sample was kept: no point is done."
        if result.samples.empty
        else "There is one sample a point: its spread and drift take more (--samples, --repeats)."
    )
    sections = [
        Section("Measured and modelled", model),
        Section("Where the time goes", shares),
        Section("Every point", [heatmap(result), *_failures(result)]),
        Section("Throughput and P99", [pareto(result) or no_front]),
        Section("Roofline", [ceilings(result, calibration) or no_roof]),
        Section("Samples and drift", [ecdf(result) or no_spread]),
        Section("Formula", _formula(calibration)),
        Section("Host and command", [_host(result, command)]),
    ]
    return StoreReport(f"Sweep of {result.name}", verdict, rows, first, sections)


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
    formula = batch_formula(model, min(10_000, calibration.largest))
    terms = model_terms(model)
    warnings = [f"Warning: {text}" for text in calibration.warnings]
    return [formula, terms, *warnings]


def _host(result: SweepResult, command: str) -> Block:
    from aethermodel.measure.host.fingerprint import this_host

    hosts = sorted({r.conditions.host for r in result.records})
    here = this_host()
    facts: dict[str, Any] = {"host": ", ".join(hosts)}
    if hosts == [here.id]:
        facts |= here.model_dump(exclude={"id", "libraries", "python"})
    else:
        facts["processor"] = "not stored: the sweep ran on another host than wrote this report"
    for name in ("environment", "code", "extensions"):
        values = sorted({getattr(r.conditions, name) for r in result.records})
        facts[name] = values if name == "environment" else [value[:_DIGITS] for value in values]
    worst = max((r.outcome.disturbed for r in result.records), default=0.0)
    tries = sum(r.tries - 1 for r in result.records)
    sent_back = f"{tries} noisy tries sent back"
    facts |= {
        "noise": f"at most {percentage(worst, 0)} of a run's samples disturbed; {sent_back}",
        "seed": f"{result.sweep.seed} (order of the points)",
        "measured": period(_first(result), _last(result)),
        **({"report": command} if command else {}),
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
