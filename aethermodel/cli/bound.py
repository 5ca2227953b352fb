"""`aethermodel bound`: a design's budget on paper."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aethermodel.cli.shared import options
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.published.specification import Specification


def command(
    batch_size: Annotated[
        int | None,
        options.batch_size("messages in a batch, such as 1e4 [default: as specified, 10000]"),
    ] = None,
    spec: Annotated[
        Path | None,
        typer.Option(
            **options.READ,
            help="a budget of your own, a TOML file like data/spec-4.3.2.toml; what it leaves "
            "out is the specification's [default: the specification]",
        ),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="another value of a parameter, with its unit, such as t_loop=5us or "
            "t_kernel=3ns/event; may be repeated [default: as specified]",
        ),
    ] = None,
    json: options.Json = None,
) -> None:
    """Print the upper bound on paper: T_batch, throughput, its limit, and which term sets it.

    Without other numbers they are those of the specification: AetherEvent / AetherBus Extreme
    4.3.2, a design on paper.

    Example: aethermodel bound --batch-size 1e4 --json -

    Example: aethermodel bound --set t_loop=5us --set t_kernel=3ns/event --set t_fabric=0.9us
    """
    from aethermodel.json_documents import document, write_document
    from aethermodel.published.specification import load_specification

    figures = bound_figures(load_specification(spec, set_ or ()), batch_size)
    if json:
        write_document(document("aethermodel.bound/1", "simulated", figures, measured=False), json)
    if json != "-":
        _print_tables(figures)


def bound_figures(specification: Specification, batch_size: int | None = None) -> dict[str, Any]:
    """Evaluate the model of a budget on paper.

    Parameters
    ----------
    specification : Specification
    batch_size : int, optional
        Messages in a batch; the specification's own if left out.

    Returns
    -------
    dict
        ``t_batch_seconds``, ``throughput_per_second``, budget by term, the naive
        single-message case, the limit, N-half, the memory bound, the parameters.
    """
    model = specification.model()
    n = batch_size or specification.batch_size
    return {
        "specification": specification.name,
        "batch_size": n,
        "t_batch_seconds": float(model.seconds_at(n)),
        "throughput_per_second": float(model.throughput_at(n)),
        "binding_term": model.binding_term(n),
        "budget_seconds": {name: float(cost) for name, cost in model.budget(n).items()},
        "naive_seconds": float(model.seconds_at(1)),
        "naive_throughput_per_second": float(model.throughput_at(1)),
        "limit_per_second": model.limit_per_second(),
        "n_half": model.n_half(),
        "memory_bound_per_second": specification.memory_bound_per_second(),
        "formula": model.formula,
        "parameters": {
            name: {"value": p.value, "unit": p.unit, "meaning": p.meaning, "source": p.source}
            for name, p in specification.parameters.items()
        },
    }


def _print_tables(figures: dict[str, Any]) -> None:
    from aethermodel.cli.shared.terminal_tables import Table, say, show
    from aethermodel.report.engineering_notation import engineering

    n, total = figures["batch_size"], figures["t_batch_seconds"]
    messages = "1 message" if n == 1 else f"{n:,} messages"
    title = f"{figures['specification']}: one batch of {messages}, on paper"
    budget = Table(title, ("term", "µs a batch", "share"), text=("term",))
    for name, seconds in figures["budget_seconds"].items():
        mark = "  <- binds" if name == figures["binding_term"] else ""
        budget.add(name + mark, f"{seconds * 1e6:,.2f}", percentage(seconds / total))
    budget.add("T_batch", f"{total * 1e6:,.2f}", percentage(1), bold=True)
    rates = Table("messages a second, on paper", ("case", "rate"), text=("case",))
    for case, rate in (
        ("naive: one message a batch", figures["naive_throughput_per_second"]),
        (f"batches of {messages}", figures["throughput_per_second"]),
        ("limit: batches without end", figures["limit_per_second"]),
        ("memory bandwidth: each message read once", figures["memory_bound_per_second"]),
    ):
        rates.add(case, engineering(rate, "msg/s"))
    stated = Table("parameters", ("name", "value", "source"), text=("name", "source"))
    for name, p in figures["parameters"].items():
        stated.add(name, engineering(p["value"], p["unit"]), p["source"])
    show(budget, rates, stated)
    say(f"{figures['formula']}; half of the limit at N = {figures['n_half']:,.0f}")
