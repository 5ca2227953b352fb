"""Benchmark of the fits on known laws, beside a polynomial and Extra-P."""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aethermodel.calibrate.benchmark.extrap import ask_extrap
from aethermodel.calibrate.term_fit.fit_term import fit_term
from aethermodel.text.percentages import percentage

Floats = NDArray[np.float64]
Progress = Callable[[str, int, int], None]
REPEATS = 5
# Names the interpreter of an environment that has Extra-P.
EXTRAP_PYTHON = "AETHER_EXTRAP_PYTHON"


@dataclass(frozen=True)
class Scenario:
    """A known law, measured with multiplicative Gaussian noise as in Extra-P's own tests.

    Attributes
    ----------
    name : str
        What the law is.
    parameters : dict of str to float
        True parameters, in seconds, seconds per event and events.
    noise : float
        Relative standard deviation of a sample.
    n : tuple of float
        Measured batch sizes, five repeats each.
    at : tuple of float
        Batch sizes to predict, beyond all that were measured.
    """

    name: str
    parameters: dict[str, float]
    noise: float
    n: tuple[float, ...]
    at: tuple[float, ...]

    def law(self, n: Floats) -> Floats:
        """True time at batch sizes `n`, in seconds."""
        true = self.parameters
        knee = np.maximum(0.0, n - true.get("N1", np.inf))
        return np.asarray(true["c0"] + true["c1"] * n + true.get("c2", 0.0) * knee)

    def samples(self, runs: int, seed: int) -> Floats:
        """Samples of many runs, in seconds, shape (runs, sizes, repeats)."""
        draw = np.random.default_rng(seed).standard_normal((runs, len(self.n), REPEATS))
        truth = self.law(np.array(self.n))
        return np.asarray(truth[None, :, None] * (1 + self.noise * draw))


def _powers(top: int) -> tuple[float, ...]:
    return tuple(2.0**power for power in range(top + 1))


AFFINE = {"c0": 4.1e-6, "c1": 8e-9}
KNEE = {**AFFINE, "c2": 20e-9, "N1": 2048.0}
SCENARIOS = (
    Scenario("affine", AFFINE, 0.05, _powers(10), (4096.0, 16384.0, 65536.0)),
    Scenario("affine", AFFINE, 0.02, _powers(10), (4096.0, 16384.0, 65536.0)),
    Scenario("one knee", KNEE, 0.03, _powers(14), (32768.0, 65536.0)),
)


@dataclass(frozen=True)
class Outcome:
    """Predictions of one model over many runs of one scenario.

    Attributes
    ----------
    seconds : ndarray, shape (runs, sizes)
        Predicted times; nan where there is none.
    fit_seconds : ndarray, shape (runs,)
        Wall time of each fit.
    covered : dict of str to ndarray
        For each kind of interval, whether it held: ``mean`` and ``observation`` of shape
        (runs, sizes), ``parameters`` of shape (runs, parameters). Empty without intervals.
    """

    seconds: Floats
    fit_seconds: Floats
    covered: dict[str, NDArray[np.bool_]]


def compare_models(
    runs: int = 1000,
    seed: int = 0,
    *,
    extrap_python: str | Path | None = None,
    extrap_runs: int = 200,
    progress: Progress | None = None,
) -> pd.DataFrame:
    """Compare extrapolations of known laws.

    Parameters
    ----------
    runs : int
        Runs of each scenario for ours and the polynomials.
    seed : int
        Of the samples; every model sees the same ones.
    extrap_python : path, optional
        Interpreter of an environment that has Extra-P 4.2; default the environment variable
        ``AETHER_EXTRAP_PYTHON``. Without either, Extra-P is left out.
    extrap_runs : int
        The first so many runs go to Extra-P, which takes tens to hundreds of milliseconds a fit.
    progress : callable, optional
        Called with what is being fitted, fits done and fits in all.

    Returns
    -------
    pandas.DataFrame
        A row per scenario, model and predicted size: ``law``, ``noise``, ``model``, ``runs``,
        ``n``, shares of runs ``within_5`` and ``within_10`` percent, ``median_error`` and
        ``p95_error`` (relative), ``negative`` (predictions below zero), coverage of the 95 %
        intervals ``cover_mean``, ``cover_observation`` and ``cover_parameters`` (the worst of the
        law's parameters; nan without intervals), wall time of a fit: ``fit_ms_min`` (what it takes
        undisturbed), ``fit_ms`` (median) and ``fit_ms_p99``.

    Raises
    ------
    ValueError
        If there is nothing to run, or Extra-P was named and cannot be run.
    """
    if runs < 1 or extrap_runs < 1:
        raise ValueError("compare_models needs at least one run")
    interpreter = extrap_python or os.environ.get(EXTRAP_PYTHON)
    if interpreter and not shutil.which(interpreter):
        raise ValueError(f"cannot run Extra-P's interpreter {interpreter}: there is none")
    frames: list[pd.DataFrame] = []
    for index, scenario in enumerate(SCENARIOS):
        samples = scenario.samples(runs, seed + index)
        label = f"{scenario.name}, {percentage(scenario.noise, 0)} noise"
        outcomes = {"ours": _ours(scenario, samples, seed, label, progress)}
        for degree in (1, 2):
            outcomes[f"polynomial of degree {degree}"] = _polynomial(scenario, samples, degree)
        if interpreter:
            for modeler in ("Default", "Segmented"):
                if progress:
                    progress(f"{label}: Extra-P {modeler}", 0, 1)
                outcome = _extrap(scenario, samples[:extrap_runs], modeler, interpreter)
                outcomes[f"Extra-P {modeler.lower()}"] = outcome
        frames.extend(_rows(scenario, model, outcome) for model, outcome in outcomes.items())
    return pd.concat(frames, ignore_index=True)


def _ours(
    scenario: Scenario, samples: Floats, seed: int, label: str, progress: Progress | None
) -> Outcome:
    n, at = np.repeat(scenario.n, REPEATS), np.array(scenario.at)
    truth = scenario.law(at)
    fresh = np.random.default_rng([seed, 1]).standard_normal((len(samples), at.size))
    seconds, spent = [], []
    covered: dict[str, list[list[bool]]] = {"mean": [], "observation": [], "parameters": []}
    for run, values in enumerate(samples):
        start = time.perf_counter()
        fit = fit_term(n, values.ravel())
        spent.append(time.perf_counter() - start)
        mean, low, high = fit.predict(at)
        seconds.append(mean)
        covered["mean"].append(((low <= truth) & (truth <= high)).tolist())
        new = truth * (1 + scenario.noise * fresh[run])
        _, low, high = fit.predict(at, kind="observation")
        covered["observation"].append(((low <= new) & (new <= high)).tolist())
        found = fit.parameters
        covered["parameters"].append(
            [
                name in found and found[name].low <= true <= found[name].high
                for name, true in scenario.parameters.items()
            ]
        )
        if progress:
            progress(f"{label}: ours", run + 1, len(samples))
    return Outcome(
        np.array(seconds), np.array(spent), {kind: np.array(held) for kind, held in covered.items()}
    )


def _polynomial(scenario: Scenario, samples: Floats, degree: int) -> Outcome:
    n, at = np.repeat(scenario.n, REPEATS), np.array(scenario.at)
    seconds, spent = [], []
    for values in samples:
        start = time.perf_counter()
        coefficients = np.polyfit(n, values.ravel(), degree)
        spent.append(time.perf_counter() - start)
        seconds.append(np.polyval(coefficients, at))
    return Outcome(np.array(seconds), np.array(spent), {})


def _extrap(scenario: Scenario, samples: Floats, modeler: str, interpreter: str | Path) -> Outcome:
    asked = {
        "n": scenario.n,
        "seconds": samples.tolist(),
        "at": scenario.at,
        "modeler": modeler,
    }
    given = ask_extrap(interpreter, asked)
    seconds = np.array(given["seconds"], dtype=np.float64)
    return Outcome(seconds, np.array(given["fit_seconds"]), {})


def _rows(scenario: Scenario, model: str, outcome: Outcome) -> pd.DataFrame:
    at = np.array(scenario.at)
    # No answer is an error without bound.
    error = np.nan_to_num(np.abs(outcome.seconds / scenario.law(at) - 1), nan=np.inf)
    held = {kind: values.mean(axis=0) for kind, values in outcome.covered.items()}
    nothing = np.full(at.size, np.nan)
    return pd.DataFrame(
        {
            "law": scenario.name,
            "noise": scenario.noise,
            "model": model,
            "runs": len(error),
            "n": at.astype(int),
            "within_5": np.mean(error < 0.05, axis=0),
            "within_10": np.mean(error < 0.10, axis=0),
            "median_error": np.median(error, axis=0),
            "p95_error": np.quantile(error, 0.95, axis=0, method="higher"),
            "negative": np.sum(outcome.seconds < 0, axis=0),
            "cover_mean": held.get("mean", nothing),
            "cover_observation": held.get("observation", nothing),
            "cover_parameters": held["parameters"].min() if held else np.nan,
            "fit_ms_min": float(np.min(outcome.fit_seconds) * 1e3),
            "fit_ms": float(np.median(outcome.fit_seconds) * 1e3),
            "fit_ms_p99": float(np.quantile(outcome.fit_seconds, 0.99) * 1e3),
        }
    )


@dataclass(frozen=True)
class Target:
    """A figure to reach, and what was reached.

    Attributes
    ----------
    name : str
        What must hold, in words.
    reached, least, most : float
        The figure of the worst predicted size, and the limits it must keep.
    """

    name: str
    reached: float
    least: float = -np.inf
    most: float = np.inf

    def __str__(self) -> str:
        return f"{self.name} is {self.reached:.4g}, wanted {self.least:.4g} to {self.most:.4g}"

    @property
    def met(self) -> bool:
        """Whether the figure keeps its limits."""
        return self.least <= self.reached <= self.most


# Per law and noise: column, least, most, of the worst predicted size.
_SHARES = {
    ("affine", 0.05): (("within_10", 0.99, 1.0), ("p95_error", 0.0, 0.06)),
    ("affine", 0.02): (("within_5", 1.0, 1.0),),
    ("one knee", 0.03): (("within_10", 0.95, 1.0),),
}
COVERAGE_WITHIN = 0.02
MOST_FIT_MS = 10.0


def targets(table: pd.DataFrame) -> list[Target]:
    """Hold our rows of `compare_models` against the figures to reach.

    Coverage is to be 93 to 97 %, which is within three standard errors of 95 % over 1,000 runs;
    fewer runs have three of their own. A fit's time is the median.
    """
    ours = table[table["model"] == "ours"]
    found = []
    for (law, noise), rows in ours.groupby(["law", "noise"], sort=False):
        label = f"{law}, {percentage(noise, 0)} noise"
        for column, least, most in _SHARES[law, noise]:
            worst = rows[column].max() if column == "p95_error" else rows[column].min()
            found.append(Target(f"{label}: {column}", float(worst), least, most))
        runs = int(rows["runs"].iloc[0])
        error = float(np.sqrt(0.95 * 0.05 / runs))
        allowed = COVERAGE_WITHIN if runs >= 1000 else max(COVERAGE_WITHIN, 3 * error)
        for column in ("cover_mean", "cover_observation", "cover_parameters"):
            worst = max(rows[column], key=lambda share: abs(share - 0.95))
            found.append(
                Target(
                    f"{label}: {column}",
                    float(worst),
                    0.95 - allowed,
                    min(1.0, 0.95 + allowed),
                )
            )
        found.append(Target(f"{label}: fit_ms", float(rows["fit_ms"].iloc[0]), 0.0, MOST_FIT_MS))
        found.append(Target(f"{label}: negative", float(rows["negative"].sum()), 0.0, 0.0))
    return found
