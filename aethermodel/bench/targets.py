"""Goals of the kernel and ring benchmarks, judged on one run."""

from __future__ import annotations

from typing import Any

from aethermodel.bench.contest import Result
from aethermodel.bench.kernel import LARGE, NEW_RESULTS, READ, call_name, route_name
from aethermodel.bench.ring import ALONE
from aethermodel.published.specification import load_specification
from cython_core import EVENT_BYTES, simd_variant

Target = dict[str, Any]
#: Most that waking a consumer may take, as a multiple of what the kernel takes by itself.
WAKE_UP_TIMES = 1.15


def at_least(result: Result, criterion: str, row: str, other: str, threshold: float) -> Target:
    """Judge a ratio of rates; a row that did not run leaves it open."""
    rows = set(result.table["row"])
    if row not in rows or other not in rows:
        return _target(criterion, None, threshold, "a row is missing")
    ratio, low, high = result.ratio(row, other)
    words = f"{ratio:.2f} ({low:.2f} to {high:.2f}), wanted at least {threshold:g}"
    return {**_target(criterion, ratio, threshold, words), "low": low, "high": high}


def at_most(criterion: str, value: float, threshold: float, unit: float, name: str) -> Target:
    """Judge a time."""
    words = f"{value / unit:.2f} {name}, wanted at most {threshold / unit:g} {name}"
    return _target(criterion, value, threshold, words, met=value <= threshold)


def _target(
    criterion: str, value: float | None, threshold: float, words: str, met: bool | None = None
) -> Target:
    if met is None and value is not None:
        met = value >= threshold
    return {
        "criterion": criterion,
        "value": value,
        "threshold": threshold,
        "met": met,
        "words": words,
    }


def kernel_targets(result: Result, threads: int) -> list[Target]:
    """Judge routing against its ceiling and its peers, verification against one instruction."""
    best = route_name(simd_variant())
    targets = [at_least(result, "routing, share of the read ceiling", best, READ, 0.45)]
    for peer, factor in (
        ("numba", 1.5),
        ("numpy", 10),
        ("numpy_radix", 10),
        ("pandas", 10),
        ("polars", 10),
        ("pyarrow", 10),
    ):
        targets.append(at_least(result, f"routing against {peer}", best, peer, factor))
    verify = [row for row in result.table["row"] if row.startswith("aether verify")]
    targets.append(
        at_least(
            result,
            "verifying against the plain crc32 instruction",
            verify[0],  # the table is sorted: the fastest
            "aether verify instruction",
            2,
        )
    )
    if threads > 1:
        one, more = (route_name(simd_variant(), count, large=True) for count in (1, threads))
        criterion = f"{threads} threads against one, N = {LARGE:,}"
        targets.append(at_least(result, criterion, more, one, 1.7))
    return targets


def call_targets(result: Result) -> list[Target]:
    """Judge a call of the router with one event, and calls that make their result."""
    seconds = result.table.set_index("row")["seconds"]
    value = float(seconds["aether route, N = 1"])
    targets = [at_most("route at N = 1, out= given", value, 250e-9, 1e-9, "ns")]
    for size in NEW_RESULTS:
        with_out, without = (seconds[call_name(size, new_result=new)] for new in (False, True))
        criterion = f"route without out= beyond a call with it, N = {size:,}"
        targets.append(at_most(criterion, float(without - with_out), 1e-6, 1e-9, "ns"))
    return targets


def _asleep(times: float) -> Target:
    words = f"{times:.2f} times, wanted at most {WAKE_UP_TIMES:g}"
    criterion = "handoff to a thread that sleeps, by the kernel's own wake-up"
    return _target(criterion, times, WAKE_UP_TIMES, words, met=times <= WAKE_UP_TIMES)


def ring_targets(result: Result, latencies: dict[str, dict[str, Any]]) -> list[Target]:
    """Judge the ring against its peers, routing alone, the specification and the clock."""
    specification = load_specification()
    claim = float(specification.model().throughput_at(specification.batch_size))
    if (result.samples["record_bytes"] != EVENT_BYTES).any():
        # Of other records there are no peers, and no claim.
        return [at_least(result, "ring against routing alone", "ring", ALONE, 0.85)]
    rates = result.table.set_index("row")["events_per_second"]
    rate = float(rates["ring"])
    words = f"{rate / claim:.2f}, wanted at least 4"
    fastest = result.table[result.table["group"] != "ceiling"]["row"].iloc[0]
    first = fastest.startswith("ring")
    return [
        _target("fastest row", float(first), 1, f"the fastest is {fastest}"),
        at_least(result, "ring against pyzmq in batches", "ring", "pyzmq", 5),
        at_least(result, "ring against iceoryx2's loaned slice", "ring", "iceoryx2", 1.2),
        at_least(result, "ring against routing alone", "ring", ALONE, 0.85),
        _target("ring against the specification's 81.9 M/s", rate / claim, 4, words),
        _asleep(latencies["wait"]["over_kernel"]),
        at_most("handoff spinning, P50", latencies["spin"]["p50_seconds"], 1e-6, 1e-6, "µs"),
        at_most("handoff by asyncio, P50", latencies["asyncio"]["p50_seconds"], 15e-6, 1e-6, "µs"),
        at_most(
            "handoff by asyncio that spins before it sleeps, P50",
            latencies["asyncio spinning"]["p50_seconds"],
            15e-6,
            1e-6,
            "µs",
        ),
        # What no event loop can be quicker than: the kernel waking a thread that sleeps.
        at_most(
            "handoff by asyncio beyond a plain sleep, P50",
            latencies["asyncio"]["p50_seconds"] - latencies["wait"]["p50_seconds"],
            5e-6,
            1e-6,
            "µs",
        ),
    ]
