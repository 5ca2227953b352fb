"""Tables of `aethermodel predict`."""

from __future__ import annotations

import math
from typing import Any

from aethermodel.cli.shared.caveats import tell_caveats
from aethermodel.cli.shared.options import records_of
from aethermodel.cli.shared.terminal_tables import Table, say, show
from aethermodel.report.engineering_notation import count, engineering, interval
from aethermodel.text.percentages import percent, percentage


def print_tables(figures: dict[str, Any], *, verbose: bool = False) -> None:
    """Print a prediction's figures; caveats first, so that no figure is read without them."""
    drifts = ("stale: ", "inconclusive: ")  # of --check, which has said them
    caveats = (*figures["warnings"], *figures["findings"])
    tell_caveats([text for text in caveats if not text.startswith(drifts)], verbose=verbose)
    for name, p in figures["parameters"].items():
        if p["origin"] == "assumed":
            say(f"{name} = {engineering(p['value'], p['unit'])} ({p['source']})")
    show(_rows(figures))
    if "record_sizes" in figures:  # of one that was never measured; the first warning says so
        say(f"{figures['warnings'][0]}:\n{figures['formula']}.")
    if "optima" in figures:
        show(_optima(figures))
    if "sensitivity" in figures:
        show(_sensitivity(figures["sensitivity"]))
    if "bottlenecks" in figures:
        show(_bottlenecks(figures["bottlenecks"]))
    if "roofline" in figures:
        show(_roofline(figures["roofline"]))
    if _extrapolates(figures):
        say(_beyond(figures))


def _beyond(figures: dict[str, Any]) -> str:
    largest = count(figures["calibrated_to"])
    return f"* extrapolated: beyond N = {largest}, the largest that was calibrated"


def _extrapolates(figures: dict[str, Any]) -> bool:
    parts = [figures["rows"], figures.get("optima", []), figures.get("bottlenecks", [])]
    marked = [part["extrapolated"] for rows in parts for part in rows]
    return any(marked) or bool(figures.get("sensitivity", {}).get("extrapolated", False))


def _rows(figures: dict[str, Any]) -> Table:
    c = figures["conditions"]
    records = records_of(c["record_bytes"])
    title = (
        f"T_batch, {c['event_loop']}, {c['topics']} topics{records} "
        f"[{c['fabric']}, {figures['origin']}]"
    )
    terms = list(figures["rows"][0]["budget_seconds"])
    table = Table(
        title, ("N", "T_batch", "95 % of the mean", "95 % of a new sample", "rate", *terms)
    )
    for row in figures["rows"]:
        table.add(
            _marked(count(row["n"]), row),
            engineering(row["seconds"], "s"),
            interval(row["low_seconds"], row["high_seconds"], "s"),
            interval(row["observation_low_seconds"], row["observation_high_seconds"], "s"),
            engineering(row["per_second"], "msg/s"),
            *(percentage(row["budget_seconds"][term] / row["seconds"], 0) for term in terms),
        )
    return table


def _figure(value: float, unit: str = "") -> str:
    if math.isnan(value):
        return "none"
    if math.isinf(value):
        return "never"
    return engineering(value, unit) if unit else count(value)


def _range(answer: dict[str, float], unit: str = "") -> str:
    low, high = answer["low"], answer["high"]
    if math.isnan(low):
        return "none"
    if low == high:  # also where both are infinite
        return _figure(low, unit)
    if math.isinf(high):
        return f"{_figure(low, unit)} or more, or never"
    return interval(low, high, unit) if unit else f"{count(low)} to {count(high)}"


def _sizes(size: dict[str, float], largest: float) -> str:
    """The interval of a batch size, each end marked where none as large was calibrated."""
    low, high = size["low"], size["high"]
    if not math.isfinite(high) or low == high:
        return _range(size)
    return " to ".join(_marked(count(end), {"extrapolated": end > largest}) for end in (low, high))


def _marked(text: str, figure: dict[str, Any]) -> str:
    """A batch size, marked where none as large was calibrated."""
    return f"{text}*" if figure["extrapolated"] else text


def _optima(figures: dict[str, Any]) -> Table:
    largest = figures["calibrated_to"]
    table = Table(
        f"Batch sizes for a goal; shares of the best rate up to N = {count(largest)}",
        ("goal", "from N", "95 % of it", "to N", "95 % of that", "rate there", "95 % of rate"),
        text=("goal",),
    )
    best = figures["best_rate_per_second"]
    table.add(
        "the best rate", "", "", "", "", _figure(best["value"], "msg/s"), _range(best, "msg/s")
    )
    for found in figures["optima"]:
        size, rate, last = found["size"], found["per_second"], found["last"]
        ranged = not math.isnan(last["value"])
        table.add(
            found["goal"].partition(" up to N = ")[0],  # the title says up to where
            _marked(_figure(size["value"]), found),
            _sizes(size, largest),
            _figure(last["value"]) if ranged else "",
            _range(last) if ranged else "",
            _figure(rate["value"], "msg/s"),
            _range(rate, "msg/s"),
        )
    return table


def _sensitivity(found: dict[str, Any]) -> Table:
    title = f"What halving a cost buys at N = {_marked(count(found['batch_size']), found)}"
    table = Table(title, ("halved", "throughput", "95 %", "origin"), text=("halved", "origin"))
    for buys in found["halving"]:
        gain = buys["gain"]
        table.add(
            f"{buys['name']} (term)" if buys["is_term"] else f"  {buys['name']}",
            percent(gain["value"]),
            f"{percent(gain['low'])} to {percent(gain['high'])}",
            "assumed" if buys["assumed"] else "measured",
        )
    return table


def _bottlenecks(found: list[dict[str, Any]]) -> Table:
    table = Table("Which term binds", ("term", "from N", "to N", "95 %"), text=("term",))
    for bound in found:
        end = bound["end"]
        to = "without end" if math.isinf(end["value"]) else _marked(count(end["value"]), bound)
        looked_at = math.isnan(end["low"])  # an end of the search: nothing takes over before
        table.add(
            bound["term"],
            count(bound["begin"]),
            f"{to} and beyond" if looked_at else to,
            "" if looked_at else _range(end),
        )
    return table


def _roofline(ceilings: list[dict[str, Any]]) -> Table:
    sizes = list(ceilings[0]["per_second"])
    table = Table(
        "Ceilings, events a second",
        ("ceiling", "origin", *(f"N = {int(size):,}" for size in sizes)),
        text=("ceiling", "origin"),
    )
    for ceiling in ceilings:
        rates = [engineering(ceiling["per_second"][size], "1/s") for size in sizes]
        table.add(ceiling["ceiling"], ceiling["origin"], *rates)
    return table
