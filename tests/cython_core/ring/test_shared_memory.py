"""The ring's own memory, as a device that writes batches by itself sees it."""

import mmap
import os

import numpy as np
import pytest

from cython_core import EVENT_DTYPE, Ring, as_bytes, first_gap, number
from cython_core.ring.shared_memory import HUGE_PAGE, allocate, inspect


def test_what_a_device_writes_across_the_end_is_one_batch() -> None:
    producer, consumer = Ring.pair(64)
    memory = producer.memory()
    assert memory.shape == (2 * 64 * 64,) and memory.ctypes.data % 4096 == 0
    producer.reserve(50)
    producer.commit()
    consumer.peek()
    consumer.release()
    batch = np.zeros(40, EVENT_DTYPE)
    number(batch, 0, 0)
    memory[50 * 64 : 90 * 64] = as_bytes(batch)
    producer.reserve(40, timeout=0)
    producer.commit()
    got = consumer.peek()
    assert got.tobytes() == batch.tobytes()
    # Both mappings are the same memory.
    assert (memory[: 26 * 64] == memory[64 * 64 : 90 * 64]).all()
    del got
    consumer.release()
    consumer.close()
    producer.close()
    memory[:] = 0  # still mapped, though nobody sees it any more


def test_a_ring_of_megabytes_can_lie_in_huge_pages() -> None:
    capacity = HUGE_PAGE // 64
    descriptor = allocate(capacity)
    found = os.fstat(descriptor)
    assert found.st_size == 2 * HUGE_PAGE and inspect(descriptor) == capacity
    # Between the header's page and the events there is nothing.
    assert found.st_blocks * 512 <= HUGE_PAGE + mmap.PAGESIZE
    os.close(descriptor)
    producer, consumer = Ring.pair(capacity)
    with producer, consumer:
        assert producer.memory().ctypes.data % HUGE_PAGE == 0
        for first in (0, capacity - 10, 2 * capacity - 20):  # then twice across the end
            room = producer.reserve(capacity - 10)
            number(room, first, 0)
            del room
            producer.commit()
            got = consumer.peek()
            assert len(got) == capacity - 10 and first_gap(got, first) == -1
            del got
            consumer.release()


def test_only_the_producer_may_have_it() -> None:
    producer, consumer = Ring.pair(64)
    with producer, consumer, pytest.raises(ValueError, match="this end consumes"):
        consumer.memory()
    with pytest.raises(ValueError, match="closed"):
        producer.memory()
