"""Comparison of predicted and measured batch times, and its verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from aethermodel import thresholds
from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.composition import compose
from aethermodel.calibrate.predict.all_samples import all_samples
from aethermodel.order_statistics import median_interval
from aethermodel.text.percentages import percentage
from aethermodel.verdict import Outcome, causes, mostly_disturbed
from aethermodel.verdict import judge as judged
from aethermodel.verdict import worst as worst_of


def compare(calibration: Calibration, samples: pd.DataFrame) -> pd.DataFrame:
    """Compare predicted with measured, one row a batch size.

    Parameters
    ----------
    calibration : Calibration
        Made of the probes' samples only.
    samples : pandas.DataFrame
        With rows of the ``pipeline`` probe.

    Returns
    -------
    pandas.DataFrame
        ``n``, ``label``, ``measured_seconds`` (median of the processes' medians; with the
        lowest and highest process as ``measured_low`` and ``measured_high``, and the median's
        interval as ``median_low`` and ``median_high``),
        ``predicted_seconds`` with its 95 % interval, the budget ``loop_seconds`` to
        ``fabric_seconds``, ``wait_seconds`` for a producer that is slower, ``serial_seconds`` and
        ``pipelined_seconds`` (the same terms composed in either way), ``composition`` (which of
        them is the prediction), ``held_out``, ``processes`` (how many measured it), ``error``
        (predicted over measured, less one), ``unexplained`` (share of the measured time that no
        term accounts for), ``covered`` (whether the two intervals, in quadrature, cover the
        difference), and of the pipeline's samples the shares ``disturbed``, ``switched`` and
        ``stolen``, of those disturbed by neither
        ``apart`` (on cores moved apart) and ``shared`` (on a core that somebody else used too);
        ``seconds_all`` over all samples, disturbed ones included, and ``share_left_out``, of all
        slices those that ``measured_seconds`` is not made of.

    Raises
    ------
    ValueError
        If the pipeline was not sampled.
    """
    by_process = process_medians(samples)
    measured = by_process.agg(["median", "min", "max"], axis=1).reset_index()
    between = [median_interval(row.dropna()).ends for _, row in by_process.iterrows()]
    prediction = calibration.consumer(measured["batch_size"])
    composed = compose(prediction, calibration.producer(measured["batch_size"]))
    calibrated_at = set(calibration.samples["kernel"].n if "kernel" in calibration.samples else ())
    table = pd.DataFrame(
        {
            "n": measured["batch_size"].astype(int),
            "label": calibration.conditions.fabric,
            "measured_seconds": measured["median"],
            "measured_low": measured["min"],
            "measured_high": measured["max"],
            "median_low": [low for low, _ in between],
            "median_high": [high for _, high in between],
            "predicted_seconds": composed.seconds,
            "predicted_low": composed.low,
            "predicted_high": composed.high,
            **{f"{term}_seconds": seconds for term, seconds in prediction.budget.items()},
            "wait_seconds": composed.seconds - prediction.seconds,
            "serial_seconds": composed.serial,
            "pipelined_seconds": composed.pipelined,
            "composition": composed.name,
            "held_out": [n not in calibrated_at for n in measured["batch_size"]],
            "processes": by_process.notna().sum(axis=1).to_numpy(),
        }
    )
    table["error"] = table["predicted_seconds"] / table["measured_seconds"] - 1
    table["unexplained"] = 1 - table["predicted_seconds"] / table["measured_seconds"]
    table["covered"] = covered(table)
    for name, share in _disturbances(samples).items():
        table[name] = share.to_numpy()
    every = all_samples(samples[samples["probe"] == "pipeline"], ["batch_size"])
    for name, figure in every.loc[measured["batch_size"]].items():
        table[name] = figure.to_numpy()
    return table


def process_medians(samples: pd.DataFrame) -> pd.DataFrame:
    """Return the pipeline's median seconds: a row a batch size, a column a process.

    Raises
    ------
    ValueError
        If the pipeline was not sampled.
    """
    medians = _whole(samples).groupby(["batch_size", "process"])["seconds"].median()
    return medians.unstack("process")


def _whole(samples: pd.DataFrame) -> pd.DataFrame:
    whole = samples[(samples["probe"] == "pipeline") & samples["final"]]
    if whole.empty:
        raise ValueError("no samples of the pipeline: there is nothing to compare with")
    return whole


def _disturbances(samples: pd.DataFrame) -> pd.DataFrame:
    whole = _whole(samples)
    marks = pd.DataFrame(
        {
            "batch_size": whole["batch_size"],
            "disturbed": whole["noisy"].astype(float),
            # Samples of a sweep's store hold only the mark itself.
            **{
                name: (whole[reading] > 0).astype(float) if reading in whole else np.nan
                for name, reading in (("switched", "switches"), ("stolen", "stolen_seconds"))
            },
        }
    )
    counted = marks[["switched", "stolen"]].max(axis=1, skipna=False)
    apart = whole["apart"].astype(float) if "apart" in whole else 0.0
    marks["apart"] = marks["disturbed"] * (1 - counted) * apart
    marks["shared"] = marks["disturbed"] * (1 - counted) * (1 - apart)
    return marks.groupby("batch_size").mean()


def covered(table: pd.DataFrame) -> pd.Series[bool]:
    """Whether prediction and measured median are as near as their intervals say."""
    off = table["predicted_seconds"] - table["measured_seconds"]
    below = table["predicted_seconds"] - table["predicted_low"]
    above = table["predicted_high"] - table["predicted_seconds"]
    under = table["measured_seconds"] - table["median_low"]
    over = table["median_high"] - table["measured_seconds"]
    # A prediction that is too high is to be reached from below, by the measured from above.
    reach = np.hypot(below, over).where(off > 0, np.hypot(above, under))
    return off.abs() <= reach


@dataclass(frozen=True)
class Verdict:
    """Whether the model is true on this host.

    Attributes
    ----------
    outcome : {"pass", "fail", "inconclusive"}
    mean_error, worst_error : float
        Of the absolute relative errors.
    mean_outcome, worst_outcome : {"pass", "fail", "inconclusive"}
        Each against its own limit.
    worst_at : int
        Batch size of the worst.
    spread : float
        Median over batch sizes of (highest - lowest process) / median: the noise
        of what was measured.
    coverage : float
        Share of the rows whose error the two intervals cover; wanted are 0.95.
    why : str
        One sentence.
    """

    outcome: Outcome
    mean_error: float
    worst_error: float
    mean_outcome: Outcome
    worst_outcome: Outcome
    worst_at: int
    spread: float
    coverage: float
    why: str


def spread_in_words(table: pd.DataFrame, spread: float) -> str:
    """Return what processes differ by; of a single one that is not known, and not nothing."""
    return "not known: one process" if table["processes"].max() < 2 else percentage(spread)


def judge(table: pd.DataFrame) -> Verdict:
    """Judge a comparison table.

    Each error is known only as well as the measured median is. A figure within its limit passes.
    One beyond it fails if it stays beyond for every value in the medians' intervals, however much
    single processes differ; else, or where most samples were disturbed, or too few processes ran to
    show what they differ by, it is inconclusive.

    Parameters
    ----------
    table : pandas.DataFrame
        As `compare` gives it.
    """
    error = table["error"].abs()
    worst = error.idxmax()
    widths = (table["measured_high"] - table["measured_low"]) / table["measured_seconds"]
    mean, most, spread = float(error.mean()), float(error.max()), float(widths.median())
    at = int(table.loc[worst, "n"])
    least = _least_errors(table)
    disturbed = mostly_disturbed(float(table["disturbed"].mean()))
    few = int(table["processes"].min()) < thresholds.FEWEST_PROCESSES
    in_doubt = disturbed or few
    mean_outcome = judged(
        mean, float(least.mean()), mean, thresholds.MEAN_ERROR, disturbed=in_doubt
    )
    worst_outcome = judged(
        most, float(least.max()), most, thresholds.WORST_ERROR, disturbed=in_doubt
    )
    outcome = worst_of([mean_outcome, worst_outcome])
    why = (
        f"the sum of the terms is off by {percentage(mean)} on average and by {percentage(most)} "
        f"at worst, at N = {at:,}"
    )
    if outcome == "fail":
        limits = (percentage(x, 0) for x in (thresholds.MEAN_ERROR, thresholds.WORST_ERROR))
        why += f"; allowed are {' and '.join(limits)}"
    elif outcome == "inconclusive":
        if disturbed:
            but = f"{_disturbance(table)}: measure again"
        elif few:
            but = _too_few(table)
        else:
            but = f"the pipeline's own processes differ by {percentage(spread)}: measure again"
        why += f"; but {but}"
    coverage = float(table["covered"].mean())
    return Verdict(
        outcome, mean, most, mean_outcome, worst_outcome, at, spread, coverage, f"{why}."
    )


def _least_errors(table: pd.DataFrame) -> pd.Series[float]:
    """Return the smallest error, a batch size, that the measured median's interval allows."""
    predicted = table["predicted_seconds"]
    nearest = predicted.clip(table["median_low"], table["median_high"])
    return (predicted / nearest - 1).abs()


def _too_few(table: pd.DataFrame) -> str:
    ran = int(table["processes"].min())
    which = "one process ran, which does" if ran == 1 else f"{ran} processes ran, which do"
    return (
        f"only {which} not show what processes differ by: measure in "
        f"{thresholds.FEWEST_PROCESSES} or more (--processes, and --seconds enough for them)"
    )


def _disturbance(table: pd.DataFrame) -> str:
    share = percentage(float(table["disturbed"].mean()), 0)
    found = f"{share} of the pipeline's samples were disturbed to the last"
    if table["switched"].isna().any():
        return found
    shares = table[["switched", "stolen", "shared", "apart"]].mean()
    return f"{found} ({causes(shares.to_dict())})"
