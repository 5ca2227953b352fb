"""Assumptions by the kind of change: a value, another loop, another network card, more cores."""

from __future__ import annotations

from collections.abc import Iterable

from aethermodel.calibrate.calibration import Calibration
from aethermodel.calibrate.scenario import Assumption
from aethermodel.interconnects import Interconnect

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


def network(card: Interconnect, event_bytes: float) -> Assumptions:
    """Put a network card's published figures in for the fabric term.

    One batch is one message: its latency, or the time between two messages if that is longer,
    once a batch, and the wire's time an event. What the host's own cores spend on posting and
    completing stays out; on real hardware it comes on top.

    Raises
    ------
    ValueError
        If no latency is published: a bus is a ceiling, not a fabric.
    """
    if card.latency_seconds is None:
        raise ValueError(f"{card.name} is a ceiling, not a network card: it has no latency")
    gap = 1 / card.messages_per_second if card.messages_per_second else 0.0
    source = f"{card.name}, as published ({card.source})"
    return {
        "t_fabric": Assumption(max(card.latency_seconds, gap), source),
        "t_fabric_event": Assumption(event_bytes / card.bytes_per_second, source),
    }


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
