"""Names of a fitted law's parameters within a term of the model."""

from __future__ import annotations

import sympy

from aethermodel.calibrate.term_fit.fit_term import TermFit
from aethermodel.model.parameters import K, N, Parameter
from aethermodel.model.terms import REFILL, Term, refilled

#: What a fit's fixed cost and cost a unit are called and mean, by term.
_MEANINGS = {
    "loop": {
        "c0": ("t_tick", "s", "one tick of the event loop with its dispatch"),
        "c1": ("t_call", "s/call", "one handler call with its view"),
    },
    "refill": {
        "c0": ("t_swept", "s", "one tick that calls every handler, few events gone by"),
        "c1": ("t_refill", "s/event", "fetching again what an event that went by has displaced"),
        "cs": (
            "t_refill_full",
            "s/event",
            "fetching again what an event that fills the L2 cache has displaced",
        ),
        "Ns": ("N_refill", "event", "events that fill the L2 cache"),
    },
    "ffi": {
        "c0": ("t_ffi", "s", "one call into the kernel library"),
        "c1": ("t_ffi_event", "s/event", "call cost that grows with the batch"),
    },
    "kernel": {
        "c0": ("t_kernel", "s", "fixed cost of one kernel run"),
        "c1": ("t_event", "s/event", "routing one event, batch in the nearest cache"),
        "cs": ("t_event_direct", "s/event", "routing one event of a small batch, directly"),
        "Ns": ("N_switch", "event", "batch size at which the router leaves the direct way"),
    },
    "fabric": {
        "c0": ("t_fabric", "s", "one batch sent and received"),
        "c1": ("t_fabric_event", "s/event", "fabric cost that grows with the batch"),
        "cs": ("t_fabric_near", "s/event", "fabric cost of an event up to N_ring"),
        "Ns": (
            "N_ring",
            "event",
            "batch size beyond which an event costs another price",
        ),
        "c2": ("t_fabric_spilled", "s/event", "further cost of an event beyond N_spilled"),
        "N1": (
            "N_spilled",
            "event",
            "batch size at which the ring outgrows its producer's L2",
        ),
    },
    "send": {
        "c0": ("t_send", "s", "one batch made and sent, by the producer"),
        "c1": ("t_send_event", "s/event", "making and sending one event"),
        "c2": ("t_send_beyond", "s/event", "further cost of an event beyond N_send"),
        "N1": ("N_send", "event", "batch size beyond which an event costs the producer more"),
    },
}
#: A knee that was found may lie by this above the one that belongs to its cache, by noise.
_NEARLY = 0.9


def term_of(term: str, fit: TermFit, knees: dict[str, float], source: str) -> Term:
    """Return a fit as a term of the model, its parameters by their model names.

    Parameters
    ----------
    term : str
        ``loop``, ``ffi``, ``kernel``, ``fabric``, or ``send`` of a producer.
    fit : TermFit
        Of handler calls for the loop, else of the batch size.
    knees : dict of str to float
        Batch size at which the pool outgrows each cache level, by level.
    source : str
        Probe, day and host.
    """
    symbols = {sympy.Symbol("N", nonnegative=True): K if term == "loop" else N}
    parameters = _parameters(term, fit, knees, source)
    for name, parameter in parameters.items():
        symbols[sympy.Symbol(name, nonnegative=True)] = parameter.symbol
    return Term(term, fit.expression.subs(symbols), tuple(parameters.values()))


def with_refill(loop: Term, fit: TermFit, source: str) -> Term:
    """Return the loop's term with what the refill's fit adds to it for every event gone by.

    Parameters
    ----------
    loop : Term
    fit : TermFit
        Of the refill's samples; its fixed cost is the loop's own, and left out.
    source : str
        Probe, day and host.
    """
    named = _parameters(REFILL, fit, {}, source)
    if "c1" not in named:
        return loop
    before = (named["Ns"], named["cs"]) if "Ns" in named else None
    return refilled(loop, named["c1"], before)


def _parameters(
    term: str, fit: TermFit, knees: dict[str, float], source: str
) -> dict[str, Parameter]:
    """Return a fit's parameters as those of the model, by their names in the fit."""
    found = {}
    for name, known in names_of(term, fit, knees).items():
        fitted = fit.parameters[name]
        found[name] = Parameter(
            known[0], fitted.value, known[1], known[2], source, fitted.low, fitted.high
        )
    return found


def names_of(term: str, fit: TermFit, knees: dict[str, float]) -> dict[str, tuple[str, str, str]]:
    """Return name, unit and meaning in the model of each of the fit's parameters."""
    return {name: _named(term, name, fit, knees) for name in fit.parameters}


def _named(term: str, name: str, fit: TermFit, knees: dict[str, float]) -> tuple[str, str, str]:
    if name in _MEANINGS[term]:
        return _MEANINGS[term][name]
    # c2 and N1 belong to the first knee, c3 and N2 to the second.
    knee = name if name.startswith("N") else f"N{int(name[1:]) - 1}"
    at = fit.parameters[knee].value
    level = _level(at, knees)
    if name == knee:
        return f"N_{level}", "event", f"batch size at which the pool outgrows {level}"
    return f"t_beyond_{level}", "s/event", f"further cost of an event beyond {level}"


def _level(at: float, knees: dict[str, float]) -> str:
    """The smallest cache that holds so much: neighbours may have left less of it, never more."""
    by_size = sorted(knees, key=lambda level: knees[level])
    return next((level for level in by_size if _NEARLY * at <= knees[level]), by_size[-1])
