"""Fabric term over verbs: exact with its ceilings, and smooth without."""

from __future__ import annotations

from itertools import pairwise

import sympy

from aethermodel.model.parameters import N, Parameter
from aethermodel.model.terms import Term, knees
from aethermodel.model.verbs import verbs_cost as fabric
from aethermodel.model.verbs.verbs_cost import COSTS, VerbsCosts

#: How a batch becomes messages: as a whole, as the bus sends it, or one message an event.
WHOLE, SINGLY = "whole", "singly"
_SETTINGS = {"p": "messages of a list", "k": "messages a signal", "W": "messages in flight"}


def fabric_of(
    costs: VerbsCosts,
    list_length: int = 1,
    signal_every: int = 1,
    window: int = 128,
    *,
    event_bytes: float = 64,
    messages: str = WHOLE,
    source: str = "costs as given",
) -> Term:
    """Return T_fabric of a batch of N events by the verbs cost model.

    Parameters
    ----------
    costs : VerbsCosts
        Of one host, device and path.
    list_length, signal_every, window : int
        p, k and W of the cost model, in messages.
    event_bytes : float
        Bytes of an event.
    messages : {"whole", "singly"}
        A batch is one message, as the bus sends it, or as many as it has events; these are inline
        where the costs allow.
    source : str
        Where the costs come from.

    Returns
    -------
    Term
        Seconds a batch, exact: with its ceilings and the maximum of the stages. Its dimension is
        checked like that of every term.

    Raises
    ------
    ValueError
        If a setting is below 1, or `messages` is neither.
    """
    if messages not in (WHOLE, SINGLY):
        raise ValueError(f"a batch travels {WHOLE} or {SINGLY}, not {messages!r}")
    settings = {"p": list_length, "k": signal_every, "W": window}
    for name, value in settings.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1 message, not {value}")
    size = Parameter("s_event", event_bytes, "B/event", "bytes of an event", source)
    if messages == WHOLE:
        share = Parameter("n_message", 1.0, "message", "messages of a batch", source)
        count, length = share.symbol, size.symbol * N / share.symbol
        inline = False  # whether it fits would hang on N
    else:
        share = Parameter("n_event", 1.0, "event/message", "events of a message", source)
        count, length = N / share.symbol, size.symbol * share.symbol
        inline = event_bytes <= costs.inline_limit
    parameters = [
        *(
            Parameter(name, float(value), "message", _SETTINGS[name], source)
            for name, value in settings.items()
        ),
        *(
            Parameter(name, getattr(costs, name), unit, meaning, source)
            for name, (unit, meaning) in COSTS.items()
        ),
        size,
        share,
    ]
    law = fabric.transfer_time(inline, costs.serial)
    symbols = {p.name: p.symbol for p in parameters} | {"N": count, "b": length}
    expression = law.subs({s: symbols[s.name] for s in law.free_symbols}, simultaneous=True)
    used = {s.name for s in expression.free_symbols}
    return Term("fabric", expression, tuple(p for p in parameters if p.name in used))


def affine_of(term: Term, source: str) -> Term:
    """Return the piecewise affine law nearest to a term with ceilings, which has closed answers.

    Parameters
    ----------
    term : Term
        As `fabric_of` returns it.
    source : str
        For the new parameters.

    Returns
    -------
    Term
        With knees where one stage takes over from another. A ceiling that grows with N becomes
        its argument and one half: off by at most half a packet, list or signal; and a list counts
        as full, so that it holds for batches of at least one list.
    """
    values = {p.symbol: sympy.Float(p.value) for p in term.parameters}
    law = term.expression.subs(values)
    law = law.replace(sympy.Min, lambda *a: next(x for x in a if not x.has(N)))
    law = law.replace(
        sympy.ceiling, lambda x: x + sympy.Rational(1, 2) if x.has(N) else sympy.ceiling(x)
    )
    stages = next(iter(law.atoms(sympy.Max)), sympy.Integer(0))
    around = sympy.expand(law.subs(stages, 0)) if stages else sympy.expand(law)
    lines = [
        (float(total.coeff(N, 0)), float(total.coeff(N, 1)))
        for stage in (stages.args or (stages,))
        for total in [sympy.expand(around + stage)]
    ]
    envelope = _upper(lines)
    start = Parameter("t_fabric", envelope[0][0], "s", "one batch over verbs", source)
    slope = Parameter("t_fabric_event", envelope[0][1], "s/event", "one event over verbs", source)
    hinges = []
    for index, ((a, b), (c, d)) in enumerate(pairwise(envelope), 1):
        meaning = "batch size at which a slower stage binds"
        knee = Parameter(f"N_stage{index}", (a - c) / (d - b), "event", meaning, source)
        further = f"further cost of an event beyond N_stage{index}"
        rise = Parameter(f"t_stage{index}", d - b, "s/event", further, source)
        hinges.append((knee, rise))
    return knees("fabric", start, slope, hinges)


def _upper(lines: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The lines ``a + b N`` that are the greatest somewhere beyond N = 0, by rising slope."""
    here, at = max(lines), 0.0
    found = [here]
    while steeper := [line for line in lines if line[1] > here[1]]:
        crossings = {line: (here[0] - line[0]) / (line[1] - here[1]) for line in steeper}
        at = min(crossings.values())
        here = max((line for line in steeper if crossings[line] <= at), key=lambda line: line[1])
        found.append(here)
    return found
