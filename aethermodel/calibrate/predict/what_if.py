"""Assumptions of a what-if: a parameter, another event loop, another network card, more cores."""

from __future__ import annotations

from collections.abc import Iterable

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.predict.scenario import Assumption
from aethermodel.calibrate.term_fit.scaling_fit import THREADS, team_parameters
from aethermodel.inputs.refusals import quoted
from aethermodel.model.scaling.scalability import Scalability
from aethermodel.model.terms import Term, shared
from aethermodel.model.verbs.verbs_term import affine_of, fabric_of
from aethermodel.published.rdma_costs import Card
from aethermodel.published.specification import read_parameter
from aethermodel.text.percentages import percentage

Assumptions = dict[str, Assumption]


def values(base: Calibration, given: Iterable[str]) -> Assumptions:
    """Read ``name=value`` pairs, such as ``t_tick=1us``, or ``t_tick=1e-6`` in SI units.

    Raises
    ------
    ValueError
        If one is no such pair, or its value is of another dimension than its parameter.
    """
    units = {p.name: p.unit for term in base.model().terms for p in term.parameters}
    found = {}
    for text in given:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name or not value:
            raise ValueError(f"--set wants name=value, such as t_tick=1us, not {quoted(text)}")
        if name in units:
            number = read_parameter(name, value, units[name])
        else:
            number = _of_a_card(name, value, units)
        found[name] = Assumption(number, "set by hand")
    return found


def _of_a_card(name: str, value: str, known: Iterable[str]) -> float:
    """Read what only a network card may have: a number alone; a scenario says if there is such."""
    try:
        return float(value)
    except ValueError:
        raise ValueError(f"no parameter {quoted(name)}; there are {', '.join(known)}") from None


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


def fabric_from(base: Calibration, other: Calibration) -> Assumptions:
    """Take the fabric term of another calibration, such as one of cores that lie further apart.

    Raises
    ------
    ValueError
        If the two are not of one fabric.
    """
    if (own := base.conditions.fabric) != (its := other.conditions.fabric):
        raise ValueError(f"its fabric is {its}, and that of the calibration {own}")
    taken = next((w for w in other.warnings if w.startswith("taken with ")), "")
    source = f"the fabric measured on host {other.host['id']}, {other.created[:10]}"
    source += f", {taken}" if taken else ""
    return {
        p.name: Assumption(p.value, source, term=term)
        for term in other.model().terms
        if term.name == "fabric"
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
        The law is `aethermodel.model.verbs.verbs_term.affine_of`, half a packet off at most.
    """
    assumed = ", ".join(sorted(card.assumed))
    source = f"{card.name} by the verbs cost model, published costs except {assumed}"
    exact = fabric_of(card.costs, window=window, event_bytes=event_bytes, source=source)
    law = affine_of(exact, source)
    return {p.name: Assumption(p.value, source, term=law) for p in law.parameters}


def cores(calibration: Calibration, count: int, serial: float | None = None) -> Assumptions:
    """Let several threads share each batch in the kernel; loop and border stay serial.

    Parameters
    ----------
    calibration : Calibration
    count : int
        Threads, at least 1.
    serial : float, optional
        Share of the kernel that does not parallelise, 0 to 1 (Amdahl 1967, doi
        10.1145/1465482.1465560), to be assumed. By default the law that the calibration has
        measured (0 where it has none).

    Returns
    -------
    dict of str to Assumption
        As many threads as were timed are a setting whose effect was measured; more are assumed.
    """
    if count < 1 or not (serial is None or 0 <= serial <= 1):
        raise ValueError("cores must be at least 1, the serial share between 0 and 1")
    known = calibration.scaling
    if known and serial is None:
        measured = count <= known.counts[-1]
        source = f"{count} threads share each batch; {', '.join(map(str, known.counts))} were timed"
        return {THREADS: Assumption(float(count), source, measured=measured)}
    source = f"{count} cores route, {percentage(serial or 0, 0)} of the kernel serial (Amdahl)"
    term = _kernel(calibration)
    if not known:
        term = shared(term, *team_parameters(Scalability(serial or 0.0), source))
    figures = {THREADS: float(count), "sigma": serial or 0.0, "kappa": 0.0}
    return {name: Assumption(value, source, term=term) for name, value in figures.items()}


def pool(calibration: Calibration, batches: int) -> Assumptions:
    """Take another number of batches in turn: it moves each cache's knee, and nothing else.

    Parameters
    ----------
    calibration : Calibration
    batches : int
        At least 1.

    Returns
    -------
    dict of str to Assumption
        Of the knees that the kernel's law has, given or found. They are capacities over working
        sets: exact.
    """
    if batches < 1:
        raise ValueError(f"a pool has at least 1 batch, not {batches}")
    source = f"a pool of {batches} batches, for {calibration.conditions.pool} as measured"
    part = calibration.conditions.pool / batches
    law = calibration.model().parameters
    return {
        name: Assumption(law[name].value * part, source, measured=True)
        for name in map("N_{}".format, calibration.conditions.knees())
        if name in law
    }


def topics(calibration: Calibration, count: int, switch: int | None) -> Assumptions:
    """Take another number of topics: its handler calls are exact, the kernel's costs assumed.

    Parameters
    ----------
    calibration : Calibration
    count : int
        Topics, each with a handler, at least 1; also to be given to the `Scenario`.
    switch : int or None
        Batch size at which the router then changes its way.

    Returns
    -------
    dict of str to Assumption
        Each of the kernel's costs as measured, marked; the switch where the law has one.
    """
    if count < 1:
        raise ValueError(f"a router has at least 1 topic, not {count}")
    source = f"the kernel at {count} topics costs what it did at {calibration.conditions.topics}"
    kernel = _kernel(calibration)
    assumed = {p.name: Assumption(p.value, source) for p in kernel.parameters if p.is_cost}
    if switch is not None and any(p.name == "N_switch" for p in kernel.parameters):
        assumed["N_switch"] = Assumption(float(switch), source)
    return assumed


def _kernel(calibration: Calibration) -> Term:
    for term in calibration.model().terms:
        if term.name == "kernel":
            return term
    raise ValueError("the calibration has no kernel, which could not be measured: calibrate again")
