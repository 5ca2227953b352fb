"""What `aethermodel predict` prints: each part of its document as a table."""

from __future__ import annotations

import math
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from aethermodel.report.quantities import count, engineering, interval


def print_tables(figures: dict[str, Any]) -> None:
    """Print a prediction's figures; warnings first, so that no figure is read without them."""
    console = Console()
    for text in (*figures["warnings"], *figures["findings"]):
        console.print(f"warning: {text}", markup=False)
    for name, p in figures["parameters"].items():
        if p["origin"] == "assumed":
            value = engineering(p["value"], p["unit"])
            console.print(f"{name} = {value} ({p['source']})", markup=False, style="yellow")
    console.print(_rows(figures))
    if "optima" in figures:
        console.print(_optima(figures))
    if "sensitivity" in figures:
        console.print(_sensitivity(figures["sensitivity"]))
    if "bottlenecks" in figures:
        console.print(_bottlenecks(figures["bottlenecks"]))
    if "roofline" in figures:
        console.print(_roofline(figures["roofline"]))
    if _extrapolates(figures):
        largest = count(figures["calibrated_to"])
        console.print(f"* extrapolated: no batch beyond N = {largest} was calibrated", markup=False)


def _table(title: str, *columns: str) -> Table:
    table = Table(title=escape(title))  # a label in brackets is not markup
    table.add_column(columns[0])
    for heading in columns[1:]:
        table.add_column(heading, justify="right")
    return table


def _rows(figures: dict[str, Any]) -> Table:
    c = figures["conditions"]
    title = f"T_batch, {c['event_loop']}, {c['topics']} topics [{c['fabric']}, {figures['origin']}]"
    terms = list(figures["rows"][0]["budget_seconds"])
    table = _table(title, "N", "T_batch", "95 % mean", "95 % new", "rate", *terms)
    for row in figures["rows"]:
        table.add_row(
            _marked(count(row["n"]), row),
            engineering(row["seconds"], "s"),
            interval(row["low_seconds"], row["high_seconds"], "s"),
            interval(row["observation_low_seconds"], row["observation_high_seconds"], "s"),
            engineering(row["per_second"], "msg/s"),
            *(f"{row['budget_seconds'][term] / row['seconds']:.0%}" for term in terms),
        )
    return table


def _figure(value: float, unit: str = "") -> str:
    if math.isnan(value):
        return "none"
    if math.isinf(value):
        return "never"
    return engineering(value, unit) if unit else count(value)


def _range(answer: dict[str, float], unit: str = "") -> str:
    if math.isnan(answer["low"]):
        return "none"
    return f"{_figure(answer['low'], unit)} to {_figure(answer['high'], unit)}"


def _marked(text: str, figure: dict[str, Any]) -> str:
    """A batch size, marked where none as large was calibrated."""
    return f"{text} *" if figure["extrapolated"] else text


def _extrapolates(figures: dict[str, Any]) -> bool:
    parts = [figures["rows"], figures.get("optima", []), figures.get("bottlenecks", [])]
    marked = [part["extrapolated"] for rows in parts for part in rows]
    return any(marked) or figures.get("sensitivity", {}).get("extrapolated", False)


def _optima(figures: dict[str, Any]) -> Table:
    rate = figures["best_rate_per_second"]
    best = f"{_figure(rate['value'], 'msg/s')} ({_range(rate, 'msg/s')})"
    title = f"Batch sizes for a goal; best rate up to N = {count(figures['calibrated_to'])}: {best}"
    heads = ("goal", "from N", "95 %", "to N", "95 %", "rate from there", "95 %")
    table = _table(title, *heads)
    for found in figures["optima"]:
        size, rate, last = found["size"], found["per_second"], found["last"]
        ranged = not math.isnan(last["value"])
        table.add_row(
            found["goal"],
            _marked(_figure(size["value"]), found),
            _range(size),
            _figure(last["value"]) if ranged else "",
            _range(last) if ranged else "",
            _figure(rate["value"], "msg/s"),
            _range(rate, "msg/s"),
        )
    return table


def _sensitivity(found: dict[str, Any]) -> Table:
    size = _marked(count(found["batch_size"]), found)
    title = f"What halving a cost buys at N = {size}"
    table = _table(title, "halved", "throughput", "95 %", "origin")
    for buys in found["halving"]:
        gain = buys["gain"]
        name = f"{buys['name']} (term)" if buys["is_term"] else f"  {buys['name']}"
        table.add_row(
            name,
            f"{gain['value']:+.1%}",
            f"{gain['low']:+.1%} to {gain['high']:+.1%}",
            "assumed" if buys["assumed"] else "measured",
        )
    return table


def _bottlenecks(found: list[dict[str, Any]]) -> Table:
    table = _table("Which term binds", "term", "from N", "to N", "95 %")
    for bound in found:
        end = bound["end"]
        last = _marked(count(end["value"]), bound)
        table.add_row(bound["term"], count(bound["begin"]), last, _range(end))
    return table


def _roofline(ceilings: list[dict[str, Any]]) -> Table:
    sizes = list(ceilings[0]["per_second"])
    heads = [f"N = {int(size):,}" for size in sizes]
    table = _table("Ceilings, events a second", "ceiling", "origin", *heads)
    for ceiling in ceilings:
        rates = [engineering(ceiling["per_second"][size], "1/s") for size in sizes]
        table.add_row(ceiling["ceiling"], ceiling["origin"], *rates)
    return table
