"""Records of other sizes: routing and verifying beside the read ceiling, hot and from farther."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import Any

from aethermodel.bench.contest import Contestant, Result
from aethermodel.bench.kernel import installed
from aethermodel.bench.targets import Target, at_least
from aethermodel.inputs.refusals import InputError
from aethermodel.measure.host.fingerprint import this_host
from aethermodel.measure.sampling.sampler import Point

PEERS = ("numba", "numpy", "numpy_radix")
#: Share of reading one word a record that routing is to reach, from this size on.
SHARE, FROM_BYTES = 0.8, 256
# What is larger than twice the last cache comes from memory; at least and at most so many bytes.
_LEAST, _MOST = 2**26, 2**27
#: Where the batches of a pool come from.
HOT, LAST_CACHE, MEMORY = "hot", "from the L3", "from memory"
# Bytes of one batch that are made and touched at all.
_LARGEST = 2**28


def name(record_bytes: int, what: str, source: str = HOT) -> str:
    """Return the name of a row."""
    return f"{record_bytes} B: {what}{'' if source == HOT else f', {source}'}"


READ, ROUTE, VERIFY, COPY = "read ceiling (one word each)", "aether route", "aether verify", "copy"


def record_contestants(batch_size: int, topics: int, sizes: list[int]) -> list[Contestant]:
    """Return the rows of each record size: ours, the ceilings, numba and numpy.

    Parameters
    ----------
    batch_size, topics : int
    sizes : list of int
        Bytes of a record, multiples of 8 from 8 to 65,536.

    Raises
    ------
    InputError
        If a batch of them is larger than 256 MiB.
    """
    rows = list[Contestant]()
    for size in sizes:
        if batch_size * size > _LARGEST:
            raise InputError(
                f"{batch_size} records of {size} bytes are more than {_LARGEST >> 20} MiB: "
                "take a smaller --batch-size"
            )
        base: dict[str, Any] = {"batch_size": batch_size, "topics": topics, "record_bytes": size}
        for source, pool in pools(batch_size * size).items():

            def point(probe: str, pool: int = pool, **more: Any) -> Point:
                return Point(probe=probe, settings=base | {"pool": pool} | more)  # noqa: B023

            rows += [
                Contestant(name(size, READ, source), "ceiling", point("bandwidth", work="read")),
                Contestant(name(size, ROUTE, source), "ours", point("kernel")),
            ]
            if source != HOT:
                continue
            rows += [
                Contestant(name(size, COPY), "ceiling", point("bandwidth", work="copy")),
                Contestant(name(size, VERIFY), "ours", point("checksum")),
            ]
            rows += [
                Contestant(name(size, peer), "peer", point("peer_route", peer=peer))
                for peer in PEERS
                # Of records without a value there is nothing that the peers could add up.
                if installed(peer) and size >= 16
            ]
    return rows


def pools(batch_bytes: int, caches: Mapping[str, int] | None = None) -> dict[str, int]:
    """Return how many batches are used in turn, by where they then come from.

    Parameters
    ----------
    batch_bytes : int
    caches : mapping of str to int, optional
        Bytes of the caches L1, L2 and L3; this host's by default.

    Returns
    -------
    dict of str to int
        One batch stays where it fits. A quarter to a half of a third level comes from there, if
        that is more than twice the second; twice the last level comes from memory.
    """
    sizes = this_host().cache_bytes if caches is None else caches
    last, second = sizes.get("L3", 0), sizes.get("L2", 0)
    found = {HOT: 1}
    several = min(max(ceil(last / 4 / batch_bytes), 2), 1024)
    if 2 * second < several * batch_bytes <= last / 2:
        found[LAST_CACHE] = several
    wanted = min(max(2 * max(sizes.values(), default=0), _LEAST), _MOST)
    return found | {MEMORY: min(max(ceil(wanted / batch_bytes), 2), 1024)}


def record_targets(result: Result, sizes: list[int]) -> list[Target]:
    """Judge routing against reading one word a record, and against the peers."""
    targets = list[Target]()
    for size in sizes:
        for source in (HOT, LAST_CACHE, MEMORY):
            read, route = (name(size, what, source) for what in (READ, ROUTE))
            if size < FROM_BYTES or read not in set(result.table["row"]):
                continue
            criterion = f"{size} B, {source}: routing, share of reading one word"
            targets.append(at_least(result, criterion, route, read, SHARE))
        targets += [
            at_least(result, f"{size} B: routing against {peer}", name(size, ROUTE), row, factor)
            for peer, factor in (("numba", 1.5), ("numpy", 10))
            if (row := name(size, peer)) in set(result.table["row"])
        ]
    return targets
