"""Batches that probes and pipelines share, so that both lie in the same place."""

from __future__ import annotations

import numpy as np
import pytest

from aethermodel.measure.harness.batch_pool import ARENA_BYTES, make_batch, same_pool
from cython_core import EVENT_BYTES

ARENA = ARENA_BYTES // EVENT_BYTES


def test_every_size_lies_in_the_same_place() -> None:
    large, small = same_pool(5_000, 7, 3), same_pool(10, 7, 4)
    assert all(np.shares_memory(batch, large[0]) for batch in small)
    assert not any(np.shares_memory(large[i], large[i + 1]) for i in range(2))
    assert [len(batch) for batch in small] == [10] * 4
    for batch in (*large, *small):
        assert batch.ctypes.data % 64 == 0
        with pytest.raises(ValueError, match="read-only"):
            batch["topic"] = 0


def test_what_is_in_it_does_not_depend_on_what_was_asked_first() -> None:
    # 5 and 6 topics: places of their own, filled in another order.
    whole = same_pool(9_000, 5, 1)[0].copy()
    same_pool(3, 6, 1)
    expected = np.concatenate([make_batch(4096, 6, seed) for seed in range(3)])[:9_000]
    assert (same_pool(9_000, 6, 1)[0] == expected).all()
    assert (same_pool(9_000, 5, 1)[0] == whole).all()
    assert set(np.unique(expected["topic"])) == set(range(6))


def test_topics_have_places_of_their_own() -> None:
    assert not np.shares_memory(same_pool(10, 2, 1)[0], same_pool(10, 3, 1)[0])


def test_more_than_the_place_holds_is_made_apart() -> None:
    large = same_pool(ARENA // 2 + 1, 3, 2)
    assert [len(batch) for batch in large] == [ARENA // 2 + 1] * 2
    assert large[0].flags.writeable
