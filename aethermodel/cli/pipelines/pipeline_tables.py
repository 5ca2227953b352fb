"""Tables of a pipeline of one's own: its terms, its trial, its predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aethermodel.cli.shared.terminal_tables import Table
from aethermodel.report.engineering_notation import engineering, interval
from aethermodel.text.percentages import percent, percentage

if TYPE_CHECKING:
    from aethermodel.pipelines.calibration import PipelineCalibration
    from aethermodel.pipelines.trial import PipelineTrial


def terms_table(calibration: PipelineCalibration) -> Table:
    """Return a row a term: its time at three sizes, its law, and where it comes from.

    What a stage takes back to back, the caches its own, stands beside the size in the middle.
    """
    from aethermodel.pipelines.terms import alone_sizes

    shown = alone_sizes(calibration.sizes.tolist())
    middle = shown[len(shown) // 2]
    table = Table(
        f"{calibration.pipeline}: terms [{calibration.file}]",
        ("term", *(f"N = {n:,}" for n in shown), f"alone, {middle:,}", "law", "holds", "source"),
        text=("term", "law", "holds", "source"),
    )
    times = calibration.times(shown)
    for name, term in calibration.terms.items():
        table.add(
            name,
            *(engineering(float(t), "s") for t in times[name]),
            engineering(term.alone[middle], "s") if middle in term.alone else "",
            term.law.family,
            "yes" if term.law.holds else "no",
            term.source if term.kind == "assumed" else "measured",
        )
    return table


def notes_of(calibration: PipelineCalibration) -> list[str]:
    """Say how the terms go together, what stages pass on, and what is assumed."""
    lines = []
    if len(calibration.groups) > 1:
        row = " | ".join(
            f"{' + '.join(group.terms)}{f' x {group.workers}' if group.workers > 1 else ''}"
            for group in calibration.groups
        )
        lines.append(f"side by side, the slowest counts: {row}")
        here = [group for group in calibration.groups if group.place != "process"]
        if len(here) > 1:
            gil = calibration.gil
            said = (
                f"hold each other up for {percentage(gil.value, 0)} of their time "
                f"({percentage(gil.low, 0)} to {percentage(gil.high, 0)})"
            )
            if (gil.value, gil.low) == (1.0, 0.0):
                said = "may hold each other up: not measured, the bound is given"
            lines.append(f"threads of one process {said}")
    lines += [
        f"{name} passes on {percentage(share, 1)} of the records"
        for name, share in calibration.passed.items()
    ]
    lines += [
        f"{name} is assumed: {term.source}"
        for name, term in calibration.terms.items()
        if term.kind == "assumed"
    ]
    return lines


def predicted_table(calibration: PipelineCalibration, sizes: list[int]) -> Table:
    """Return T at sizes with its interval, rate and budget."""
    found = calibration.predict(sizes)
    table = Table(
        f"{calibration.pipeline}: T, from batch to batch [{calibration.file}]",
        ("N", "T", "95 %", "rate", "slowest", *calibration.terms),
        text=("slowest",),
    )
    for i, n in enumerate(sizes):
        mark = "*" * bool(found.extrapolated[i])
        if not np.isfinite(found.seconds[i]):
            table.add(f"{n:,}{mark}", *("no law there",), *("",) * (3 + len(calibration.terms)))
            continue
        table.add(
            f"{n:,}{mark}",
            engineering(float(found.seconds[i]), "s"),
            interval(float(found.low[i]), float(found.high[i]), "s"),
            engineering(n / float(found.seconds[i]), "records/s"),
            str(found.bound[i]) if len(calibration.groups) > 1 else "",
            *(engineering(float(times[i]), "s") for times in found.budget.values()),
        )
    return table


def trial_table(trial: PipelineTrial) -> Table:
    """Return predicted and measured at sizes held out."""
    table = Table(
        f"{trial.calibration.pipeline}: terms timed isolated, against the whole",
        ("N", "measured", "predicted", "95 %", "error", "rate", "all samples"),
    )
    for row in trial.table.itertuples():
        table.add(
            f"{row.n:,}",
            engineering(row.measured_seconds, "s"),
            engineering(row.predicted_seconds, "s"),
            interval(row.predicted_low, row.predicted_high, "s"),
            percent(row.error),
            engineering(row.n / row.measured_seconds, "records/s"),
            engineering(row.n / row.seconds_all, "records/s"),
        )
    return table
