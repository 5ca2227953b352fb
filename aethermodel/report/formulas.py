"""Formulas as notebooks show them: T_batch with its figures, and those of docs/model.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy

from aethermodel.model.parameters import K, N
from aethermodel.report.mathml import Formula, Meaning
from aethermodel.report.quantities import engineering

if TYPE_CHECKING:
    from aethermodel.model.batch import BatchModel


def batch_formula(model: BatchModel) -> Formula:
    """Return T_batch with what its symbols mean and their values."""
    legend = [
        Meaning(p.symbol, p.meaning, engineering(p.value, "" if p.unit == "1" else p.unit))
        for p in model.parameters.values()
    ]
    legend.append(Meaning(N, "events in the batch"))
    legend.append(Meaning(K, "handler calls a tick: topics that the batch is expected to hit"))
    return Formula(sympy.Eq(sympy.Symbol("T_batch"), model.t_batch), legend)


def printed(name: str, **meanings: str) -> Formula:
    """Return a formula of docs/model.md, its source below.

    Parameters
    ----------
    name : str
        Its heading there, in lower case, such as ``n-half``.
    **meanings : str
        What its symbols mean, by name.

    Raises
    ------
    ValueError
        If the page has none of that name, or the formula no such symbol.
    """
    from aethermodel.calibrate.equations import fit_equations
    from aethermodel.model.equations import model_equations

    known = model_equations() | fit_equations()
    if name not in known:
        raise ValueError(f"docs/model.md has no formula {name!r}; it has {', '.join(known)}")
    equation = known[name].equation
    symbols = {symbol.name: symbol for symbol in equation.free_symbols}
    if unknown := meanings.keys() - symbols.keys():
        raise ValueError(f"{name} has no symbol {sorted(unknown)[0]!r}")
    legend = [Meaning(symbols[key], meaning) for key, meaning in meanings.items()]
    return Formula(equation, [*legend, Meaning("source", known[name].source)])
