"""`aethermodel bound`: what the specification's budget says, on paper."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from aethermodel.cli.options import Json


def command(
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", "-n", min=1, help="messages in a batch")
    ] = None,
    json: Json = None,
) -> None:
    """Print the theoretical upper bound: T_batch, throughput, its limit, and what binds.

    Example: aethermodel bound --batch-size 10000 --json -
    """
    from aethermodel.documents import document, write_document

    figures = bound_figures(batch_size)
    if json:
        write_document(document("aethermodel.bound/1", "simulated", figures, measured=False), json)
    if json != "-":
        _print_tables(figures)


def bound_figures(batch_size: int | None = None) -> dict[str, Any]:
    """Evaluate the specification's model.

    Parameters
    ----------
    batch_size : int, optional
        Messages in a batch; the specification's own (10,000) if left out.

    Returns
    -------
    dict
        ``t_batch_seconds``, ``throughput_per_second``, budget by term, the naive
        single-message case, the limit, N-half, the memory bound, the parameters.
    """
    from aethermodel.specification import load_specification

    specification = load_specification()
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
        "formula": f"T_batch = {model.t_batch}",
        "parameters": {
            name: {"value": p.value, "unit": p.unit, "meaning": p.meaning, "source": p.source}
            for name, p in specification.parameters.items()
        },
    }


def _print_tables(figures: dict[str, Any]) -> None:
    from rich.table import Table

    from aethermodel.console import plain_console

    console = plain_console()
    n, total = figures["batch_size"], figures["t_batch_seconds"]
    budget = Table(title=f"{figures['specification']}: one batch of {n:,} messages, on paper")
    budget.add_column("term")
    budget.add_column("us a batch", justify="right")
    budget.add_column("share", justify="right")
    for name, seconds in figures["budget_seconds"].items():
        mark = "  <- binds" if name == figures["binding_term"] else ""
        budget.add_row(name + mark, f"{seconds * 1e6:,.2f}", f"{seconds / total:.1%}")
    budget.add_section()
    budget.add_row("T_batch", f"{total * 1e6:,.2f}", "100.0%")
    console.print(budget)

    rates = Table(title="messages a second, on paper")
    rates.add_column("case")
    rates.add_column("million msg/s", justify="right")
    for case, rate in (
        ("naive: one message a batch", figures["naive_throughput_per_second"]),
        (f"batches of {n:,}", figures["throughput_per_second"]),
        ("limit: batches without end", figures["limit_per_second"]),
        ("memory bandwidth: 64-byte messages read once", figures["memory_bound_per_second"]),
    ):
        rates.add_row(case, f"{rate / 1e6:,.3f}")
    console.print(rates)
    console.print(f"{figures['formula']}; half of the limit at N = {figures['n_half']:,.0f}")
