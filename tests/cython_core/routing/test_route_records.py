"""Records of any size, routed: what plain numpy finds."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from record_dtypes import batch_of, record_types

from cython_core import (
    EVENT,
    EVENT_DTYPE,
    RecordType,
    Routed,
    allocate,
    record_type,
    route,
    simd_variants,
    standard_dtype,
)
from cython_core.routing.router import switch_size


def check(batch: Any, kind: RecordType, topics: int, routed: Routed) -> None:
    """Compare with a stable sort, and with sums of each topic's own records."""
    topic = batch[kind.topic].astype(np.int64)
    assert np.array_equal(routed.indices, np.argsort(topic, kind="stable"))
    assert np.array_equal(routed.count, np.bincount(topic, minlength=topics))
    assert np.array_equal(routed.offsets, np.concatenate(([0], np.cumsum(routed.count))))
    total, low, high = np.zeros(topics), np.full(topics, np.inf), np.full(topics, -np.inf)
    if kind.value:
        np.add.at(total, topic, batch[kind.value])
        np.minimum.at(low, topic, batch[kind.value])
        np.maximum.at(high, topic, batch[kind.value])
    for found, wanted in ((routed.total, total), (routed.minimum, low), (routed.maximum, high)):
        assert np.array_equal(found, wanted)


@settings(deadline=None, max_examples=60)
@given(
    record_types(),
    st.integers(0, 3000),
    st.sampled_from([1, 3, 16, 64, 1000, 2000]),
    st.integers(0, 2**32),
    st.sampled_from(simd_variants()),
)
def test_any_record_is_routed_as_numpy_sorts_it(kind, n, topics, seed, variant):
    batch = batch_of(kind, n, topics, seed)
    check(batch, kind, topics, route(batch, topics, variant=variant, record=kind))


@pytest.mark.parametrize("size", [8, 16, 128, 256, 1024, 4096])
@pytest.mark.parametrize("threads", [1, 2])
def test_both_ways_and_a_crowded_topic(size: int, threads: int) -> None:
    kind = record_type(size)
    for topics in (4, 1500):
        switch = switch_size(topics, size)
        for n in (1, switch - 1, switch, 20_000 if size < 200 else 5000):
            batch = batch_of(kind, n, topics, seed=n)
            if n % 2:
                batch["topic"][: len(batch) - len(batch) // 9] = 1  # more than its bucket holds
            check(batch, kind, topics, route(batch, topics, threads=threads))


@pytest.mark.parametrize("n", [1023, 1024, 1025])
@pytest.mark.parametrize("topics", [1, 128, 129])
def test_far_apart_records_of_small_batches_are_routed_in_one_pass(n: int, topics: int) -> None:
    kind = record_type(2048)
    batch = batch_of(kind, n, topics, seed=n)
    for variant in simd_variants():
        check(batch, kind, topics, route(batch, topics, variant=variant))
    batch["topic"] = topics - 1  # all of them in one row
    check(batch, kind, topics, route(batch, topics))


def test_a_topic_out_of_range_is_named() -> None:
    kind = RecordType(np.dtype([("topic", "<u2"), ("x", "V254")]))
    for n in (10, 1000):
        batch = allocate(n, kind)
        batch["topic"][7] = 5
        with pytest.raises(ValueError, match="event 7 has topic 5, topics are 0 to 3"):
            route(batch, 4, record=kind)


def test_the_standard_record_of_64_bytes_is_the_event() -> None:
    assert standard_dtype(64) is EVENT_DTYPE and record_type(64) is EVENT
    for size in range(8, 1024, 8):
        kind = record_type(size)
        assert kind.itemsize == size and kind.checksum == "checksum"
        assert kind.checksum_offset == size - 4


def dtype_of(*fields: Any, **options: Any) -> np.dtype[Any]:
    return np.dtype(list(fields), **options)


@pytest.mark.parametrize(
    ("dtype", "words"),
    [
        ("<f8", "structured dtype with a topic"),
        ("nonsense", "no dtype"),
        (dtype_of(("a", "<u8")), "no field 'topic' for the topic; it has a"),
        (dtype_of(("topic", "<u4"), ("who", "O")), "no Python objects"),
        (dtype_of(("topic", "<u4")), "8 to 65536 bytes, not 4"),
        (dtype_of(("topic", "<u4"), ("x", "V0"), ("y", "V65536")), "not 65540"),
        (dtype_of(("topic", "V0")), "not 0"),
        (dtype_of(("topic", ">u4"), ("x", "<u4")), "other byte order"),
        (dtype_of(("topic", "<i4"), ("x", "<u4")), "unsigned integer of 1 or 2 or 4 bytes"),
        (dtype_of(("topic", "<u8")), "unsigned integer of 1 or 2 or 4 bytes"),
        (dtype_of(("topic", "<u4", 2)), "unsigned integer"),
        (dtype_of(("x", "u1"), ("topic", "<u4"), ("y", "u1", 7)), "topic at byte 1 is not aligned"),
        (dtype_of(("topic", "<u4"), ("y", "u1", 6)), "records of 10 bytes leave the topic"),
    ],
)
def test_a_dtype_that_is_no_record_is_refused_in_a_line(dtype: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        RecordType(dtype)
    assert "\n" not in str(caught.value)


def test_batches_that_do_not_fit_are_refused() -> None:
    kind = record_type(256)
    batch = allocate(10, kind)
    with pytest.raises(ValueError, match="contiguous"):
        route(batch[::2], 4)
    with pytest.raises(ValueError, match="must be of <RecordType of 256"):
        route(allocate(10), 4, record=kind)
    with pytest.raises(ValueError, match="one dimension"):
        route(batch.reshape(2, 5), 4)
    raw = np.zeros(256 * 3 + 8, np.uint8)[1 : 256 * 3 + 1].view(kind.dtype)
    with pytest.raises(ValueError, match="aligned to 8"):
        route(raw, 4)
    with pytest.raises(ValueError, match="sequences are compared of the 64-byte event"):
        route(batch, 4, sequence=0)
    with pytest.raises(ValueError, match="multiple of 8, not 20"):
        allocate(10, 20)
