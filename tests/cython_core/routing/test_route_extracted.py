"""Batches of records beyond the second-level cache, of which topics and values are copied out."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_core import RecordType, Routed, allocate, record_type, route, simd_variants
from cython_core.routing.router import extraction_size

BLOCK = 2048  # records copied out at a time
WIDEST = simd_variants()[-1]
SHAPES = ("uniform", "sorted", "single", "crowded", "alternating")


def smallest(topics: int, size: int) -> int:
    """Return the size of the smallest batch that goes this way, or that would."""
    return extraction_size(topics, size, WIDEST) or 2**21 // size + 1


@st.composite
def kinds(draw: Any, valued: bool) -> RecordType:
    """Records of 128 to 256 bytes, the topic of any width and both fields anywhere."""
    width = draw(st.sampled_from([1, 2, 4]))
    step = 8 if valued else width
    size = draw(st.integers(128 // step, 256 // step)) * step
    topic = draw(st.integers(0, size // width - 1)) * width
    fields: dict[str, tuple[str, int]] = {"topic": (f"<u{width}", topic)}
    if valued:
        free = [at for at in range(0, size, 8) if not at <= topic < at + 8]
        fields["value"] = ("<f8", draw(st.sampled_from(free)))
    names, formats = list(fields), [form for form, _ in fields.values()]
    offsets = [at for _, at in fields.values()]
    dtype: Any = {"names": names, "formats": formats, "offsets": offsets, "itemsize": size}
    return RecordType(np.dtype(dtype))


def topics_of(shape: str, n: int, k: int, rng: np.random.Generator) -> Any:
    uniform = rng.integers(0, k, n)
    return {
        "uniform": uniform,
        "sorted": np.sort(uniform),
        "single": np.full(n, k - 1),
        # More than 16, 32 and 48 of 64 in a row.
        "crowded": np.where(rng.random(n) < rng.random(), k // 2, uniform),
        "alternating": np.arange(n) % min(k, 2),
    }[shape]


def batch_of(kind: RecordType, topics: Any, rng: np.random.Generator, odd: bool) -> Any:
    batch = allocate(len(topics), kind)
    batch.view(np.uint8)[:] = rng.integers(0, 256, batch.nbytes, dtype=np.uint8)
    batch[kind.topic] = topics
    if kind.value:
        values = rng.integers(-1000, 1000, len(topics)).astype(float)
        if odd:
            values[rng.integers(0, len(topics), 50)] = rng.choice([np.nan, np.inf, -np.inf], 50)
        batch[kind.value] = values
    return batch


def check(batch: Any, kind: RecordType, topics: int, routed: Routed) -> None:
    """Compare with a stable sort, and with sums of each topic's own records."""
    topic = batch[kind.topic].astype(np.int64)
    count = np.bincount(topic, minlength=topics)
    assert np.array_equal(routed.indices, np.argsort(topic, kind="stable"))
    assert np.array_equal(routed.count, count)
    assert np.array_equal(routed.offsets, np.concatenate(([0], np.cumsum(count))))
    total, low, high = np.zeros(topics), np.full(topics, np.inf), np.full(topics, -np.inf)
    if kind.value:
        with np.errstate(invalid="ignore"):
            np.add.at(total, topic, batch[kind.value])
        np.fmin.at(low, topic, batch[kind.value])
        np.fmax.at(high, topic, batch[kind.value])
    for found, wanted in ((routed.total, total), (routed.minimum, low), (routed.maximum, high)):
        assert np.array_equal(found, wanted, equal_nan=True)


@pytest.mark.parametrize("valued", [True, False])
@settings(deadline=None, max_examples=60)
@given(
    data=st.data(),
    more=st.sampled_from([-1, 0, 1, BLOCK - 1, BLOCK]) | st.integers(0, 2 * BLOCK),
    topics=st.sampled_from([*range(1, 18), 255]),
    shape=st.sampled_from(SHAPES),
    odd=st.booleans(),
    threads=st.sampled_from([1, 2, 3]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_records_are_routed_as_numpy_sorts_them(
    valued: bool,
    data: st.DataObject,
    more: int,
    topics: int,
    shape: str,
    odd: bool,
    threads: int,
    seed: int,
) -> None:
    kind, rng = data.draw(kinds(valued)), np.random.default_rng(seed)
    n = smallest(topics, kind.itemsize) + more
    batch = batch_of(kind, topics_of(shape, n, topics, rng), rng, odd)
    check(batch, kind, topics, route(batch, topics, threads=threads, variant=WIDEST, record=kind))


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("wrong", [16, 255, 256, 256 + 3, 2**16, 2**31, 2**32 - 1])
def test_the_first_topic_out_of_range_is_named(threads: int, wrong: int) -> None:
    """Also one that would be a topic if only its lowest byte were looked at."""
    kind = record_type(256)
    n = smallest(16, 256) + 100
    good = topics_of("uniform", n, 16, np.random.default_rng(wrong))
    batch, out = allocate(n, kind), Routed(n, 16)
    for first in (0, BLOCK - 1, BLOCK, n // 2, n - 1):
        batch["topic"] = good
        batch["topic"][first] = wrong
        batch["topic"][first + 1 :: 97] = 2**32 - 1
        with pytest.raises(ValueError, match=rf"^event {first} has topic {wrong}, topics are 0 to"):
            route(batch, 16, out=out, threads=threads, variant=WIDEST)
        assert len(out) == 0
    batch["topic"] = good
    check(batch, kind, 16, route(batch, 16, out=out, threads=threads, variant=WIDEST))


def test_only_some_records_go_this_way() -> None:
    for topics, size in ((17, 256), (16, 120), (16, 264), (16, 64)):
        assert extraction_size(topics, size, WIDEST) is None
    for variant in simd_variants():
        if variant != "v4":
            assert extraction_size(16, 256, variant) is None
    small, large = (extraction_size(16, size, WIDEST) for size in (256, 128))
    assert (small is None) == (large is None)
    if small and large:
        assert 2 * small - 2 <= large <= 2 * small
    for arguments in ((0, 64), (65_537, 64), (1, 0)):
        with pytest.raises(ValueError, match=r"topics must be|a record has bytes"):
            extraction_size(*arguments)


def test_topics_written_anew_meanwhile_lead_to_no_index_that_is_none() -> None:
    kind = record_type(128)
    n = smallest(16, 128) + 77
    batch, out, done = allocate(n, kind), Routed(n, 16), threading.Event()

    def rewrite() -> None:
        rng = np.random.default_rng(3)
        drawn = rng.integers(0, 16, (8, n)).astype(np.uint32)
        drawn[7, n // 3] = 16
        while not done.is_set():
            batch["topic"][:] = drawn[rng.integers(0, 8)]

    writer = threading.Thread(target=rewrite)
    writer.start()
    try:
        for _ in range(200):
            try:
                route(batch, 16, out=out, variant=WIDEST)
            except ValueError as error:
                assert "has topic" in str(error) or "were changed" in str(error)
                continue
            assert np.array_equal(np.sort(out.indices), np.arange(n))
            assert np.array_equal(np.diff(out.offsets), out.count)
    finally:
        done.set()
        writer.join()
