"""Model overlay of a sweep: predictions for the points that a calibration covers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel.fabrics import LABEL_OF

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.calibrate.calibration.calibration import Calibration
    from aethermodel.report.sweep.point_tables import SweepResult


def against_model(
    result: SweepResult, calibration: Calibration | None
) -> tuple[pd.DataFrame | None, str]:
    """Compare the sweep's points of the pipeline with what a calibration predicts.

    Parameters
    ----------
    result : SweepResult
    calibration : Calibration or None

    Returns
    -------
    (pandas.DataFrame or None, str)
        As `aethermodel.calibrate.predict.comparison.compare`, and None where there is nothing to
        compare; and in words what was compared, or why not.
    """
    if calibration is None:
        return None, (
            "No calibration is given, so there is no model to compare with: "
            "`aethermodel calibrate --json calibration.json`, then "
            "`--calibration calibration.json`."
        )
    if result.name != "pipeline":
        return None, (
            f"The model predicts the pipeline as a whole; this sweep is of {result.name}."
        )
    samples, c = result.samples, calibration.conditions
    if samples.empty:
        return None, "No point is done, so there is nothing to compare with the model."
    label = samples["fabric"].map(LABEL_OF)
    fits = (
        (samples["event_loop"] == c.event_loop)
        & (samples["topics"] == c.topics)
        & (samples["calls"] == c.topics)
        & (samples["pool"] == c.pool)
        & (label == c.fabric)
    )
    made_for = (
        f"{c.event_loop}, {c.topics} topics, each with a handler, pool of {c.pool}, {c.fabric}"
    )
    if not fits.any():
        return None, f"The calibration is for {made_for}; no finished point of this sweep is that."
    from aethermodel.calibrate.predict.comparison import compare

    table = compare(calibration, samples[fits].assign(final=True))
    left = samples.loc[~fits, "point"].nunique()
    words = f"The calibration is for {made_for}."
    if left:
        words += f" {left} points were measured under other settings and are not compared."
    foreign = calibration.host["id"] not in {r.conditions.host for r in result.records}
    if foreign:
        words += f" Warning: it was taken on another host, {calibration.host['id']}."
    return table, words
