"""Kernel benchmark: routing and checksum, compared with their peers and their ceiling."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from aethermodel.bench.contest import Contestant
from aethermodel.measure.peers.ffi_tools import CALLS
from aethermodel.measure.peers.routing import ROUTING
from aethermodel.measure.sampling.sampler import Point
from cython_core import checksum_variants, simd_variant, simd_variants

READ = "read ceiling (one word an event)"
#: Batch sizes at which a call that makes its result is compared with one that is given it.
NEW_RESULTS = (100, 10_000)
#: Batch size of the threaded rows: smaller ones are not worth a second thread.
LARGE = 100_000
COPY = "copy ceiling (every byte)"
#: What the rows of the extra `bench` need besides what is always there.
_NEEDS = {
    "numba": "numba",
    "polars": "polars",
    "polars_lazy": "polars",
    "duckdb": "duckdb",
    "pyo3": "rpds",
    "cffi": "cffi",
}


def installed(name: str) -> bool:
    """Tell whether a peer can run in this environment."""
    return find_spec(_NEEDS.get(name, "sys")) is not None


def route_name(
    variant: str, threads: int = 1, layout: str = "records", *, large: bool = False
) -> str:
    """Return the name of a row of ours."""
    extras = [f"N = {LARGE:,}"] * large + [f"{threads} threads"] * (threads > 1)
    extras += ["columns"] * (layout == "columns")
    return ", ".join([f"aether route {variant}", *extras])


def kernel_contestants(batch_size: int, topics: int, threads: int) -> list[Contestant]:
    """Return routing and checksums: every variant of ours, every peer, both ceilings.

    Parameters
    ----------
    batch_size, topics : int
        One batch is used again and again: hot.
    threads : int
        Of the threaded row; left out below 2.
    """
    base: dict[str, Any] = {"batch_size": batch_size, "topics": topics, "pool": 1}

    def point(probe: str, **settings: Any) -> Point:
        return Point(probe=probe, settings=base | settings)

    rows = [
        Contestant(READ, "ceiling", point("bandwidth", work="read")),
        Contestant(COPY, "ceiling", point("bandwidth", work="copy")),
    ]
    for variant in simd_variants():
        rows.append(Contestant(route_name(variant), "ours", point("kernel", variant=variant)))
    best = simd_variant()
    columns = route_name(best, layout="columns")
    rows.append(Contestant(columns, "ours", point("kernel", variant=best, layout="columns")))
    if threads > 1:
        large = base | {"batch_size": LARGE, "variant": best}
        for count in (1, threads):
            name = route_name(best, count, large=True)
            settings = large | {"threads": count}
            rows.append(Contestant(name, "ours", Point(probe="kernel", settings=settings)))
    for variant in checksum_variants():
        rows.append(
            Contestant(f"aether verify {variant}", "ours", point("checksum", variant=variant))
        )
    stamping = point("checksum", work="stamp")
    rows.append(Contestant("aether stamp", "ours", stamping))
    for peer, make in ROUTING.items():
        if installed(peer):
            form = (make.__doc__ or "").strip().splitlines()[0]
            rows.append(Contestant(peer, "peer", point("peer_route", peer=peer), form))
    return rows


def call_name(batch_size: int, *, new_result: bool) -> str:
    """Return the name of a row of calls of `route`."""
    return f"aether route, N = {batch_size:,}{', new result' if new_result else ''}"


def call_contestants() -> list[Contestant]:
    """Return one call through each language boundary, and our own routing call at N = 1."""
    rows = []
    for border, make in CALLS.items():
        if installed(border):
            form = (make.__doc__ or "").strip().splitlines()[0]
            group = {"cython": "ours", "python": "ceiling"}.get(border, "peer")
            rows.append(
                Contestant(border, group, Point(probe="call", settings={"border": border}), form)
            )
    one = {"batch_size": 1, "topics": 64, "pool": 1}
    for size in NEW_RESULTS:
        whole = {"batch_size": size, "topics": 16, "pool": 1, "with_kernel": True}
        for new in (False, True):
            rows.append(
                Contestant(
                    call_name(size, new_result=new),
                    "ours",
                    Point(probe="ffi", settings=whole | {"new_result": new}),
                    f"{size} events, 16 topics, {'without out=' if new else 'out= given'}",
                )
            )
    return [
        *rows,
        Contestant(
            "aether route, no kernel",
            "ours",
            Point(probe="ffi", settings=one),
            "all argument checks of route at N = 1, out= given",
        ),
        Contestant(
            "aether route, N = 1",
            "ours",
            Point(probe="ffi", settings=one | {"with_kernel": True}),
            "one event routed into 64 topics, out= given",
        ),
    ]
