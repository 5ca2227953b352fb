"""Tables and lines of laws and of the answers from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from aethermodel.cli.shared.terminal_tables import Table
from aethermodel.report.engineering_notation import engineering, interval
from aethermodel.text.number_format import size_text
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    from aethermodel.advice.law_answers import Answers, Quantity
    from aethermodel.laws.law import Law


_NAMED = {"none": "no law: the data joined", "interpolation": "the data joined"}


def parameters_table(law: Law) -> Table:
    """Return the parameters with their intervals."""
    nearest = "" if law.holds else "nearest law: "
    where = f"N in {law.size_unit or law.size_name}"
    arguments = "N"
    if law.second_name:
        arguments, where = "N, M", f"{where}, M is {law.second_name}"
    table = Table(
        f"{nearest}T({arguments}) = {law.expression}, {where}",
        ("parameter", "value", percentage(law.level, 0)),
        text=("parameter",),
    )
    for p in law.parameters:
        table.add(p.name, engineering(p.value, p.unit), interval(p.low, p.high, p.unit))
    return table


def laws_table(laws: Mapping[str, Law]) -> Table:
    """Return a row a law."""
    table = Table(
        f"{len(laws)} curves",
        ("curve", "family", "holds", "largest", "T there"),
        text=("curve", "family", "holds"),
    )
    for name, law in laws.items():
        table.add(
            name,
            law.family,
            "yes" if law.holds else "no",
            f"{law.largest:,.10g}",
            engineering(float(law.means[-1]), "s"),
        )
    return table


def predictions_table(law: Law, sizes: list[int]) -> Table:
    """Return T at sizes, with both intervals."""
    mean, new = law.predict(sizes), law.predict(sizes, of="new")
    unit = rate_unit_of(law)
    table = Table(
        f"T, {law.time_kind}, {_NAMED.get(law.family, f'{law.family} law')} "
        f"[{law.source or 'law'}]",
        ("N", "T", "95 % of the mean", "95 % of a new sample", "rate"),
    )
    for i, n in enumerate(sizes):
        mark = "*" * bool(mean.extrapolated[i])
        if not np.isfinite(mean.seconds[i]):
            table.add(f"{n:,}{mark}", "no answer", "", "", "")
            continue
        table.add(
            f"{n:,}{mark}",
            engineering(mean.seconds[i], "s"),
            interval(mean.low[i], mean.high[i], "s"),
            interval(new.low[i], new.high[i], "s"),
            engineering(n / mean.seconds[i], unit),
        )
    return table


def rate_unit_of(law: Law) -> str:
    """Return the unit of N / T."""
    return f"{law.counted}/s"


def answer_lines(found: Answers, target: float | None = None) -> Iterator[str]:
    """Say the answers in lines, what weakens each behind it.

    Parameters
    ----------
    found : Answers
    target : float, optional
        Of P99, in seconds.
    """
    unit = found.size_unit
    if found.law:
        yield f"{found.law}:"
    best = found.best_rate
    yield (
        f"best rate: {engineering(best.value, best.unit)} "
        f"({interval(best.low, best.high, best.unit)})" + _note(best.note)
    )
    if found.n_half is not None:
        yield f"half of it at N = {found.n_half.size_text(unit)}{_note(found.n_half.note)}"
    for knee in found.knees:
        yield f"the law changes at N = {knee.size_text(unit)}"
    for optimum in found.shares:
        yield str(optimum)
    for goal in (found.for_rate, found.for_latency):
        if goal is not None:
            yield str(goal)
    for name in ("for_rate", "for_latency", "n_half"):
        if name in found.reasons:
            yield found.reasons[name]
    if found.fill is not None:
        yield f"longest wait for a batch to fill: {_seconds(found.fill)}{_note(found.fill.note)}"
    for name, latency in (("P50", found.p50), ("P99", found.p99)):
        if latency is not None:
            yield f"{name}: {_seconds(latency)}{_against(latency, target) if name == 'P99' else ''}"
    if found.p99 is not None:
        yield f"  {found.p99.note}"
    elif "p99" in found.reasons and not found.reasons["p99"].startswith("needs"):
        yield f"P99: {found.reasons['p99']}"
    if costs := [cost for cost in found.costs if cost.is_told]:
        named = ", ".join(f"{cost.name} {percentage(cost.share.value, 0)}" for cost in costs)
        yield f"of T at N = {size_text(found.at_size)}: {named}"
    following = found.next_size
    yield f"next size to measure: {following.size_text(unit)}" + _note(following.note)


def _against(p99: Quantity, target: float | None) -> str:
    if target is None:
        return ""
    kept = "within" if p99.high <= target else "beyond" if p99.low > target else "about at"
    return f", {kept} the target of {engineering(target, 's')}"


def _note(text: str) -> str:
    return f" ({text})" if text else ""


def _seconds(quantity: Quantity) -> str:
    value = engineering(quantity.value, "s")
    if engineering(quantity.low, "s") == engineering(quantity.high, "s"):
        return value
    return f"{value} ({interval(quantity.low, quantity.high, 's')})"
