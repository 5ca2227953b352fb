"""Numbering and its check, against numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_core import (
    Routed,
    allocate,
    ends,
    first_disorder,
    first_gap,
    number,
    record_type,
    route,
    simd_variants,
)

FIRST = st.integers(0, 2**64 - 1)


@given(st.integers(0, 700), FIRST, st.integers(0, 2**64 - 1))
def test_what_is_numbered_has_no_gap(n, first, timestamp):
    batch = allocate(n)
    batch["value"] = 7
    number(batch, first, timestamp)
    wanted = np.arange(n, dtype=np.uint64) + np.uint64(first)  # wraps, as the kernel does
    assert (batch["sequence"] == wanted).all()
    assert (batch["timestamp_ns"] == timestamp).all()
    assert (batch["value"] == 7).all()
    assert first_gap(batch, first) == -1
    if n:
        assert ends(batch) == (wanted[0], wanted[-1])


@given(st.integers(1, 700), FIRST, st.data())
def test_the_first_wrong_event_is_found(n, first, data):
    batch = allocate(n)
    number(batch, first, 0)
    wrong = data.draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=3))
    for at in wrong:
        batch["sequence"][at] ^= np.uint64(1 << data.draw(st.integers(0, 63)))
    assert first_gap(batch, first) == min(wrong)


@given(
    st.sampled_from(simd_variants()),
    # The direct way; buckets, of one block and of two; counts, where a topic is too frequent.
    st.sampled_from([(0, 3), (1, 1), (29, 1), (700, 4), (17_001, 2), (40_001, 16), (9_000, 2000)]),
    st.booleans(),
    st.integers(1, 2),
    FIRST,
    st.data(),
)
@settings(max_examples=200)
def test_the_router_finds_the_same_gap_as_a_pass_of_its_own(
    variant, size, frequent, threads, first, data
):
    n, k = size
    batch = allocate(n)
    number(batch, first, 0)
    batch["topic"] = 0 if frequent else np.arange(n) * 7919 % k
    batch["value"] = np.arange(n) % 8
    out, call = Routed(n, k), {"variant": variant, "threads": threads}
    assert route(batch, k, out=out, sequence=first, **call).gap == -1
    wrong = data.draw(st.sets(st.integers(0, n - 1), max_size=2)) if n else set()
    for at in wrong:
        batch["sequence"][at] ^= np.uint64(1 << data.draw(st.integers(0, 63)))
    route(batch, k, out=out, sequence=first, **call)
    assert out.gap == first_gap(batch, first) == min(wrong, default=-1)
    # What is routed is the same, and without the question there is no answer.
    apart = route(batch, k, **call)
    assert apart.gap == -1
    assert apart.indices.tolist() == out.indices.tolist()
    assert apart.total.tolist() == out.total.tolist()


def test_columns_have_no_sequence():
    pyarrow = pytest.importorskip("pyarrow")
    columns = pyarrow.record_batch({"topic": np.zeros(3, np.uint32), "value": np.zeros(3)})
    assert route(columns, 1).gap == -1
    with pytest.raises(ValueError, match="no sequence to compare"):
        route(columns, 1, sequence=0)
    with pytest.raises(OverflowError):
        route(allocate(1), 1, sequence=-1)
    with pytest.raises(TypeError):
        route(allocate(1), 1, sequence="0")


@given(st.lists(st.integers(0, 40), min_size=1, max_size=30), st.data())
def test_the_first_event_out_of_order_is_found(sequences, data):
    batch = allocate(len(sequences))
    batch["sequence"] = sequences
    after = data.draw(st.integers(-1, 10))
    places = st.integers(0, len(sequences) - 1)
    indices = np.array(data.draw(st.lists(places, max_size=30)), dtype=np.uint32)
    chain = [after, *(sequences[i] for i in indices)]
    wrong = [i for i in range(len(indices)) if chain[i + 1] <= chain[i]]
    assert first_disorder(batch, indices, after) == (wrong[0] if wrong else -1)


def test_bad_indices():
    with pytest.raises(ValueError, match="index 3 is beyond a batch of 3"):
        first_disorder(allocate(3), np.array([3], dtype=np.uint32), -1)
    for bad in (np.array([0]), np.zeros((1, 1), np.uint32), None):
        with pytest.raises((ValueError, TypeError)):
            first_disorder(allocate(3), bad, -1)


def test_bad_input():
    batch = allocate(3)
    for call in (ends, lambda b: first_gap(b, 0), lambda b: number(b, 0, 0)):
        for bad in (None, batch[::2], batch["sequence"], np.zeros(3)):
            with pytest.raises(ValueError, match="events"):
                call(bad)
    batch.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        number(batch, 0, 0)
    with pytest.raises(OverflowError):
        first_gap(batch, -1)
    with pytest.raises(ValueError, match="without events"):
        ends(allocate(0))


def _numbered(size):
    """Type of records with a number; the standard ones of 8 and 16 bytes have room for none."""
    small = [("topic", "<u4"), ("sequence", "<u4")] + [("value", "<f8")] * (size == 16)
    return record_type(np.dtype(small) if size < 24 else size)


@given(
    st.sampled_from([8, 16, 24, 32, 64, 72, 4096]),
    st.integers(1, 40),
    st.integers(0, 2**64 - 100) | st.integers(2**32 - 20, 2**32 + 20),
    st.data(),
)
def test_records_of_any_size_are_numbered_and_the_first_wrong_one_is_found(size, n, first, data):
    """As numpy has it: a narrow number counts on from its lowest bytes."""
    record = _numbered(size)
    batch = allocate(n, record)
    number(batch, first, 77, record)
    field = batch["sequence"]
    wanted = (np.arange(n, dtype=np.uint64) + np.uint64(first)).astype(field.dtype)
    assert (field == wanted).all()
    assert "timestamp_ns" not in batch.dtype.fields or (batch["timestamp_ns"] == 77).all()
    assert not batch["topic"].any()
    assert first_gap(batch, first, record) == -1
    if wrong := data.draw(st.sets(st.integers(0, n - 1), max_size=2)):
        for at in wrong:
            field[at] ^= field.dtype.type(1 << data.draw(st.integers(0, 8 * field.itemsize - 1)))
        assert first_gap(batch, first, record) == min(wrong)


def test_records_without_a_number_are_refused():
    batch = allocate(3, 16)
    for call in (lambda: number(batch, 0, 0, 16), lambda: first_gap(batch, 0, 16)):
        with pytest.raises(ValueError, match="has no number: a field `sequence`"):
            call()
    with pytest.raises(ValueError, match="another type of 16 bytes"):
        first_gap(batch, 0, _numbered(16))
