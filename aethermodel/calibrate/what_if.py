"""Assumptions by the kind of change: a value, another loop, another network card, more cores."""

from __future__ import annotations

from collections.abc import Iterable

from aethermodel.calibrate.calibration import Calibration
from aethermodel.calibrate.scenario import Assumption
from aethermodel.model.verbs_term import affine_of, fabric_of
from aethermodel.rdma_costs import Card

Assumptions = dict[str, Assumption]


def values(given: Iterable[str]) -> Assumptions:
    """Read ``name=value`` pairs, values in the parameter's unit.

    Raises
    ------
    ValueError
        If one is no such pair.
    """
    found = {}
    for text in given:
        name, equals, value = text.partition("=")
        try:
            found[name.strip()] = Assumption(float(value), "set by hand")
        except ValueError:
            raise ValueError(f"not of the form parameter=value: {text!r}") from None
        if not equals or not name.strip():
            raise ValueError(f"not of the form parameter=value: {text!r}")
    return found


def loop_of(other: Calibration) -> Assumptions:
    """Take the loop term of another calibration, such as one of uvloop for one of asyncio."""
    source = (
        f"the loop of {other.conditions.event_loop}, measured on host {other.host['id']}, "
        f"{other.created[:10]}"
    )
    return {
        p.name: Assumption(p.value, source)
        for term in other.model().terms
        if term.name == "loop"
        for p in term.parameters
    }


def network(card: Card, event_bytes: float, window: int = 128) -> Assumptions:
    """Put the verbs cost model of a network card in for the fabric term.

    Parameters
    ----------
    card : Card
        Of ``data/rdma-nics.toml``: published costs, and what no source gives, assumed.
    event_bytes : float
    window : int
        Batches that may be in flight.

    Returns
    -------
    dict of str to Assumption
        One batch is one message: posting and completing it, the card, the wire and its packets.
        The law is `aethermodel.model.verbs_term.affine_of`, half a packet off at most.
    """
    assumed = ", ".join(sorted(card.assumed))
    source = f"{card.name} by the verbs cost model, published costs except {assumed}"
    exact = fabric_of(card.costs, window=window, event_bytes=event_bytes, source=source)
    law = affine_of(exact, source)
    return {p.name: Assumption(p.value, source, term=law) for p in law.parameters}


def cores(calibration: Calibration, count: int, serial: float = 0.0) -> Assumptions:
    """Let several cores route: the kernel's cost an event by Amdahl's law.

    Parameters
    ----------
    calibration : Calibration
    count : int
        Cores that route, at least 1.
    serial : float
        Share of the kernel that does not parallelise, 0 to 1 (Amdahl 1967, doi
        10.1145/1465482.1465560). Loop and border stay serial: they hold the interpreter's lock.
    """
    if count < 1 or not 0 <= serial <= 1:
        raise ValueError("cores must be at least 1, the serial share between 0 and 1")
    factor = serial + (1 - serial) / count
    source = f"{count} cores route, {serial:.0%} of the kernel serial (Amdahl)"
    kernel = next(term for term in calibration.model().terms if term.name == "kernel")
    return {
        p.name: Assumption(p.value * factor, source)
        for p in kernel.parameters
        if p.unit == "s/event"
    }
