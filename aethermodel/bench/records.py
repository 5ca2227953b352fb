"""Records of other sizes: routing and verifying beside the read ceiling, hot and from memory."""

from __future__ import annotations

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
# Bytes of one batch that are made and touched at all.
_LARGEST = 2**28


def name(record_bytes: int, what: str, *, hot: bool = True) -> str:
    """Return the name of a row."""
    return f"{record_bytes} B: {what}{'' if hot else ', from memory'}"


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
        for hot in (True, False):
            pool = 1 if hot else _cold_pool(batch_size * size)

            def point(probe: str, pool: int = pool, **more: Any) -> Point:
                return Point(probe=probe, settings=base | {"pool": pool} | more)  # noqa: B023

            rows += [
                Contestant(name(size, READ, hot=hot), "ceiling", point("bandwidth", work="read")),
                Contestant(name(size, ROUTE, hot=hot), "ours", point("kernel")),
            ]
            if not hot:
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


def _cold_pool(batch_bytes: int) -> int:
    cache = max(this_host().cache_bytes.values(), default=0)
    wanted = min(max(2 * cache, _LEAST), _MOST)
    return min(max(ceil(wanted / batch_bytes), 2), 1024)


def record_targets(result: Result, sizes: list[int]) -> list[Target]:
    """Judge routing against reading one word a record, and against the peers."""
    targets = list[Target]()
    for size in sizes:
        for hot in (True, False):
            if size < FROM_BYTES:
                continue
            read, route = (name(size, what, hot=hot) for what in (READ, ROUTE))
            where = "hot" if hot else "from memory"
            criterion = f"{size} B, {where}: routing, share of reading one word"
            targets.append(at_least(result, criterion, route, read, SHARE))
        targets += [
            at_least(result, f"{size} B: routing against {peer}", name(size, ROUTE), row, factor)
            for peer, factor in (("numba", 1.5), ("numpy", 10))
            if (row := name(size, peer)) in set(result.table["row"])
        ]
    return targets
