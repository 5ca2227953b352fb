"""Scalability laws: speedup of p workers by Amdahl and the universal scalability law.

Sources: Amdahl, "Validity of the single processor approach ..." (AFIPS 1967, doi
10.1145/1465482.1465560); Gunther, "A General Theory of Computational Scalability Based on
Rational Functions" (2008, arXiv:0808.1431).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import sympy

Floats = npt.NDArray[np.float64]

#: Workers; share of the work that is serial (contention); cost of agreeing, a pair (coherency).
P, SIGMA, KAPPA = sympy.symbols("p sigma kappa", positive=True)

#: By how much p workers speed up one worker's work.
SPEEDUP = P / (1 + SIGMA * (P - 1) + KAPPA * P * (P - 1))


@dataclass(frozen=True)
class Scalability:
    """The law with its two coefficients, both dimensionless and not negative.

    Attributes
    ----------
    sigma : float
        Contention: with ``kappa`` zero, the serial share of Amdahl's law.
    kappa : float
        Coherency: what each worker pays for every other one.

    Raises
    ------
    ValueError
        If a coefficient is negative or not finite.
    """

    sigma: float = 0.0
    kappa: float = 0.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (np.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must be zero or above, not {value}")

    def slowdown(self, workers: npt.ArrayLike) -> Floats:
        """By how much each worker is slower than one alone: p over the speedup."""
        p = np.asarray(workers, dtype=np.float64)
        return np.asarray(1 + self.sigma * (p - 1) + self.kappa * p * (p - 1))

    def speedup(self, workers: npt.ArrayLike) -> Floats:
        """By how much p workers are faster than one."""
        return np.asarray(np.asarray(workers, dtype=np.float64) / self.slowdown(workers))

    @property
    def best(self) -> float:
        """Workers beyond which more of them are slower; infinite without coherency cost."""
        if self.sigma >= 1:
            return 1.0
        return float(np.sqrt((1 - self.sigma) / self.kappa)) if self.kappa else float("inf")

    @property
    def limit(self) -> float:
        """The largest speedup that any number of workers reaches."""
        if np.isfinite(self.best):
            return float(self.speedup(max(1.0, self.best)))
        return 1 / self.sigma if self.sigma else float("inf")
