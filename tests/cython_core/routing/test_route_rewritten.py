"""A peer that writes topics anew while they are routed: never an index that is none."""

import ctypes
import mmap
import os
import random
import signal
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from cython_core import EVENT_BYTES, EVENT_DTYPE, Routed, route, simd_variants
from cython_core.routing.router import switch_size

MOST = 120_000
TOPICS = (1, 3, 16, 64, 900, 2000, 65_536)


@pytest.fixture(scope="module")
def rewritten() -> Iterator[Any]:
    """Events that another process never leaves alone."""
    memory = mmap.mmap(-1, MOST * EVENT_BYTES)
    events: Any = np.frombuffer(memory, EVENT_DTYPE)
    events["value"] = 1.0
    topics = mmap.mmap(-1, 8)
    child = os.fork()
    if child == 0:
        try:
            rewrite(events, np.frombuffer(topics, np.uint64))
        finally:
            os._exit(0)
    yield events, np.frombuffer(topics, np.uint64)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def rewrite(events: Any, wanted: Any) -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # not to outlive the tests
    rng = np.random.default_rng(0)
    while True:
        topics = int(wanted[0]) or 1
        # Some out of range, at times; one topic for nearly all, at times, so that buckets run over.
        beyond = topics + (rng.random() < 0.02)
        few = max(1, topics // 50) if rng.random() < 0.3 else beyond
        drawn = rng.integers(0, few, 4096).astype(np.uint32)
        for _ in range(20):
            start = int(rng.integers(0, MOST))
            part = events["topic"][start : start + 4096]
            part[:] = drawn[: len(part)]


@pytest.mark.parametrize("variant", simd_variants())
@pytest.mark.parametrize("threads", [1, 2])
def test_indices_are_of_events_and_each_once(rewritten: Any, variant: str, threads: int) -> None:
    events, wanted = rewritten
    draw = random.Random(threads)
    good = refused = 0
    for turn in range(150):
        topics = TOPICS[turn % len(TOPICS)]
        wanted[0] = topics
        small = switch_size(topics)
        most = min(MOST, draw.choice([small - 1, small, 5 * small, MOST]))
        n = draw.randint(1, most)
        out = Routed(n, topics)
        out.indices.base[:] = 0xFF  # what is not written shows
        for _ in range(4):
            try:
                route(events[:n], topics, out=out, threads=threads, variant=variant)
            except ValueError as error:
                assert "has topic" in str(error) or "were changed" in str(error)
                assert len(out) == 0
                refused += 1
                continue
            good += 1
            assert np.array_equal(np.sort(out.indices), np.arange(n))
            assert out.offsets[0] == 0 and out.offsets[-1] == n
            assert np.array_equal(np.diff(out.offsets), out.count)
    assert good + refused == 600
