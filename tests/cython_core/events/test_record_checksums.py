"""Checksums of records of any size, and of frames of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from record_dtypes import batch_of, record_types

from cython_core import (
    allocate,
    as_bytes,
    checksum_variants,
    crc32c,
    frame_checksum,
    record_type,
    stamp,
    verify,
)


@settings(deadline=None, max_examples=40)
@given(
    record_types(checksum=True),
    st.integers(1, 90),
    st.integers(0, 2**32),
    st.sampled_from(checksum_variants()),
    st.data(),
)
def test_a_checksum_covers_every_other_byte(kind, n, seed, variant, data):
    assume(kind.checksum)
    batch = batch_of(kind, n, 16, seed)
    stamp(batch, variant=variant, record=kind)
    rows = batch.view(np.uint8).reshape(len(batch), kind.itemsize)
    at = kind.checksum_offset
    for row, own in zip(rows, batch[kind.checksum], strict=True):
        assert own == crc32c(bytes(row[:at]) + bytes(row[at + 4 :]))
    assert not len(verify(batch, variant=variant, record=kind))
    bad = sorted(data.draw(st.sets(st.integers(0, len(batch) - 1), max_size=80)))
    for place in bad:
        rows[place, data.draw(st.integers(0, kind.itemsize - 1))] ^= 1
    assert verify(batch, variant=variant, record=kind).tolist() == bad


def test_records_without_a_checksum_are_refused() -> None:
    batch = allocate(3, np.dtype([("topic", "<u4"), ("x", "<u4")]))
    with pytest.raises(ValueError, match="has no checksum"):
        stamp(batch)
    with pytest.raises(ValueError, match="has no checksum"):
        verify(batch)


@pytest.mark.parametrize("size", [8, 256, 4096])
def test_a_frame_tells_swapped_and_replaced_records(size: int) -> None:
    batch = batch_of(record_type(size), 50, 16, seed=1)
    stamp(batch)
    whole = frame_checksum(as_bytes(batch), size)
    swapped = batch.copy()
    swapped[[3, 4]] = batch[[4, 3]]
    replaced = batch.copy()
    replaced[7] = batch[8]
    assert len({whole, *(frame_checksum(as_bytes(b), size) for b in (swapped, replaced))}) == 3
    with pytest.raises(ValueError, match=f"whole events of {size} bytes"):
        frame_checksum(as_bytes(batch)[1:], size)
