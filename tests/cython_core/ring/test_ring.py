"""A ring within one process: contents, claims, ends, and a header that lies."""

import gc
import os
import struct
import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from cython_core import (
    EVENT_DTYPE,
    Ring,
    RingClosed,
    allocate,
    route,
)


def push(producer: Ring, sequences: list[int] | range) -> None:
    producer.reserve(len(sequences))["sequence"] = sequences
    producer.commit()


class RingAgainstDeque(RuleBasedStateMachine):
    """Every interleaving of reserve, commit, peek and release, beside a deque."""

    def __init__(self) -> None:
        super().__init__()
        self.producer, self.consumer = Ring.pair(8)
        self.queue: deque[int] = deque()
        self.next = 0
        self.reserved: np.ndarray[Any, Any] | None = None
        self.released = 0
        self.most = 0

    @rule(n=st.integers(1, 9))
    def reserve(self, n: int) -> None:
        if n > 8:
            with pytest.raises(ValueError, match="n must be 1 to 8"):
                self.producer.reserve(n)
        elif n > 8 - len(self.queue):
            with pytest.raises(TimeoutError):
                self.producer.reserve(n, timeout=0)
        else:
            self.reserved = self.producer.reserve(n)
            assert len(self.reserved) == n
            assert self.reserved.flags.c_contiguous
            self.reserved["sequence"] = range(self.next, self.next + n)

    @rule(n=st.integers(0, 9))
    def commit(self, n: int) -> None:
        held = 0 if self.reserved is None else len(self.reserved)
        if 1 <= n <= held:
            assert self.reserved is not None
            self.producer.commit(n)
            self.queue.extend(range(self.next, self.next + n))
            self.next += n
            self.reserved = self.reserved[n:] if n < held else None
        else:
            with pytest.raises(ValueError, match="cannot commit"):
                self.producer.commit(n)

    @rule(n=st.integers(1, 9), give_back=st.integers(1, 9))
    def consume(self, n: int, give_back: int) -> None:
        if not self.queue:
            with pytest.raises(TimeoutError):
                self.consumer.peek(n, timeout=0)
            return
        view = self.consumer.peek(n)
        assert 1 <= len(view) <= n
        assert view["sequence"].tolist() == list(self.queue)[: len(view)]
        assert self.consumer.claimed == len(view)
        if give_back > len(view):
            with pytest.raises(ValueError, match="cannot release"):
                self.consumer.release(give_back)
        else:
            self.consumer.release(give_back)
            for _ in range(give_back):
                self.queue.popleft()
            self.released += give_back

    @rule()
    def see_all(self) -> None:
        if self.queue:
            assert self.consumer.peek()["sequence"].tolist() == list(self.queue)

    @invariant()
    def counts_agree(self) -> None:
        counters = self.consumer.counters()
        assert counters == self.producer.counters()
        assert (counters.committed, counters.consumed) == (self.next, self.released)
        assert self.consumer.available == len(self.queue)
        assert self.producer.available == 8 - len(self.queue)
        self.most = max(self.most, len(self.queue))
        assert self.consumer.counters().high_water == self.most

    def teardown(self) -> None:
        self.reserved = None
        self.producer.close()
        left = [int(s) for batch in self.consumer for s in batch["sequence"]]
        assert left == list(self.queue)
        self.consumer.close()


TestRingAgainstDeque = RingAgainstDeque.TestCase
TestRingAgainstDeque.settings = settings(max_examples=60, stateful_step_count=60, deadline=None)


@pytest.mark.parametrize("capacity", [1, 2, 64, 256])
def test_every_batch_is_contiguous_across_the_end_of_the_ring(capacity: int) -> None:
    producer, consumer = Ring.pair(capacity)
    with producer, consumer:
        sent = 0
        for lap in range(500):
            n = lap % capacity + 1
            push(producer, range(sent, sent + n))
            view = consumer.peek()
            assert view.strides == (64,)
            assert view.ctypes.data % 64 == 0
            assert view["sequence"].tolist() == list(range(sent, sent + n))
            consumer.release()
            sent += n


def test_consumer_cannot_write_and_producer_can() -> None:
    producer, consumer = Ring.pair(4)
    with producer, consumer:
        view = producer.reserve(2)
        assert view.dtype is EVENT_DTYPE
        assert view.flags.writeable
        view[:] = allocate(2)
        producer.commit()
        seen = consumer.peek()
        with pytest.raises(ValueError, match="read-only"):
            seen["value"] = 1.0
        with pytest.raises(ValueError, match="cannot set WRITEABLE"):
            seen.flags.writeable = True
        consumer.release()


def test_events_route_straight_from_the_ring() -> None:
    producer, consumer = Ring.pair(64)
    with producer, consumer:
        view = producer.reserve(6)
        view["topic"] = [0, 1, 2, 0, 1, 0]
        view["value"] = 1.0
        producer.commit()
        assert route(consumer.peek(), 3).count.tolist() == [3, 2, 1]
        consumer.release()


@pytest.mark.parametrize("n", [0, 1, 7, 8])
def test_write_copies_a_batch(n: int) -> None:
    producer, consumer = Ring.pair(8)
    events = allocate(n)
    events.view(np.uint8)[:] = np.random.default_rng(n).integers(0, 256, 64 * n)
    with producer, consumer:
        producer.write(events)
        assert producer.counters().committed == n
        assert not n or consumer.peek().tobytes() == events.tobytes()
        consumer.release() if n else None
        with pytest.raises(ValueError, match="events must"):
            producer.write(np.zeros(3))
        with pytest.raises(ValueError, match="consumes"):
            consumer.write(events)


def test_write_sends_a_long_batch_in_pieces() -> None:
    producer, consumer = Ring.pair(8)
    events = allocate(20)
    events["sequence"] = range(20)
    with producer, consumer:
        with pytest.raises(TimeoutError):
            producer.write(events, timeout=0)
        assert producer.counters().committed == 8
        consumer.peek()
        consumer.release()
        sending = threading.Thread(target=producer.write, args=(events[8:],))
        sending.start()
        seen: list[int] = []
        while len(seen) < 12:
            seen.extend(consumer.peek()["sequence"].tolist())
            consumer.release()
        sending.join()
        assert seen == list(range(8, 20))


def test_uncommitted_events_are_unseen() -> None:
    producer, consumer = Ring.pair(4)
    view = producer.reserve(3)
    view["sequence"] = 7
    assert consumer.available == 0
    producer.commit(1)
    assert len(consumer.peek()) == 1
    assert producer.claimed == 2
    del view
    producer.close()
    consumer.release()
    with pytest.raises(RingClosed) as end:
        consumer.peek()
    assert (end.value.committed, end.value.consumed) == (1, 1)
    consumer.close()


def test_close_with_live_views_is_a_buffer_error() -> None:
    producer, consumer = Ring.pair(8)
    view = producer.reserve(4)
    part = view["value"][1:3]
    del view
    with pytest.raises(BufferError, match="1 views of 4 claimed events"):
        producer.close()
    assert not producer.closed
    del part
    producer.commit()
    seen = consumer.peek()
    again = consumer.peek(2).data
    with pytest.raises(BufferError, match="2 views"):
        consumer.close()
    del seen
    with pytest.raises(BufferError, match="1 views"):
        consumer.close()
    again.release()
    del again
    gc.collect()
    consumer.close()
    producer.close()


def test_a_released_view_outlives_the_ring_as_plain_memory() -> None:
    producer, consumer = Ring.pair(8)
    push(producer, [5, 6])
    view = consumer.peek()
    consumer.release()
    consumer.close()
    producer.close()
    assert view["sequence"].tolist() == [5, 6]


def test_end_is_idempotent_and_refuses_use_afterwards() -> None:
    producer, consumer = Ring.pair(8)
    for end in (producer, consumer):
        end.close()
        end.close()
        end.abort()
        assert end.closed
        assert "closed" in repr(end)
    calls: list[Any] = [
        lambda: producer.reserve(1),
        producer.commit,
        consumer.peek,
        consumer.release,
        consumer.counters,
        consumer.fileno,
        consumer.arm,
        consumer.disarm,
        consumer.batches,
        producer.handle,
        lambda: producer.peer_alive,
        lambda: producer.available,
    ]
    for call in calls:
        with pytest.raises(ValueError, match="closed"):
            call()


def test_each_end_refuses_the_other_ends_calls() -> None:
    producer, consumer = Ring.pair(8)
    with producer, consumer:
        consuming: list[Callable[[], object]] = [producer.peek, producer.release, producer.batches]
        for call in consuming:
            with pytest.raises(ValueError, match="this end produces"):
                call()
        producing: list[Callable[[], object]] = [lambda: consumer.reserve(1), consumer.commit]
        for call in producing:
            with pytest.raises(ValueError, match="this end consumes"):
                call()


@pytest.mark.parametrize("capacity", [0, -1, 3, 100, 2**31 + 1, 2**40])
def test_capacity_must_be_a_power_of_two(capacity: int) -> None:
    with pytest.raises(ValueError, match="power of two"):
        Ring.create(capacity)


def test_bad_arguments_are_value_errors() -> None:
    with pytest.raises(ValueError, match="role must be"):
        Ring.create(8, role="reader")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="policy must be"):
        Ring.create(8, policy="nap")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="RingHandle"):
        Ring(3)  # type: ignore[arg-type]
    producer, consumer = Ring.pair(8)
    with producer, consumer:
        for n in (0, -1, 9, 2**62):
            with pytest.raises(ValueError, match="n must be 1 to 8"):
                producer.reserve(n)
        for n in (0, -5):
            with pytest.raises(ValueError, match="n must be at least 1"):
                consumer.peek(n)
        for timeout in (-1, float("nan")):
            with pytest.raises(ValueError, match="timeout"):
                consumer.peek(timeout=timeout)
        with pytest.raises(ValueError, match="most must be"):
            consumer.batches(0)
        with pytest.raises(ValueError, match="given away"):
            producer.handle()
        with pytest.raises(ValueError, match="open already"):
            producer.__init__(None)  # type: ignore[misc]


@pytest.mark.parametrize("policy", ["spin", "spin-then-wait", "wait"])
def test_waits_hand_over_between_threads(policy: Any) -> None:
    producer, consumer = Ring.pair(2, policy=policy)
    got: list[int] = []

    def consume() -> None:
        for batch in consumer:
            got.extend(batch["sequence"].tolist())

    thread = threading.Thread(target=consume)
    thread.start()
    for i in range(60):
        push(producer, [i])
    producer.close()
    thread.join()
    consumer.close()
    assert got == list(range(60))


def test_a_wait_is_counted_and_times_out() -> None:
    producer, consumer = Ring.pair(2, policy="wait")
    with producer, consumer:
        with pytest.raises(TimeoutError):
            consumer.peek(timeout=0.001)
        assert consumer.counters().consumer_waits == 1
        push(producer, [1, 2])
        assert producer.counters().producer_wakeups == 0  # nobody was asleep
        with pytest.raises(TimeoutError):
            producer.reserve(1, timeout=0.001)
        assert producer.counters().producer_waits == 1


def test_arm_announces_exactly_one_wakeup() -> None:
    producer, consumer = Ring.pair(8)
    with producer, consumer:
        assert consumer.arm()
        push(producer, [1])
        push(producer, [2])
        assert producer.counters().producer_wakeups == 1
        assert os.read(consumer.fileno(), 8) == struct.pack("=Q", 1)
        assert not consumer.arm()
        consumer.disarm()


def test_an_end_serves_one_thread_at_a_time() -> None:
    producer, consumer = Ring.pair(8, policy="wait")
    thread = threading.Thread(target=consumer.peek)
    thread.start()
    while not consumer.counters().consumer_waits:
        pass
    calls: list[Callable[[], object]] = [
        consumer.close,
        consumer.abort,
        consumer.peek,
        consumer.arm,
        consumer.disarm,
        lambda: consumer.available,
    ]
    for call in calls:
        with pytest.raises(RuntimeError, match="another thread uses"):
            call()
    push(producer, [1])
    thread.join()
    consumer.close()
    producer.close()
