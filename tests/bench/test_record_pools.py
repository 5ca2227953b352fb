"""Pools of `bench kernel --record-bytes`: batches that are hot, from the L3, and from memory."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aethermodel.bench.records import HOT, LAST_CACHE, MEMORY, pools

MIB = 2**20
CACHES = {"L1": MIB // 32, "L2": MIB, "L3": 32 * MIB}


@pytest.mark.parametrize(
    ("batch", "wanted"),
    [
        (10_000 * 256, {HOT: 1, LAST_CACHE: 4, MEMORY: 27}),
        (1000 * 256, {HOT: 1, LAST_CACHE: 33, MEMORY: 263}),
        (8 * MIB, {HOT: 1, LAST_CACHE: 2, MEMORY: 8}),
        (9 * MIB, {HOT: 1, MEMORY: 8}),  # two of them are more than half of the last cache
        (100, {HOT: 1, MEMORY: 1024}),  # a thousand of them stay in the second level
    ],
)
def test_pools_of_a_host_with_three_levels(batch: int, wanted: dict[str, int]) -> None:
    assert pools(batch, CACHES) == wanted


@given(
    st.integers(1, 2**28),
    st.dictionaries(st.sampled_from(["L1", "L2", "L3"]), st.integers(2**10, 2**30)),
)
def test_the_last_cache_holds_its_pool_and_the_second_does_not(
    batch: int, caches: dict[str, int]
) -> None:
    found = pools(batch, caches)
    assert found[HOT] == 1 and 2 <= found[MEMORY] <= 1024
    if LAST_CACHE in found:
        assert 2 * caches.get("L2", 0) < found[LAST_CACHE] * batch <= caches["L3"] / 2
