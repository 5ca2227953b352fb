"""Routing by other libraries: positions, count, total, minimum and maximum by topic.

A peer gets the batch in the layout that suits it (made outside the clock), keeps what
it can between calls, and must come to the same counts and totals as `cython_core.route`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Batch = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
#: Counts and totals by topic, topics without events left out or zero.
Summary = tuple[npt.NDArray[np.int64], Floats]
#: Routes the batch it was made for; the result is read only by `summary`.
Route = Callable[[], Any]
Peer = Callable[[Batch, int], tuple[Route, Callable[[Any], Summary]]]


def _dense(topics: int, index: Any, count: Any, total: Any) -> Summary:
    counts, totals = np.zeros(topics, np.int64), np.zeros(topics)
    counts[np.asarray(index)] = count
    totals[np.asarray(index)] = total
    return counts, totals


def plain_python(batch: Batch, topics: int) -> tuple[Route, Callable[[Any], Summary]]:
    """Lists and a loop: what the interpreter can do without any library."""
    topic_list, value_list = batch["topic"].tolist(), batch["value"].tolist()

    def route() -> Any:
        positions: list[list[int]] = [[] for _ in range(topics)]
        total = [0.0] * topics
        low, high = [float("inf")] * topics, [float("-inf")] * topics
        for i, (topic, value) in enumerate(zip(topic_list, value_list, strict=True)):
            positions[topic].append(i)
            total[topic] += value
            low[topic] = min(low[topic], value)
            high[topic] = max(high[topic], value)
        return positions, total, low, high

    return route, lambda r: (np.array([len(p) for p in r[0]]), np.array(r[1]))


def numpy(batch: Batch, topics: int) -> tuple[Route, Callable[[Any], Summary]]:
    """A stable argsort of the topics as they are, then reductions over the sorted values."""
    return _numpy(np.ascontiguousarray(batch["topic"]), batch, topics)


def numpy_radix(batch: Batch, topics: int) -> tuple[Route, Callable[[Any], Summary]]:
    """Narrow the topics to 16 bits, for which numpy's stable sort is a radix sort."""
    return _numpy(batch["topic"].astype(np.uint16), batch, topics)


def _numpy(
    topic: npt.NDArray[Any], batch: Batch, topics: int
) -> tuple[Route, Callable[[Any], Summary]]:
    value = np.ascontiguousarray(batch["value"])

    def route() -> Any:
        indices = np.argsort(topic, kind="stable")
        count = np.bincount(topic, minlength=topics)
        present = np.flatnonzero(count)
        starts = np.concatenate(([0], np.cumsum(count)[:-1]))[present]
        ordered = value[indices]
        total = np.add.reduceat(ordered, starts)
        low = np.minimum.reduceat(ordered, starts)
        high = np.maximum.reduceat(ordered, starts)
        return indices, count, present, total, low, high

    return route, lambda r: (r[1], _dense(topics, r[2], 0, r[3])[1])


def pandas(batch: Batch, topics: int) -> tuple[Route, Callable[[Any], Summary]]:
    """Group by a column; the groups' positions as pandas keeps them."""
    import pandas as pd

    frame = pd.DataFrame({"topic": batch["topic"], "value": batch["value"]})

    def route() -> Any:
        groups = frame.groupby("topic", sort=True)
        return groups.indices, groups["value"].agg(["count", "sum", "min", "max"])

    return route, lambda r: _dense(topics, r[1].index, r[1]["count"], r[1]["sum"])


def polars(batch: Batch, topics: int) -> tuple[Route, Callable[[Any], Summary]]:
    """Group by a column on polars' own threads; positions as a list column."""
    import polars as pl

    frame = pl.DataFrame(
        {
            "topic": np.ascontiguousarray(batch["topic"]),
            "value": np.ascontiguousarray(batch["value"]),
        }
    ).with_row_index("index")
    value = pl.col("value")

    def route() -> Any:
        return frame.group_by("topic").agg(
            pl.col("index"),
            pl.len().alias("count"),
            value.sum().alias("sum"),
            value.min().alias("min"),
            value.max().alias("max"),
        )

    return route, lambda r: _dense(topics, r["topic"], r["count"], r["sum"])


def polars_lazy(batch: Batch, topics: int) -> tuple[Route, Callable[[Any], Summary]]:
    """Plan the same query, optimized when it is collected."""
    import polars as pl

    frame = pl.LazyFrame(
        {
            "topic": np.ascontiguousarray(batch["topic"]),
            "value": np.ascontiguousarray(batch["value"]),
        }
    ).with_row_index("index")
    value = pl.col("value")
    plan = frame.group_by("topic").agg(
        pl.col("index"),
        pl.len().alias("count"),
        value.sum().alias("sum"),
        value.min().alias("min"),
        value.max().alias("max"),
    )
    return plan.collect, lambda r: _dense(topics, r["topic"], r["count"], r["sum"])


def duckdb(batch: Batch, topics: int) -> tuple[Route, Callable[[Any], Summary]]:
    """Group an Arrow table by SQL, prepared once; positions as a list column."""
    import duckdb as library
    import pyarrow as pa

    connection = library.connect()
    connection.register(
        "batch",
        pa.table(
            {
                "topic": np.ascontiguousarray(batch["topic"]),
                "value": np.ascontiguousarray(batch["value"]),
                "place": np.arange(len(batch), dtype=np.uint32),
            }
        ),
    )
    connection.execute(
        "PREPARE routed AS SELECT topic, list(place) AS places, count(*) AS n, sum(value) AS total,"
        " min(value) AS low, max(value) AS high FROM batch GROUP BY topic"
    )

    def route() -> Any:
        return connection.execute("EXECUTE routed").to_arrow_table()

    return route, lambda r: _dense(topics, r["topic"], r["n"].to_numpy(), r["total"].to_numpy())


def pyarrow(batch: Batch, topics: int) -> tuple[Route, Callable[[Any], Summary]]:
    """Group an Arrow table; positions as a list column."""
    import pyarrow as pa

    table = pa.table(
        {
            "topic": np.ascontiguousarray(batch["topic"]),
            "value": np.ascontiguousarray(batch["value"]),
            "index": np.arange(len(batch), dtype=np.uint32),
        }
    )
    wanted = [("value", f) for f in ("count", "sum", "min", "max")] + [("index", "list")]

    def route() -> Any:
        # Lists keep their order only on one thread.
        return table.group_by("topic", use_threads=False).aggregate(wanted)

    return route, lambda r: _dense(
        topics, r["topic"], r["value_count"].to_numpy(), r["value_sum"].to_numpy()
    )


def numba(batch: Batch, topics: int) -> tuple[Route, Callable[[Any], Summary]]:
    """Compile the same two-pass counting sort over the same records, results kept."""
    from aethermodel.measure.peers.numba_route import route_records

    indices = np.empty(len(batch), np.uint32)
    offsets, count = np.zeros(topics + 1, np.int64), np.zeros(topics, np.int64)
    total, low, high = np.zeros(topics), np.zeros(topics), np.zeros(topics)
    topic, value = batch["topic"], batch["value"]  # strided views of the records

    def route() -> Any:
        route_records(topic, value, indices, offsets, count, total, low, high)
        return count, total

    return route, lambda r: (r[0], r[1])


ROUTING: dict[str, Peer] = {
    peer.__name__.removeprefix("plain_"): peer
    for peer in (
        numba,
        numpy,
        numpy_radix,
        pandas,
        polars,
        polars_lazy,
        pyarrow,
        duckdb,
        plain_python,
    )
}
