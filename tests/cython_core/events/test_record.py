"""The 64-byte event: one layout in numpy and in C, and a border that lets nothing else in."""

import numpy as np
import pytest

from cython_core import EVENT_DTYPE, MAX_EVENTS, allocate, route
from cython_core.events.record import c_layout

LAYOUT = {
    "sequence": 0,
    "timestamp_ns": 8,
    "topic": 16,
    "source": 20,
    "value": 24,
    "payload": 32,
    "flags": 56,
    "checksum": 60,
}


def test_layout_is_the_documented_one_in_numpy_and_in_c():
    assert {name: EVENT_DTYPE.fields[name][1] for name in EVENT_DTYPE.names} == LAYOUT
    assert c_layout() == LAYOUT | {"itemsize": 64}


@pytest.mark.parametrize("n", [0, 1, 7, 10_000])
def test_allocate_is_zeroed_and_aligned(n):
    batch = allocate(n)
    assert batch.shape == (n,)
    assert batch.dtype == EVENT_DTYPE
    assert n == 0 or batch.ctypes.data % 64 == 0  # numpy gives empty arrays no address
    assert not batch.view(np.uint8).any()


@pytest.mark.parametrize("n", [-1, MAX_EVENTS + 1])
def test_allocate_refuses_impossible_sizes(n):
    with pytest.raises(ValueError, match="a batch holds"):
        allocate(n)


def strided():
    return allocate(8)[::2]


def misaligned():
    return np.zeros(64 * 4 + 1, np.uint8)[1:].view(EVENT_DTYPE)


def other_dtype():
    return np.zeros(4, np.float64)


def big_endian():
    return np.zeros(4, EVENT_DTYPE.newbyteorder(">"))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (strided, "contiguous"),
        (misaligned, "aligned"),
        (other_dtype, "dtype"),
        (big_endian, "dtype"),
        (lambda: allocate(4).reshape(2, 2), "one dimension"),
        (lambda: allocate(4).tolist(), "numpy array"),
        (lambda: None, "numpy array"),
        (lambda: b"x" * 64, "numpy array"),
    ],
)
def test_the_border_refuses_what_is_no_batch(make, message):
    with pytest.raises(ValueError, match=message):
        route(make(), 4)


def test_more_events_than_an_index_can_count_are_refused(tmp_path):
    """A sparse file of 256 GiB: addresses without memory or disk behind them."""
    with (tmp_path / "sparse").open("wb") as sparse:
        sparse.truncate(2**32 * 64)
    huge = np.memmap(tmp_path / "sparse", EVENT_DTYPE, mode="r").view(np.ndarray)
    with pytest.raises(ValueError, match="at most 4294967295 events, not 4294967296"):
        route(huge, 4, out=None)


def test_a_batch_of_ordinary_numpy_memory_is_welcome():
    batch = np.zeros(5, EVENT_DTYPE)
    assert route(batch, 3).count.tolist() == [5, 0, 0]
