"""A ring between two real processes: order, hand-over, names, and sudden death."""

import multiprocessing
import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import pytest
from ring_children import produce
from ring_stress import stress

from cython_core import PeerDied, Ring, RingHandle
from cython_core.ring.handle import Policy

FORK = multiprocessing.get_context("fork")


def verify(batch: np.ndarray[Any, Any], start: int) -> int:
    wanted = np.arange(start, start + len(batch), dtype=np.uint64)
    assert np.array_equal(batch["sequence"], wanted)
    assert np.array_equal(batch["value"], wanted.astype(np.float64))
    return start + len(batch)


def consume_all(handle: RingHandle, policy: Any, tell: Connection) -> None:
    seen = 0
    with handle.attach(policy=policy) as ring:
        for batch in ring.batches(1000):
            seen = verify(batch, seen)
    tell.send(seen)


def produce_all(handle: RingHandle, events: int, policy: Any) -> None:
    with handle.attach(policy=policy) as ring:
        produce(ring, events, 2, ring.capacity)


def doze(ring: Ring, need: int) -> None:
    while ring.arm(need):
        watch = select.poll()
        watch.register(ring.fileno(), select.POLLIN)
        assert watch.poll(10_000), "a wake-up was lost"
        ring.disarm()


def produce_dozing(handle: RingHandle, events: int) -> None:
    with handle.attach() as ring:
        for i in range(events):
            doze(ring, 1)
            ring.reserve(1, timeout=0)["sequence"] = i
            ring.commit()


def dies_mid_batch(handle: RingHandle, committed: int) -> None:
    ring = handle.attach()
    produce(ring, committed, 3, 50)
    ring.reserve(40)["sequence"] = 2**63
    os.kill(os.getpid(), signal.SIGKILL)


def dies_after_peek(handle: RingHandle, released: int) -> None:
    ring = handle.attach()
    while released:
        n = len(ring.peek(released))
        ring.release(n)
        released -= n
    ring.peek(timeout=120)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture
def start() -> Iterator[Callable[..., Any]]:
    """Start a child, and never leave one behind."""
    started: list[Any] = []

    def run(context: Any, target: Callable[..., None], *args: Any) -> Any:
        child = context.Process(target=target, args=args)
        child.start()
        started.append(child)
        return child

    yield run
    for child in started:
        child.join(120)
        if child.is_alive():
            child.kill()
            child.join()
            pytest.fail("a child hung")


@pytest.mark.parametrize("policy", ["spin-then-wait", "wait"])
def test_a_million_events_arrive_in_order(start: Any, policy: Any) -> None:
    events = 1_000_000
    ring = Ring.create(4096, policy=policy)
    hear, tell = multiprocessing.Pipe(duplex=False)
    child = start(FORK, consume_all, ring.handle(), policy, tell)
    produce(ring, events, 1, 3000)
    assert ring.counters().committed == events
    ring.close()
    assert hear.recv() == events
    child.join()
    assert child.exitcode == 0


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_a_handle_passes_to_a_child_of_any_kind(start: Any, method: str) -> None:
    ring = Ring.create(256)
    hear, tell = multiprocessing.Pipe(duplex=False)
    with ring.handle() as handle:
        start(multiprocessing.get_context(method), consume_all, handle, "spin-then-wait", tell)
    produce(ring, 10_000, 4, 200)
    ring.close()
    assert hear.recv() == 10_000


def test_a_child_may_produce(start: Any) -> None:
    with Ring.create(128, role="consumer") as ring:
        start(FORK, produce_all, ring.handle(), 20_000, "wait")
        seen = 0
        for batch in ring:
            seen = verify(batch, seen)
        assert seen == 20_000


@pytest.mark.parametrize("capacity", [1, 2, 4])
def test_no_wakeup_is_lost_on_a_tiny_ring(start: Any, capacity: int) -> None:
    # Both sides sleep on the bare eventfd, without the regular looks that a blocking
    # wait takes besides: one lost wake-up and both sleep until `doze` says so.
    events = 20_000
    with Ring.create(capacity, role="consumer") as ring:
        start(FORK, produce_dozing, ring.handle(), events)
        for expected in range(events):
            doze(ring, 1)
            assert ring.peek(1, timeout=0)["sequence"] == expected
            ring.release()
        counters = ring.counters()
        assert counters.consumer_waits + counters.producer_waits > 100
        assert counters.consumer_wakeups + counters.producer_wakeups > 100


def test_a_producer_killed_mid_batch_shows_nothing_uncommitted(start: Any) -> None:
    ring = Ring.create(1024, role="consumer", policy="wait")
    child = start(FORK, dies_mid_batch, ring.handle(), 777)
    child.join()
    assert child.exitcode == -signal.SIGKILL
    seen = 0
    with pytest.raises(PeerDied) as died:
        for batch in ring.batches(100):
            seen = verify(batch, seen)
    assert seen == 777
    assert (died.value.committed, died.value.consumed) == (777, 777)
    ring.close()


@pytest.mark.parametrize("policy", ["spin", "wait"])
def test_a_producer_that_dies_while_we_wait_is_noticed(start: Any, policy: Any) -> None:
    # The child holds a copy of our own end's socket as well (fork), so that hang-up
    # alone would not tell; its process descriptor does.
    ring = Ring.create(64, role="consumer", policy=policy)
    start(FORK, dies_mid_batch, ring.handle(), 10)
    seen = 0
    with pytest.raises(PeerDied, match="10 events committed"):
        while True:
            seen = verify(ring.peek(timeout=120), seen)
            ring.release()
    ring.close()


def test_a_killed_consumer_is_noticed_by_a_full_and_by_a_roomy_producer(start: Any) -> None:
    ring = Ring.create(64, policy="wait")
    handle = ring.handle()
    child = start(FORK, dies_after_peek, handle, 30)
    produce(ring, 64, 5, 16)
    with pytest.raises(PeerDied) as died:
        ring.reserve(64, timeout=120)
    child.join()
    assert (died.value.committed, died.value.consumed) == (64, 30)
    deadline = time.monotonic() + 120
    with pytest.raises(PeerDied):
        while time.monotonic() < deadline:
            ring.reserve(1, timeout=1)  # there is room, so only the regular look can tell
    ring.close()
    handle.close()


def test_a_waiting_thread_lets_others_run_and_heeds_signals() -> None:
    class AlarmError(Exception):
        pass

    def ring_bell(*_: object) -> None:
        raise AlarmError

    before = signal.signal(signal.SIGUSR1, ring_bell)
    try:
        policies: tuple[Policy, ...] = ("wait", "spin")
        for policy in policies:
            producer, consumer = Ring.pair(8, policy=policy)
            main = threading.main_thread().ident
            assert main is not None
            bell = threading.Timer(0.05, signal.pthread_kill, (main, signal.SIGUSR1))
            bell.start()
            with pytest.raises(AlarmError):
                consumer.peek(timeout=120)
            bell.join()
            producer.close()
            consumer.close()
    finally:
        signal.signal(signal.SIGUSR1, before)


@pytest.mark.parametrize("batch", [1, 300])
def test_stress_moves_and_verifies(batch: int) -> None:
    moved = stress(200 * batch, batch=batch, capacity=512, seed=batch)
    assert moved.events == moved.counters.committed == 200 * batch
    assert 1 <= moved.batches <= 200 * batch


def test_stress_tells_an_event_out_of_order(monkeypatch: pytest.MonkeyPatch) -> None:
    skewed = np.arange(512, dtype=np.uint64)
    skewed[77] = 0
    monkeypatch.setattr(np, "arange", lambda *_, **__: skewed)  # here, not in the child
    with pytest.raises(AssertionError, match=r"event \d+ is"):
        stress(5000, batch=100, capacity=512)
