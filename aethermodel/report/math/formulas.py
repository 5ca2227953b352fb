"""Formulas for notebooks: T_batch with its figures, and those of docs/model.md."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sympy

from aethermodel.model.batch import BatchModel
from aethermodel.model.notation import written
from aethermodel.model.parameters import K, N
from aethermodel.model.terms import PRODUCER
from aethermodel.report import style
from aethermodel.report.engineering_notation import count, engineering
from aethermodel.report.math.mathml import Formula, Meaning

if TYPE_CHECKING:
    from aethermodel.model.terms import Term


#: Symbols that a formula shows at first sight.
MOST_SYMBOLS = 8
#: Batch size at which the terms of a short formula have their figures.
_AT = 10_000


def batch_formula(model: BatchModel, at: float = _AT, events: str = "events") -> Formula:
    """Return T_batch with what its symbols mean and their values, in the order of the terms.

    Of more than eight symbols the first view is the sum of the terms by name, each with its time
    at one batch size; the formula in full is one click further.

    Parameters
    ----------
    model : BatchModel
    at : float
        That batch size.
    events : str
        What a batch is of.
    """
    legend = [
        Meaning(p.symbol, p.meaning, engineering(p.value, p.unit))
        for p in model.parameters.values()
    ]
    free = model.t_batch.free_symbols
    legend.append(Meaning(N, f"{events} in the batch"))
    if K in free:
        legend.append(Meaning(K, "handler calls a tick: topics that the batch is expected to hit"))
    whole = Formula(model.equation, legend, as_written=True)
    if len(legend) + 1 <= MOST_SYMBOLS:
        return whole
    names = {term.name: _name(term) for term in model.all_terms}
    alone = {term.name: BatchModel([term], model.calls) for term in model.all_terms}
    budget = {name: float(one.seconds_at(at)) for name, one in alone.items()}
    short = written([names[term.name] for term in model.terms], names.get(PRODUCER))
    where = f"at N = {count(at)}"
    rows = [
        Meaning(symbol, style.TERM_NAMES[name], f"{engineering(budget[name], 's')} {where}")
        for name, symbol in names.items()
    ]
    rows.append(Meaning(N, f"{events} in the batch"))
    return Formula(short, rows, as_written=True, more=whole)


def _name(term: Term) -> sympy.Expr:
    """The term's symbol, of N where it grows with the batch."""
    name = f"T_{term.name}"
    if term.expression.has(N):
        return sympy.Function(name)(N)
    return sympy.Symbol(name)


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
    from aethermodel.calibrate.term_fit.fit_formulas import fit_equations
    from aethermodel.model.model_formulas import model_equations

    known = model_equations() | fit_equations()
    if name not in known:
        raise ValueError(f"docs/model.md has no formula {name!r}; it has {', '.join(known)}")
    equation = known[name].equation
    symbols = {symbol.name: symbol for symbol in equation.free_symbols}
    if unknown := meanings.keys() - symbols.keys():
        raise ValueError(f"{name} has no symbol {sorted(unknown)[0]!r}")
    legend = [Meaning(symbols[key], meaning) for key, meaning in meanings.items()]
    return Formula(equation, [*legend, Meaning("source", known[name].source)])
