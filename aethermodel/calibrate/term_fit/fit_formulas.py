"""Formulas of fits, intervals and model selection, with their sources.

What is computed here with arrays is said there with symbols; tests hold both together.
"""

from __future__ import annotations

from functools import cache

import sympy

from aethermodel.calibrate.term_fit.samples import MAD_TO_SIGMA
from aethermodel.model.model_formulas import Equation
from aethermodel.model.scaling.scalability import KAPPA, SIGMA, P


@cache
def fit_equations() -> dict[str, Equation]:
    """Return the formulas of `aethermodel.calibrate` by name, in the order of the page."""
    return {**_of_samples(), **_of_fits(), **_of_choice(), **_of_whole()}


def _equal(left: str, right: sympy.Expr) -> sympy.Eq:
    return sympy.Eq(sympy.Symbol(left), right, evaluate=False)


def _of_samples() -> dict[str, Equation]:
    phi, mu, r, s, c, middle = sympy.symbols("phi mu r s c m", positive=True)
    return {
        "noise": Equation(
            _equal("V", (phi * mu) ** 2),
            "constant coefficient of variation: McCullagh and Nelder 1989, Generalized Linear "
            "Models, chapter 8",
        ),
        "robust scale": Equation(
            _equal("s", sympy.Float(MAD_TO_SIGMA, 5) * middle),
            "median absolute deviation m: Hampel 1974, doi 10.1080/01621459.1974.10482962",
        ),
        "biweight": Equation(
            _equal("w", sympy.Max(0, 1 - (r / (c * s)) ** 2) ** 2),
            "Tukey's biweight at 95 % efficiency: Holland and Welsch 1977, doi "
            "10.1080/03610927708827533",
        ),
    }


def _of_fits() -> dict[str, Equation]:
    m = sympy.Symbol("m", integer=True, positive=True)
    i = sympy.Symbol("i", integer=True)
    x, y, mu, r = (sympy.IndexedBase(name) for name in ("x", "y", "mu", "r"))
    v, law, quantile, phi, mean, repeats = sympy.symbols("v v_law t phi mu r", positive=True)
    rows = sympy.MatrixSymbol("X", m, sympy.Symbol("k", integer=True, positive=True))
    covariance = v * (rows.T * rows).inverse()
    growth = 1 + repeats * law / v
    one, other, shared, own = sympy.symbols("y_i y_j C_ij C_jj", real=True)
    bands = "Seber and Lee 2003, Linear Regression Analysis, sections 5.2 and 5.3"
    return {
        "relative residual": Equation(
            sympy.Eq(x[i], y[i] / mu[i] - 1), "relative errors, as the noise is relative"
        ),
        "deviance": Equation(
            _equal("D", 2 * sympy.Sum(r[i] * (x[i] - sympy.log(1 + x[i])), (i, 1, m))),
            "quasi-likelihood of constant coefficient of variation: McCullagh and Nelder 1989, "
            "Generalized Linear Models, chapters 8 and 9; minimised over coefficients not below "
            "zero: Lawson and Hanson 1974, Solving Least Squares Problems, chapter 23",
        ),
        "covariance": Equation(
            sympy.Eq(sympy.Symbol("C"), covariance, evaluate=False),
            "Seber and Lee 2003, Linear Regression Analysis, section 3.2, for rows of relative "
            "gradients X",
        ),
        "interval of the mean": Equation(_equal("h", quantile * sympy.sqrt(law)), bands),
        "interval of a sample": Equation(
            _equal("h", quantile * sympy.sqrt(law + (phi * mean) ** 2)), bands
        ),
        "draw at a bound": Equation(
            _equal("p_i", one - shared / own * other),
            "projection onto a convex cone in the metric of the covariance: Silvapulle and Sen "
            "2005, Constrained Statistical Inference, section 3.4",
        ),
        "next point": Equation(
            _equal("s_region", 1 / sympy.sqrt(growth)),
            "D-optimality: Fedorov 1972, Theory of Optimal Experiments, chapter 2; the matrix "
            "determinant lemma",
        ),
    }


def _of_choice() -> dict[str, Equation]:
    e, leverage, size, k, residual = sympy.symbols("e_i h_i m k R", positive=True)
    simple, other, within, before = sympy.symbols("R_0 k_0 v_within v", positive=True)
    largest, smallest = sympy.symbols("s_max s_min", positive=True)
    return {
        "held-out error": Equation(
            _equal("e_held", e / (1 - leverage)),
            "Allen 1974, doi 10.1080/00401706.1974.10489157",
        ),
        "corrected Akaike": Equation(
            _equal(
                "A",
                size * sympy.log(residual / size) + 2 * k + 2 * k * (k + 1) / (size - k - 1),
            ),
            "Hurvich and Tsai 1989, doi 10.1093/biomet/76.2.297; k counts the noise as well",
        ),
        "lack of fit": Equation(
            _equal("F", residual / (size - k) / within),
            "Seber and Lee 2003, Linear Regression Analysis, section 4.6",
        ),
        "knee beyond chance": Equation(
            _equal("F", (simple - residual) / (k - other) / before),
            "F-test of nested laws: Seber and Lee 2003, Linear Regression Analysis, section 4.3; "
            "its probability times the places searched (Bonferroni)",
        ),
        "condition number": Equation(
            _equal("c", largest / smallest),
            "Belsley, Kuh and Welsch 1980, Regression Diagnostics, section 3.2",
        ),
    }


def _of_whole() -> dict[str, Equation]:
    halves = sympy.symbols("h_loop h_ffi h_kernel h_fabric", positive=True)
    producer, consumer = sympy.symbols("T_producer T_consumer", positive=True)
    return {
        "interval of the sum": Equation(
            _equal("h", sympy.sqrt(sum(half**2 for half in halves))),
            "independent errors add in quadrature: Joint Committee for Guides in Metrology, "
            "JCGM 100:2008, section 5.1.2",
        ),
        "two processes": Equation(
            _equal("T", sympy.Max(producer, consumer)),
            "a pipeline in the steady state runs at its slowest stage: Hockney and Jesshope 1981, "
            "Parallel Computers, section 1.3",
        ),
        "scaling": Equation(
            sympy.Eq(
                P / sympy.Symbol("S") - 1, SIGMA * (P - 1) + KAPPA * P * (P - 1), evaluate=False
            ),
            "Gunther 2008, arXiv:0808.1431, solved for what is linear in both coefficients",
        ),
    }
