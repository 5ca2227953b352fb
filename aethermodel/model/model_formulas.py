"""Formulas of the model, each taken from the code that computes it, with its source.

`docs/model.md` prints them, and a test holds page and code together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy

from aethermodel.model.batch import BatchModel
from aethermodel.model.optimal_batch_size import size_at_rate, size_at_time, size_for_share
from aethermodel.model.parameters import N, Parameter
from aethermodel.model.queueing.escalation import IN_FLIGHT
from aethermodel.model.scaling.scalability import KAPPA, SIGMA, SPEEDUP, P
from aethermodel.model.sensitivity import elasticity
from aethermodel.model.terms import (
    TERM_NAMES,
    TOPICS,
    Term,
    affine,
    dispatch,
    expected_calls,
    fixed,
    knees,
    refilled,
    shared,
)
from aethermodel.model.verbs import verbs_cost as fabric

SPECIFICATION = "specification 4.3.2, section 2"
LOGGP = (
    "LogGP: Alexandrov, Ionescu, Schauser and Scheiman 1995, doi 10.1145/215399.215427; doorbells "
    "and lists: Kalia, Kaminsky and Andersen, Design guidelines for high performance RDMA systems, "
    "USENIX ATC 2016"
)
COHERENCE = (
    "what a line costs by the cache that it was last written in: Molka, Hackenberg, Schoene and "
    "Mueller 2009, Memory Performance and Cache Coherency Effects on an Intel Nehalem "
    "Multiprocessor System, doi 10.1109/PACT.2009.22"
)


@dataclass(frozen=True)
class Equation:
    """One formula.

    Attributes
    ----------
    equation : sympy.Basic
        Left side and right side.
    source : str
        Publication, or the code whose way of working it states.
    """

    equation: sympy.Basic
    source: str

    @property
    def latex(self) -> str:
        """The formula as LaTeX."""
        return str(sympy.latex(self.equation))


def _parameter(name: str, unit: str = "s") -> Parameter:
    return Parameter(name, 1.0, unit, "in a formula", "none")


def _affine_model() -> BatchModel:
    """``T = a + b N``: one fixed cost and one cost an event."""
    cost = affine("kernel", _parameter("a"), _parameter("b", "s/event"))
    return BatchModel([cost])


@cache
def model_equations() -> dict[str, Equation]:
    """Return the formulas of `aethermodel.model` by name, in the order of the page."""
    return {**_of_terms(), **_of_answers(), **_of_fabric(), **_of_queues()}


def _equal(left: str, right: sympy.Expr) -> sympy.Eq:
    return sympy.Eq(sympy.Symbol(left), right, evaluate=False)


def _of_terms() -> dict[str, Equation]:
    whole = BatchModel([fixed(name, _parameter(f"T_{name}")) for name in TERM_NAMES])
    loop: Term = dispatch(_parameter("t_tick"), _parameter("t_call", "s/call"))
    swept = refilled(
        loop,
        _parameter("t_refill", "s/event"),
        (_parameter("N_refill", "event"), _parameter("t_refill_full", "s/event")),
    )
    level = (_parameter("N_level", "event"), _parameter("t_beyond", "s/event"))
    kernel = knees("kernel", _parameter("t_kernel"), _parameter("t_event", "s/event"), [level])
    team = shared(
        affine("kernel", _parameter("t_kernel"), _parameter("t_event", "s/event")),
        *(_parameter(name, "1") for name in ("p", "sigma", "kappa")),
    )
    return {
        "batch": Equation(_equal("T_batch", whole.t_batch), SPECIFICATION),
        "throughput": Equation(_equal("X", whole.throughput), SPECIFICATION),
        "loop": Equation(
            _equal("T_loop", loop.expression),
            "asyncio, BaseEventLoop._run_once: one tick runs what is ready, then each handler",
        ),
        "refill": Equation(
            _equal("T_loop", swept.expression),
            "what went through a cache displaces what was used longest ago, until nothing is left: "
            "Agarwal, Hennessy and Horowitz 1989, An Analytical Cache Model, doi "
            "10.1145/63404.63407",
        ),
        "calls": Equation(
            _equal("K", expected_calls(TOPICS)),
            "occupancy of cells: Feller 1968, An Introduction to Probability Theory, volume 1, "
            "section IV.2",
        ),
        "kernel": Equation(
            _equal("T_kernel", kernel.expression),
            "one summand a memory level: Treibig and Hager 2010, the execution-cache-memory model, "
            "doi 10.1007/978-3-642-14390-8_64",
        ),
        "kernel out of a larger set": Equation(
            _equal("T_kernel", _among(kernel)),
            "traffic from a memory level goes with the lines that are not found nearer, and in a "
            "set gone through round-robin each line is as near as any: Treibig and Hager 2010, doi "
            "10.1007/978-3-642-14390-8_64",
        ),
        "speedup": Equation(
            _equal("S", SPEEDUP),
            "universal scalability law: Gunther 2008, arXiv:0808.1431; with kappa zero Amdahl's "
            "law, doi 10.1145/1465482.1465560",
        ),
        "kernel by threads": Equation(
            _equal("T_kernel", team.expression),
            "the cost of events over the speedup, the fixed cost paid once: Amdahl 1967, doi "
            "10.1145/1465482.1465560, with Gunther's speedup, arXiv:0808.1431",
        ),
        "best workers": Equation(
            sympy.Eq(sympy.Symbol("p_best"), _best_workers(), evaluate=False),
            "Gunther 2008, arXiv:0808.1431: dS/dp = 0",
        ),
    }


def _among(term: Term) -> sympy.Expr:
    """The term's law for events of a set of batches of M (`term_fit.candidate_laws`)."""
    size = sympy.Symbol("M")
    return term.expression.replace(
        sympy.Max, lambda *terms: N * sympy.Max(*terms).subs(N, size) / size
    )


def _best_workers() -> sympy.Expr:
    """The count of workers at which the derivative of the speedup is zero."""
    found = sympy.solve(sympy.numer(sympy.together(sympy.diff(SPEEDUP, P))), P)
    return next(root for root in found if root.subs({SIGMA: 0.5, KAPPA: 0.01}) > 0)


def _of_answers() -> dict[str, Equation]:
    model = _affine_model()
    a, b = (p.symbol for p in model.parameters.values())
    x, t, e = sympy.symbols("x t e", positive=True)
    return {
        "limit": Equation(_equal("X_limit", model.limit()), "N to infinity in N / T_batch"),
        "n-half": Equation(
            _equal("N_half", size_for_share(model, 0.5)),
            "Hockney and Jesshope 1981, Parallel Computers, section 1.3",
        ),
        "size for 95 %": Equation(
            _equal("N_95", size_for_share(model, 0.95)),
            "as N-half, for 95 % of the limit",
        ),
        "size for a rate": Equation(
            _equal("N_x", size_at_rate(a, b, x)),
            "N / T = x solved for N",
        ),
        "size within a time": Equation(
            _equal("N_t", size_at_time(a, b, t)),
            "T = t solved for N",
        ),
        "elasticity": Equation(
            _equal("e", sympy.simplify(elasticity(model, b.name))),
            "p / T dT/dp; for a cost its share of T: Marshall 1890, Principles of Economics, III.4",
        ),
        "gain of halving": Equation(
            _equal("g", 1 / (1 - e / 2) - 1),
            "Amdahl 1967, doi 10.1145/1465482.1465560, for a part that becomes twice as fast",
        ),
    }


def _of_fabric() -> dict[str, Equation]:
    copied, fetched = fabric.stages(True), fabric.stages(False)
    stage = {name: sympy.Symbol(f"C_{name}") for name in fabric.STAGES}
    filled = sympy.Symbol("F")
    return {
        "ring": Equation(_equal("T_fabric", _ring_law()), COHERENCE),
        "verbs, processor": Equation(_equal("C_cpu", copied["cpu"]), LOGGP),
        "verbs, card": Equation(_equal("C_nic", fetched["nic"]), LOGGP),
        "verbs, wire": Equation(_equal("C_wire", copied["wire"]), LOGGP),
        "verbs, window": Equation(
            _equal("C_window", copied["window"]),
            "Little 1961, doi 10.1287/opre.9.3.383: at most W in flight, each for a round trip",
        ),
        "verbs, fill": Equation(_equal("F", fabric.fill(False)), LOGGP),
        "verbs, whole": Equation(_equal("T_fabric", fabric.whole(stage, filled)), LOGGP),
        "verbs in software": Equation(
            _equal("T_fabric", fabric.whole(stage, filled, serial=True)),
            "Linux, drivers/infiniband/sw/rxe/rxe_verbs.c, rxe_post_send: the doorbell's system "
            "call does the device's work",
        ),
    }


def _ring_law() -> sympy.Expr:
    start, near, beyond = sympy.symbols("t_fabric t_fabric_near t_fabric_event", nonnegative=True)
    fewer = sympy.Max(0, N - sympy.Symbol("N_ring", nonnegative=True))
    spilled = sympy.Max(0, N - sympy.Symbol("N_spilled", nonnegative=True))
    further = sympy.Symbol("t_fabric_spilled", nonnegative=True)
    return start + near * (N - fewer) + further * spilled + beyond * fewer


def _of_queues() -> dict[str, Equation]:
    rate, largest, n, m, q, age = sympy.symbols("lambda B n m q u", positive=True)
    ahead, j = sympy.symbols("A j", integer=True, nonnegative=True)
    t = sympy.Function("T")
    seconds, often = sympy.symbols("d f", positive=True)
    moment, until = sympy.symbols("s t", positive=True)
    return {
        "stability": Equation(
            sympy.Lt(rate * t(largest) / largest, 1),
            "general bulk service rule: Neuts 1967, doi 10.1214/aoms/1177698869",
        ),
        "arrivals in a service": Equation(
            _equal("a_j", (rate * t(n)) ** j * sympy.exp(-rate * t(n)) / sympy.factorial(j)),
            "Poisson arrivals while a batch of n is served: Bailey 1954, doi "
            "10.1111/j.2517-6161.1954.tb00149.x",
        ),
        "next queue": Equation(
            _equal("q_next", sympy.Max(1, q - sympy.Min(q, largest) + j)),
            "who is not taken waits on, and an empty queue waits for one event: Bailey 1954, doi "
            "10.1111/j.2517-6161.1954.tb00149.x, with service from one event up",
        ),
        "latency in the queue": Equation(
            _equal("w", t(n) - age + sympy.floor(ahead / largest) * t(largest) + t(m)),
            "the rest of the present service, whole batches for the A events ahead, the own batch "
            "of m: derived here from Bailey's chain, doi 10.1111/j.2517-6161.1954.tb00149.x",
        ),
        "pauses": Equation(
            _equal("s_pause", often * seconds / (1 + often * seconds)),
            "alternating renewal process: Cox 1962, Renewal Theory, chapter 7",
        ),
        "host pace": Equation(
            _equal("w_running", sympy.Integral(sympy.Function("v")(moment), (moment, 0, until))),
            "derived here: which events a batch takes depends on the order of arrivals and ends "
            "alone, so a queue on a host of speed v(s) is the queue at full speed on a clock that "
            "shows this integral",
        ),
        "in flight": Equation(
            _equal("L_decisions", IN_FLIGHT), "L = lambda W: Little 1961, doi 10.1287/opre.9.3.383"
        ),
    }
