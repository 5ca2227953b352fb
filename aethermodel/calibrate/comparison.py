"""Hold the sum of the terms against the pipeline as a whole, and give a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from aethermodel.calibrate.calibration import Calibration
from aethermodel.calibrate.composition import compose

Outcome = Literal["pass", "fail", "inconclusive"]

#: The model is true where it is off by no more than this: the mean and the maximum
#: relative error that the ECM model's authors report for theirs.
MEAN_ERROR, WORST_ERROR = 0.05, 0.10
# The pipeline's own medians, process against process, must agree this well for an
# error of that size to be seen at all.
_TRUSTED_SPREAD = 0.10


def compare(calibration: Calibration, samples: pd.DataFrame) -> pd.DataFrame:
    """Put predicted beside measured, one row a batch size.

    Parameters
    ----------
    calibration : Calibration
        Made of the probes' samples only.
    samples : pandas.DataFrame
        With rows of the ``pipeline`` probe.

    Returns
    -------
    pandas.DataFrame
        ``n``, ``label``, ``measured_seconds`` (median of the processes' medians) with the
        lowest and highest process as ``measured_low`` and ``measured_high``,
        ``predicted_seconds`` with its 95 % interval, the budget ``loop_seconds`` to
        ``fabric_seconds``, ``wait_seconds`` for a producer that is slower, ``serial_seconds`` and
        ``pipelined_seconds`` (the same terms composed in either way), ``composition`` (which of
        them is the prediction), ``held_out``, ``error`` (predicted over measured, less one)
        and ``unexplained`` (share of the measured time that no term accounts for).

    Raises
    ------
    ValueError
        If the pipeline was not sampled.
    """
    whole = samples[(samples["probe"] == "pipeline") & samples["final"]]
    if whole.empty:
        raise ValueError("no samples of the pipeline: there is nothing to compare with")
    by_process = whole.groupby(["batch_size", "process"])["seconds"].median()
    measured = by_process.groupby("batch_size").agg(["median", "min", "max"]).reset_index()
    prediction = calibration.consumer(measured["batch_size"])
    composed = compose(prediction, calibration.producer(measured["batch_size"]))
    calibrated_at = set(calibration.samples["kernel"][0])
    table = pd.DataFrame(
        {
            "n": measured["batch_size"].astype(int),
            "label": calibration.conditions.fabric,
            "measured_seconds": measured["median"],
            "measured_low": measured["min"],
            "measured_high": measured["max"],
            "predicted_seconds": composed.seconds,
            "predicted_low": composed.low,
            "predicted_high": composed.high,
            **{f"{term}_seconds": seconds for term, seconds in prediction.budget.items()},
            "wait_seconds": composed.seconds - prediction.seconds,
            "serial_seconds": composed.serial,
            "pipelined_seconds": composed.pipelined,
            "composition": composed.name,
            "held_out": [n not in calibrated_at for n in measured["batch_size"]],
        }
    )
    table["error"] = table["predicted_seconds"] / table["measured_seconds"] - 1
    table["unexplained"] = 1 - table["predicted_seconds"] / table["measured_seconds"]
    return table


@dataclass(frozen=True)
class Verdict:
    """Whether the model is true on this host.

    Attributes
    ----------
    outcome : {"pass", "fail", "inconclusive"}
    mean_error, worst_error : float
        Of the absolute relative errors.
    worst_at : int
        Batch size of the worst.
    spread : float
        Median over batch sizes of (highest - lowest process) / median: the noise
        of what was measured.
    why : str
        One sentence.
    """

    outcome: Outcome
    mean_error: float
    worst_error: float
    worst_at: int
    spread: float
    why: str

    def outcome_of(self, met: bool) -> Outcome:
        """Return the outcome of one threshold: a miss counts only where the host was quiet."""
        if met:
            return "pass"
        return "inconclusive" if self.spread > _TRUSTED_SPREAD else "fail"


def judge(table: pd.DataFrame) -> Verdict:
    """Judge a comparison table.

    A pass is a pass however noisy the host. A failure counts only where the
    measured processes agree among themselves; else it is inconclusive.
    """
    error = table["error"].abs()
    worst = error.idxmax()
    widths = (table["measured_high"] - table["measured_low"]) / table["measured_seconds"]
    mean, most, spread = float(error.mean()), float(error.max()), float(widths.median())
    at = int(table.loc[worst, "n"])
    found = (
        f"the sum of the terms is off by {100 * mean:.1f} % on average and by {100 * most:.1f} % "
        f"at worst, at N = {at:,}"
    )
    if mean <= MEAN_ERROR and most <= WORST_ERROR:
        return Verdict("pass", mean, most, at, spread, f"{found}.")
    if spread > _TRUSTED_SPREAD:
        noise = f"the pipeline's own processes differ by {100 * spread:.1f} %"
        why = f"{found}; but {noise}: measure again."
        return Verdict("inconclusive", mean, most, at, spread, why)
    return Verdict("fail", mean, most, at, spread, f"{found}; allowed are 5 % and 10 %.")
