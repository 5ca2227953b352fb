"""The ring's own memory, as a device that writes batches by itself sees it."""

import numpy as np
import pytest

from cython_core import EVENT_DTYPE, Ring, as_bytes, number


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


def test_only_the_producer_may_have_it() -> None:
    producer, consumer = Ring.pair(64)
    with producer, consumer, pytest.raises(ValueError, match="this end consumes"):
        consumer.memory()
    with pytest.raises(ValueError, match="closed"):
        producer.memory()
