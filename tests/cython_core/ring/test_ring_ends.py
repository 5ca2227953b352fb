"""Bad ends of a ring: a peer that vanishes, a header that lies; and nothing leaks."""

import contextlib
import gc
import mmap
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_core import (
    PeerDied,
    Ring,
    RingClosed,
    RingCorrupt,
    RingHandle,
)

HEAD, TAIL = 128, 256


def push(producer: Ring, sequences: list[int] | range) -> None:
    producer.reserve(len(sequences))["sequence"] = sequences
    producer.commit()


def with_header(capacity: int, role: str = "producer") -> tuple[Ring, Ring, mmap.mmap]:
    """Producer, consumer, and the header as a hostile process could write it."""
    mine = Ring.create(capacity, role=role, policy="wait")  # type: ignore[arg-type]
    handle = mine.handle()
    memory, wake, wake_peer, link = handle.take()
    header = mmap.mmap(memory, mmap.PAGESIZE)
    theirs = RingHandle(handle.role, memory, wake, wake_peer, link).attach(policy="wait")
    ends = (mine, theirs) if role == "producer" else (theirs, mine)
    return ends[0], ends[1], header


def test_an_end_left_by_an_exception_counts_as_died() -> None:
    producer, consumer = Ring.pair(8)
    with pytest.raises(ZeroDivisionError), producer:
        push(producer, [1, 2, 3])
        producer.reserve(2)
        raise ZeroDivisionError
    assert producer.closed
    assert len(consumer.peek(2)) == 2
    consumer.release()
    assert len(consumer.peek()) == 1
    consumer.release()
    with pytest.raises(PeerDied) as died:
        consumer.peek()
    assert (died.value.committed, died.value.consumed) == (3, 3)
    assert not consumer.peer_alive
    consumer.close()


def test_a_dropped_consumer_is_noticed_by_a_waiting_producer() -> None:
    producer, consumer = Ring.pair(2)
    push(producer, [1, 2])
    with pytest.warns(ResourceWarning, match="never closed"):
        del consumer
    with pytest.raises(PeerDied) as died:
        producer.reserve(1)
    assert (died.value.committed, died.value.consumed) == (2, 0)
    producer.close()


def test_a_closed_consumer_is_noticed_at_the_next_reserve() -> None:
    producer, consumer = Ring.pair(1024)
    consumer.close()
    assert not producer.peer_alive
    with pytest.raises(RingClosed):
        producer.reserve(1)
    producer.close()


def test_an_unopened_end_dropped_counts_as_died() -> None:
    producer = Ring.create(1)
    producer.handle().close()
    push(producer, [1]) if producer.peer_alive else None
    with pytest.raises(PeerDied):
        producer.reserve(1)
    producer.close()


@settings(max_examples=200, deadline=None)
@given(lie=st.one_of(st.integers(0, 2**64 - 1), st.integers(-20, 20).map(lambda i: i % 2**64)))
def test_a_position_that_cannot_be_is_corrupt(lie: int) -> None:
    producer, consumer, header = with_header(8)
    try:
        push(producer, range(5))
        consumer.peek(3)
        consumer.release()  # head 5, tail 3
        consumer.peek(1)
        struct.pack_into("=Q", header, HEAD, lie)
        if 5 <= lie <= 3 + 8:
            assert len(consumer.peek()) == lie - 3
        else:
            with pytest.raises(RingCorrupt, match="cannot be"):
                consumer.peek()
            with pytest.raises(RingCorrupt):
                consumer.available  # noqa: B018
            with pytest.raises(RingCorrupt):
                consumer.arm()
        producer.available  # noqa: B018 - believes tail 3 from here
        struct.pack_into("=Q", header, TAIL, lie)
        if 3 <= lie <= 5:
            producer.reserve(8 - 5 + lie, timeout=0)
        else:
            with pytest.raises(RingCorrupt):
                producer.reserve(8, timeout=0)
    finally:
        producer.abort()
        consumer.abort()


@settings(max_examples=100, deadline=None)
@given(noise=st.binary(min_size=640, max_size=640), n=st.integers(1, 8))
def test_a_header_of_noise_never_crashes(noise: bytes, n: int) -> None:
    producer, consumer, header = with_header(8)
    header[:640] = noise
    calls: list[Callable[[], object]] = [
        lambda: producer.reserve(n, timeout=0),
        lambda: producer.commit(n),
        lambda: int(consumer.peek(n, timeout=0)["sequence"].sum()),
        lambda: consumer.release(n),
        consumer.arm,
        producer.counters,
        consumer.counters,
        lambda: producer.peer_alive,
    ]
    for call in calls:
        with contextlib.suppress(RingCorrupt, RingClosed, TimeoutError, ValueError):
            call()
    producer.abort()
    consumer.abort()


def test_no_descriptor_and_no_mapping_leaks() -> None:
    def held() -> tuple[int, int]:
        gc.collect()
        maps = Path("/proc/self/maps").read_text().count("aether-ring")
        return len(list(Path("/proc/self/fd").iterdir())), maps

    before = held()
    for _ in range(20):
        producer, consumer = Ring.pair(64)
        push(producer, [1])
        with consumer:
            consumer.peek()
            consumer.release()
        producer.close()
        Ring.create(8).close()
        with Ring.create(8, role="consumer") as lonely:
            handle = lonely.handle()
            handle.close()
            handle.close()
        with pytest.raises(ValueError, match="policy"):
            Ring.create(8, policy="nap")  # type: ignore[arg-type]
    del producer, consumer
    assert held() == before
