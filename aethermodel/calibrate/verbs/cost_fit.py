"""Fit of the verbs cost model on training settings, judged on held-out ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.optimize import least_squares
from scipy.special import stdtrit

from aethermodel import thresholds
from aethermodel.calibrate.term_fit.fit_term import Parameter
from aethermodel.calibrate.term_fit.regression import relative_nnls
from aethermodel.calibrate.verbs.cost_samples import VerbsSamples
from aethermodel.model.verbs.verbs_cost import (
    COST_NAMES,
    COSTS,
    VerbsCosts,
    stage_times,
    transfer_time,
)
from aethermodel.verdict import Outcome, judge

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
#: What a sweep can tell apart. In software a message's gap in the device and its acknowledgement
#: fold into o_w, the headers of a packet into g_pkt; the fetch of a list folds into o_db.
FITTED = {
    True: ("L", "o_w", "o_db", "o_cqe", "c_i", "d_pay", "g_pkt", "G"),
    False: ("L", "o_w", "o_db", "o_cqe", "c_i", "g", "d_pay", "g_pkt", "G", "rtt"),
}


@dataclass(frozen=True)
class VerbsFit:
    """The cost model with the figures of one device.

    Attributes
    ----------
    costs : VerbsCosts
    parameters : dict of str to Parameter
        Of what was fitted, with 95 % intervals; never below zero.
    covariance : ndarray, shape (parameters, parameters)
    noise : float
        Relative standard deviation of a training setting about the law.
    freedom : int
        Its degrees of freedom.
    label : str
        Provenance label of the samples.
    level : float
        Of the intervals.
    """

    costs: VerbsCosts
    parameters: dict[str, Parameter]
    covariance: Floats
    noise: float
    freedom: int
    label: str
    level: float = thresholds.LEVEL

    def expression(self, inline: bool) -> sympy.Expr:
        """Return T in seconds, a SymPy expression in N, b, p, k (and W), the costs in figures."""
        symbols = transfer_time(inline, self.costs.serial)
        figures = {
            symbol: getattr(self.costs, symbol.name)
            for symbol in symbols.free_symbols
            if symbol.name in COST_NAMES
        }
        return symbols.subs(figures)

    def predict(self, table: pd.DataFrame) -> pd.DataFrame:
        """Predict settings.

        Parameters
        ----------
        table : pandas.DataFrame
            With the columns of a setting (`verbs_samples.SETTING`).

        Returns
        -------
        pandas.DataFrame
            ``predicted_seconds`` with ``predicted_low`` and ``predicted_high``, the interval in
            which one measured setting is expected, and ``binding``, the dearest stage.
        """
        names = tuple(self.parameters)
        mean, stage = _times(self.costs, table)
        gradient = _gradient(self.costs, table, names)
        own = np.einsum("ij,jk,ik->i", gradient, self.covariance, gradient)
        half = stdtrit(self.freedom, (1 + self.level) / 2) * np.sqrt(
            np.maximum(own, 0) + np.square(self.noise * mean)
        )
        binding = np.array(["cpu", "nic", "wire", "window"])[stage.argmax(axis=0)]
        return table.assign(
            predicted_seconds=mean,
            predicted_low=np.maximum(mean - half, 0),
            predicted_high=mean + half,
            binding=binding,
        )


def fit_verbs(samples: VerbsSamples) -> VerbsFit:
    """Fit the costs to the settings that the design did not hold out.

    Costs are bounded at zero and errors relative. On a device in software the model is linear
    in the costs, and the solver is that of every other term; on a card the slowest stage binds,
    and the same weights go into a trust-region search from several starts.

    Raises
    ------
    ValueError
        If there are too few training settings to judge the noise.
    """
    table = samples.table()
    training = table[~table["held_out"]]
    serial = samples.fabric == "soft-roce"
    names = FITTED[serial]
    freedom = len(training) - len(names)
    if freedom < 3:
        raise ValueError(
            f"{len(training)} training settings cannot carry {len(names)} costs: "
            f"measure at least {len(names) + 3}"
        )
    zero = dict.fromkeys(COST_NAMES, 0.0)
    blank: Any = zero | {"q": 1.0, "mtu": samples.mtu, "inline_limit": samples.inline_limit}
    # What a software device's headers cost is in g_pkt; a card's go over the wire.
    blank |= {} if serial else {"h_pkt": VerbsCosts.h_pkt}
    start = VerbsCosts(**blank, serial=serial)
    seconds = training["seconds"].to_numpy(dtype=np.float64)
    if serial:
        design = _gradient(start, training, names)
        values, *_ = relative_nnls(design, seconds, np.ones(len(seconds)))
    else:
        values = _search(start, training, seconds, names)
    costs = _with(start, names, values)
    law, _ = _times(costs, training)
    rows = _gradient(costs, training, names) / law[:, None]
    noise = float(np.sqrt(np.sum(np.square(seconds / law - 1)) / freedom))
    norm = np.sqrt(np.einsum("ij,ij->j", rows, rows))
    norm[norm == 0] = 1.0
    inverse = np.linalg.pinv((rows / norm).T @ (rows / norm), hermitian=True)
    covariance = np.square(noise) * inverse / np.outer(norm, norm)
    half = stdtrit(freedom, (1 + thresholds.LEVEL) / 2) * np.sqrt(np.diag(covariance))
    parameters = {
        name: Parameter(
            float(v), float(max(v - h, 0)), float(v + h), COSTS[name][0], thresholds.LEVEL
        )
        for name, v, h in zip(names, values, half, strict=True)
    }
    return VerbsFit(costs, parameters, covariance, noise, freedom, samples.label)


@dataclass(frozen=True)
class HeldOut:
    """Prediction against measurement.

    Attributes
    ----------
    table : pandas.DataFrame
        One row a setting: measured, predicted, ``error`` (predicted over measured, less one),
        ``held_out`` and ``covered`` (whether the interval holds the measured time).
    median_error, worst_error : float
        Of the absolute relative errors of the held-out settings.
    training_error : float
        Median of the training settings'.
    coverage : float
        Share of the held-out settings that are covered; 0.95 is aimed at.
    settings : int
        How many were held out.
    spread : float
        Median over all settings of (slowest - fastest process) / fastest, each process by its
        fastest sample: the noise that the minimum has to see through.
    """

    table: pd.DataFrame
    median_error: float
    worst_error: float
    training_error: float
    coverage: float
    settings: int
    spread: float

    @property
    def outcome(self) -> Outcome:
        """Return the verdict: a miss counts only where the host was quiet."""
        error, limit = self.median_error, thresholds.VERBS_ERROR
        return judge(error, error, error, limit, disturbed=self.spread > limit)

    def figures(self, fit: VerbsFit) -> dict[str, Any]:
        """Return fit and judgement as JSON values."""
        return {
            "costs": {
                name: {"value": p.value, "low": p.low, "high": p.high, "unit": p.unit}
                for name, p in fit.parameters.items()
            },
            "training_noise": fit.noise,
            "held_out_settings": self.settings,
            "held_out_median_error": self.median_error,
            "held_out_worst_error": self.worst_error,
            "training_median_error": self.training_error,
            "coverage": self.coverage,
            "spread": self.spread,
            "wanted_median_error": thresholds.VERBS_ERROR,
            "outcome": self.outcome,
            "settings": {
                name: [float(f"{value:.4g}") for value in self.table[name]]
                for name in (
                    *("seconds", "median_seconds", "spread", "high"),
                    *("predicted_seconds", "predicted_low", "predicted_high", "error"),
                )
            },
        }

    @property
    def met(self) -> bool:
        """Whether the median error is no more than asked for."""
        return self.median_error <= thresholds.VERBS_ERROR


def judge_verbs(fit: VerbsFit, samples: VerbsSamples) -> HeldOut:
    """Hold a fit against the settings that it has not seen.

    Raises
    ------
    ValueError
        If none were held out.
    """
    table = fit.predict(samples.table())
    table["error"] = table["predicted_seconds"] / table["seconds"] - 1
    table["covered"] = table["seconds"].between(table["predicted_low"], table["predicted_high"])
    unseen = table[table["held_out"]]
    if unseen.empty:
        raise ValueError("no setting was held out: there is nothing to judge the fit by")
    error = unseen["error"].abs()
    return HeldOut(
        table=table,
        median_error=float(error.median()),
        worst_error=float(error.max()),
        training_error=float(table.loc[~table["held_out"], "error"].abs().median()),
        coverage=float(unseen["covered"].mean()),
        settings=len(unseen),
        spread=float(((table["high"] - table["low"]) / table["low"]).median()),
    )


def _with(costs: VerbsCosts, names: Sequence[str], values: Iterable[float]) -> VerbsCosts:
    changed: Any = dict(zip(names, map(float, values), strict=True))
    return replace(costs, **changed)


def _times(costs: VerbsCosts, table: pd.DataFrame) -> tuple[Floats, Floats]:
    """Evaluate T and its stages for each row, inline or not."""
    total, stage = np.empty(len(table)), np.empty((4, len(table)))
    for inline in (False, True):
        rows = table["inline"].to_numpy(dtype=bool) == inline
        part = table[rows]
        columns = ("messages", "message_bytes", "list_length", "signal_every", "window")
        n, b, p, k, w = (part[name].to_numpy(dtype=np.float64) for name in columns)
        total[rows], stage[:, rows] = stage_times(costs, n, b, p, k, w, inline=inline)
    return total, stage


def _gradient(costs: VerbsCosts, table: pd.DataFrame, names: tuple[str, ...]) -> Floats:
    """Derivative of T in each cost: T is piecewise linear in them, so a small step is exact."""
    here, _ = _times(costs, table)
    columns = []
    for name in names:
        value = getattr(costs, name)
        step = 1.0 if costs.serial else max(value, 1e-12) * 1e-6
        there, _ = _times(_with(costs, (name,), [value + step]), table)
        columns.append((there - here) / step)
    return np.stack(columns, axis=1)


def _search(
    start: VerbsCosts, table: pd.DataFrame, seconds: Floats, names: tuple[str, ...]
) -> Floats:
    """Bounded least squares of log ratios, from orders of magnitude of a card."""
    scale = {"L": 1e-6, "o_w": 5e-8, "o_db": 1e-7, "o_cqe": 5e-8, "c_i": 1e-10, "g": 1e-8}
    scale |= {"d_pay": 5e-8, "g_pkt": 1e-8, "G": 1e-10, "rtt": 2e-6}
    unit = np.array([scale[name] for name in names])

    def residual(x: Floats) -> Floats:
        law, _ = _times(_with(start, names, x * unit), table)
        return np.asarray(np.log(law / seconds))

    draw = np.random.default_rng(0)
    starts = [np.ones(len(names)), *np.exp(draw.normal(0, 1, (7, len(names))))]
    found = [
        least_squares(residual, x0, bounds=(0, np.inf), x_scale="jac", max_nfev=400)
        for x0 in starts
    ]
    return np.asarray(min(found, key=lambda one: one.cost).x * unit)
