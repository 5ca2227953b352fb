"""Fit of the scalability laws to timed workers, with intervals by resampling."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.calibrate.term_fit.nonnegative import nonnegative_least_squares
from aethermodel.model.parameters import Parameter
from aethermodel.model.scaling.scalability import Scalability

Floats = npt.NDArray[np.float64]
_DRAWS = 1000
#: What the count of threads is called in a model.
THREADS = "p_threads"
#: Different counts of workers, one among them, from which two coefficients can be told apart.
_FOR_BOTH = 3


@dataclass(frozen=True)
class ScalingFit:
    """A scalability law fitted to times.

    Attributes
    ----------
    law : Scalability
    draws : ndarray, shape (draws, 2)
        Resampled ``(sigma, kappa)``.
    counts : tuple of int
        The counts of workers that were timed, ascending; beyond the last is extrapolation.
    name : {"universal", "Amdahl", "none"}
        Which law the counts could tell: two of them cannot tell contention from coherency.
    """

    law: Scalability
    draws: Floats
    counts: tuple[int, ...]
    name: str

    def interval(self, level: float = thresholds.LEVEL) -> dict[str, tuple[float, float]]:
        """Return low and high of ``sigma`` and ``kappa``."""
        tails = [(1 - level) / 2, (1 + level) / 2]
        low, high = np.quantile(self.draws, tails, axis=0)
        return {
            "sigma": (float(low[0]), float(high[0])),
            "kappa": (float(low[1]), float(high[1])),
        }

    def speedup(
        self, workers: npt.ArrayLike, level: float = thresholds.LEVEL
    ) -> tuple[Floats, Floats, Floats]:
        """Return the speedup at counts of workers with its interval: mean, low, high."""
        p = np.asarray(workers, dtype=np.float64)
        drawn = np.stack([Scalability(*pair).speedup(p) for pair in self.draws])
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
        return self.law.speedup(p), low, high

    @property
    def finding(self) -> str:
        """What the fit says and what it cannot say, in a sentence."""
        if self.name == "none":
            return "one worker was timed: nothing is known of more"
        sigma, kappa = self.interval()["sigma"], self.interval()["kappa"]
        text = f"sigma {self.law.sigma:.3g} ({sigma[0]:.3g} to {sigma[1]:.3g})"
        if self.name == "Amdahl":
            return f"{text}, by Amdahl's law: two counts cannot tell coherency"
        text += f", kappa {self.law.kappa:.2g} ({kappa[0]:.2g} to {kappa[1]:.2g})"
        if self.law.kappa and self.law.best < 1000:
            text += f"; more than {self.law.best:.0f} would be slower"
        return text


def team_parameters(
    law: Scalability, source: str, fit: ScalingFit | None = None
) -> tuple[Parameter, Parameter, Parameter]:
    """Return threads (one), sigma and kappa as a model's parameters.

    Parameters
    ----------
    law : Scalability
    source : str
        Where it comes from.
    fit : ScalingFit, optional
        That found it: its intervals.
    """
    ends = fit.interval() if fit else {"sigma": (None, None), "kappa": (None, None)}
    one = Parameter(THREADS, 1.0, "1", "threads that share a batch", source, 1.0, 1.0)
    words = {"sigma": "contention of these threads", "kappa": "coherency of these threads"}
    sigma, kappa = (
        Parameter(name, getattr(law, name), "1", meaning, source, *ends[name])
        for name, meaning in words.items()
    )
    return one, sigma, kappa


def fit_scaling(
    seconds: Mapping[int, Sequence[float]], *, split: bool, seed: int = 0
) -> ScalingFit:
    """Fit by non-negative least squares: ``p / speedup - 1`` is linear in both coefficients.

    Parameters
    ----------
    seconds : mapping of int to sequence of float
        Times of an operation by the count of workers; one worker must be among them.
    split : bool
        Workers share each operation (its time falls with p), or each does whole ones of its own
        (its time stays, or rises where they hinder each other).
    seed : int
        Of the resampling, in which every count's times are drawn anew.

    Raises
    ------
    ValueError
        Without times of one worker, or with one that is not above zero.
    """
    counts = tuple(sorted(seconds))
    if not counts or counts[0] != 1:
        raise ValueError("the times of one worker alone are missing")
    if any(not len(times) or not min(times) > 0 for times in seconds.values()):
        raise ValueError("every count of workers needs times above zero")
    p = np.array(counts, dtype=np.float64)
    known = len(counts) >= _FOR_BOTH
    design = np.column_stack([p - 1, p * (p - 1)])[1:, : 2 if known else 1]

    def fitted(middle: Floats) -> tuple[float, float]:
        slowdown = middle / middle[0] * (p if split else 1.0)
        if not len(design):
            return 0.0, 0.0
        # Relative errors: noise grows with what is timed.
        solution = nonnegative_least_squares(
            design / slowdown[1:, None], (slowdown[1:] - 1) / slowdown[1:]
        )
        return (float(solution[0]), float(solution[1])) if known else (float(solution[0]), 0.0)

    taken = [np.asarray(seconds[count], dtype=np.float64) for count in counts]
    rng = np.random.default_rng(seed)
    again = [np.median(rng.choice(times, (_DRAWS, times.size)), axis=1) for times in taken]
    drawn = [fitted(middle) for middle in np.transpose(again)]
    law = fitted(np.array([np.median(times) for times in taken]))
    name = "none" if len(counts) == 1 else "universal" if known else "Amdahl"
    return ScalingFit(Scalability(*law), np.array(drawn), counts, name)
