"""Columns and Arrow batches route as records do, or are refused in one line."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from cython_core import Routed, route, route_columns

RNG = np.random.default_rng(3)
TOPIC: Any = RNG.integers(0, 9, 5000).astype(np.uint32)
VALUE: Any = RNG.normal(size=5000)


def record_batch(topic: Any = TOPIC, value: Any = VALUE) -> Any:
    return pa.record_batch({"other": pa.array(["x"] * len(topic)), "topic": topic, "value": value})


def assert_same(routed: Any, topic: Any, value: Any) -> None:
    assert np.array_equal(routed.indices, np.argsort(topic, kind="stable"))
    np.testing.assert_allclose(routed.total, np.bincount(topic, value, minlength=9), 1e-9, 1e-12)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_record_batch(threads: Any) -> None:
    assert_same(route(record_batch(), 9, threads=threads), TOPIC, VALUE)


@pytest.mark.parametrize(("start", "n"), [(0, 5000), (1, 1), (3, 4000), (4999, 1), (5000, 0)])
def test_a_sliced_batch(start: Any, n: Any) -> None:
    part = slice(start, start + n)
    assert_same(route(record_batch().slice(start, n), 9), TOPIC[part], VALUE[part])
    struct = pa.StructArray.from_arrays(
        [pa.array(TOPIC[:-1]).slice(0), pa.array(VALUE)[1:]], names=["topic", "value"]
    )
    n = min(n, len(struct) - start)
    if n > 0:
        shifted = struct.slice(start, n)
        assert_same(route(shifted, 9), TOPIC[start : start + n], VALUE[1:][start : start + n])


def test_an_empty_batch() -> None:
    assert route(record_batch(TOPIC[:0], VALUE[:0]), 9).count.tolist() == [0] * 9


def test_a_batch_out_of_range() -> None:
    topic = TOPIC.copy()
    topic[1234] = 9
    with pytest.raises(ValueError, match="event 1234 has topic 9, topics are 0 to 8"):
        route(record_batch(topic), 9)


def test_nulls_are_refused_where_they_are_and_only_there() -> None:
    value = pa.array([1.0, None, 3.0, 4.0])
    nulls = pa.record_batch({"topic": pa.array([0, 1, 2, 3], pa.uint32()), "value": value})
    with pytest.raises(ValueError, match="column 'value' has nulls"):
        route(nulls, 9)
    assert route(nulls.slice(2, 2), 9).total.tolist()[2:4] == [3.0, 4.0]
    rows = pa.StructArray.from_arrays(
        [pa.array([0, 1], pa.uint32()), pa.array([1.0, 2.0])],
        names=["topic", "value"],
        mask=pa.array([False, True]),
    )
    with pytest.raises(ValueError, match="null rows"):
        route(rows, 9)


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (pa.record_batch({"topic": TOPIC}), "no column 'value'"),
        (pa.record_batch({"value": VALUE}), "no column 'topic'"),
        (record_batch(TOPIC.astype("i4")), "column 'topic' must be uint32, not Arrow format 'i'"),
        (record_batch(TOPIC.astype("u8")), "column 'topic' must be uint32, not Arrow format 'L'"),
        (record_batch(TOPIC, VALUE.astype("f4")), "'value' must be float64, not Arrow format 'f'"),
        (pa.array(TOPIC), "must be a record batch or a struct array, not Arrow format 'I'"),
        (
            pa.RecordBatch.from_arrays([TOPIC, TOPIC, VALUE], names=["topic", "topic", "value"]),
            "two columns 'topic'",
        ),
    ],
)
def test_other_batches_are_refused(batch: Any, message: Any) -> None:
    with pytest.raises(ValueError, match=message):
        route(batch, 9)


def test_any_buffer_is_a_column() -> None:
    routed = route_columns(memoryview(TOPIC), memoryview(VALUE), 9)
    assert_same(routed, TOPIC, VALUE)
    out = Routed(5000, 9)
    assert route_columns(TOPIC, VALUE, 9, out=out) is out
    readonly = VALUE.copy()
    readonly.flags.writeable = False
    assert_same(route_columns(TOPIC, readonly, 9), TOPIC, VALUE)


@pytest.mark.parametrize(
    ("topic", "value", "message"),
    [
        ([1], VALUE, "topic must be a contiguous buffer"),
        (TOPIC, [1.0], "value must be a contiguous buffer"),
        (TOPIC.astype("i4"), VALUE, "topic must have one dimension of uint32"),
        (TOPIC, VALUE.astype("f4"), "value must have one dimension of float64"),
        (TOPIC, VALUE.astype("i8"), "value must have one dimension of float64"),
        (TOPIC.astype(">u4"), VALUE, "topic must have one dimension of uint32"),
        (TOPIC[::2], VALUE[:2500], "topic must be a contiguous buffer"),
        (TOPIC.reshape(2, -1), VALUE, "topic must have one dimension of uint32, not 2"),
        (TOPIC[1:], VALUE, "topic has 4999 entries, value has 5000"),
        (np.zeros(41, "u1")[1:].view("u4"), VALUE, "topic must be aligned to 4 bytes"),
    ],
)
def test_other_columns_are_refused(topic: Any, value: Any, message: Any) -> None:
    with pytest.raises(ValueError, match=message):
        route_columns(topic, value, 9)
