"""Roofline of a sweep: its rates under the ceilings that were measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.report import style
from aethermodel.report.engineering_notation import engineering
from aethermodel.report.figure import ReportFigure
from aethermodel.report.figures.comparison import HERE
from aethermodel.report.provenance import provenance
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.calibration import Calibration
    from aethermodel.report.sweep.point_tables import SweepResult


def ceilings(result: SweepResult, calibration: Calibration | None) -> ReportFigure | None:
    """Draw throughput against batch size below the copy ceiling and the model's limit.

    None where no ceiling was measured (no calibration), or the points have no batch size.
    """
    if calibration is None or "batch_size" not in result.axes or not result.higher_is_better:
        return None
    copies, limit = calibration.copy_rates(), calibration.model().limit_per_second()
    points = result.points[np.isfinite(result.points["value"])]
    rows: list[dict[str, Any]] = [
        {"what": "measured", "point": p["point"], "n": p["batch_size"], "per_second": p["value"]}
        for p in points.to_dict("records")
    ]
    rows += [
        {"what": "copy ceiling", "point": "", "n": c["n"], "per_second": c["per_second"]}
        for c in copies.to_dict("records")
    ]
    rows.append({"what": "model limit", "point": "", "n": None, "per_second": limit})
    best = points.loc[points["value"].idxmax()]
    with style.styled():
        figure = style.new_figure()
        axes = figure.subplots()
        axes.loglog(points["batch_size"], points["value"], "o", color=style.MEASURED, label="sweep")
        if len(copies):
            axes.loglog(
                copies["n"], copies["per_second"], color=style.INK, label="copying those batches"
            )
        axes.axhline(limit, linestyle="--", color=style.MODEL, label="model, batches without end")
        axes.set_xlabel("batch size N (messages)")
        axes.set_ylabel("messages a second")
        style.log_ticks(axes.xaxis)
        style.log_ticks(axes.yaxis, "1/s")
        axes.legend(loc="lower right")
        style.settle(figure)
    reached = ""
    if len(copies):
        ceiling = float(np.interp(best["batch_size"], copies["n"], copies["per_second"]))
        reached = f" That is {percentage(best['value'] / ceiling)} of the copy ceiling there."
    return ReportFigure(
        figure,
        pd.DataFrame(rows),
        f"Roofline: the sweep under measured ceilings ({result.labels})",
        f"Label: {result.labels}. Ceilings were measured with the calibration, not in this sweep. "
        f"{HERE} Calibration: {provenance(Scenario(calibration, {}))}"
        + _foreign(result, calibration),
        alt=f"The best point carries {engineering(best['value'], 'msg/s')} ({best['point']}); the "
        f"model's limit is {engineering(limit, 'msg/s')}.{reached}",
        units={"per_second": "msg/s"},
    )


def _foreign(result: SweepResult, calibration: Calibration) -> str:
    """Say so where the ceilings are of a host that the sweep did not run on."""
    if calibration.host["id"] in {record.conditions.host for record in result.records}:
        return ""
    return f" Warning: the sweep ran on another host than {calibration.host['id']}."
