"""Formulas of laws of own measurements, with their sources.

What is computed here with arrays is said there with symbols; tests hold both together.
"""

from __future__ import annotations

from functools import cache

import sympy

from aethermodel.laws.held_out_errors import FREEDOM
from aethermodel.model.model_formulas import Equation
from aethermodel.model.parameters import N


@cache
def law_equations() -> dict[str, Equation]:
    """Return the formulas of `aethermodel.laws` by name, in the order of the page."""
    return {**_of_laws(), **_of_intervals()}


def _equal(left: str, right: sympy.Expr) -> sympy.Eq:
    return sympy.Eq(sympy.Symbol(left), right, evaluate=False)


def _of_laws() -> dict[str, Equation]:
    i = sympy.Symbol("i", integer=True)
    k, m = sympy.symbols("k m", integer=True, positive=True)
    c, r, g, d = (sympy.IndexedBase(name) for name in ("c", "r", "g", "d"))
    f = sympy.Function("f_i")
    rho = sympy.Symbol("rho", nonnegative=True)
    inside, beyond = sympy.symbols("e_between e_beyond", nonnegative=True)
    walk = sympy.Sum((r[i] - g[i]) ** 2, (i, 1, m))
    walk += rho * sympy.Sum((g[i + 1] - g[i]) ** 2 / d[i], (i, 1, m - 1))
    return {
        "law of own measurements": Equation(
            _equal("T", sympy.Sum(c[i] * f(N), (i, 1, k))),
            "sums of powers and logarithms: Calotoiu, Hoefler, Poke and Wolf 2013, Using Automated "
            "Performance Modeling to Find Scalability Bugs in Complex Codes, doi "
            "10.1145/2503210.2503277; steps found exactly: Bellman 1961, doi "
            "10.1145/366573.366611",
        ),
        "local correction": Equation(
            _equal("S", walk),
            "random walk seen with noise: Rue and Held 2005, Gaussian Markov Random Fields, "
            "section 3.3.1",
        ),
        "score": Equation(
            _equal("s", (inside + beyond) / 2),
            "choice by what was left out: Stone 1974, Cross-Validatory Choice and Assessment of "
            "Statistical Predictions, doi 10.1111/j.2517-6161.1974.tb00994.x",
        ),
    }


def _of_intervals() -> dict[str, Equation]:
    i, j = sympy.symbols("i j", integer=True)
    m = sympy.Symbol("m", integer=True, positive=True)
    e, w, d = (sympy.IndexedBase(name) for name in ("e", "w", "d"))
    mean, near, apart, further = sympy.symbols("e_mean h_end u d", nonnegative=True)
    law, miss, quantile = sympy.symbols(f"T h t_{FREEDOM}", positive=True)
    weight = sympy.exp(-sympy.Abs(i - j))
    local = (sympy.Sum(weight * e[i], (i, 1, m)) + mean) / (sympy.Sum(weight, (i, 1, m)) + 1)
    moved = sympy.Sum(w[i] * e[i] * sympy.sqrt(further / d[i]), (i, 1, m)) + near
    walk = moved / (sympy.Sum(w[i], (i, 1, m)) + 1)
    return {
        "miss in between": Equation(
            _equal("h", sympy.sqrt(local**2 + apart**2)),
            "intervals by what was missed nearby: Lei, G'Sell, Rinaldo, Tibshirani and Wasserman "
            "2018, Distribution-Free Predictive Inference for Regression, doi "
            "10.1080/01621459.2017.1307116",
        ),
        "miss beyond": Equation(
            _equal("h", sympy.sqrt(walk**2 + (2 * apart) ** 2 + near**2)),
            "backtests on shortened series: Tashman 2000, Out-of-sample tests of forecasting "
            "accuracy, doi 10.1016/S0169-2070(00)00065-0; a walk's deviation goes with the root "
            "of its length",
        ),
        "ends of an interval": Equation(
            _equal("T_high", law * sympy.exp(quantile * miss)),
            "Student's t of four degrees of freedom, as a local mean is one of about four points: "
            "Student 1908, The Probable Error of a Mean, doi 10.1093/biomet/6.1.1",
        ),
    }
