"""A ring, and the kernels, in one thread while another closes what they work on."""

import array
import asyncio
import contextlib
import mmap
import select
import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cython_core import (
    EVENT_DTYPE,
    EventArray,
    PeerDied,
    Ring,
    RingClosed,
    Routed,
    allocate,
    as_bytes,
    ends,
    first_disorder,
    first_gap,
    number,
    route,
    route_columns,
    stamp,
    verify,
)
from cython_core.events.checksum import time_stamp, time_verify
from cython_core.probes.bandwidth import time_copy, time_read
from cython_core.routing.router import route_call, time_route

BATCH = allocate(20_000)


def write(ring: Ring) -> None:
    ring.write(BATCH, timeout=0)


def fill(ring: Ring) -> None:
    ring.reserve(4, timeout=0)["sequence"] = 1
    ring.commit()


def drain(ring: Ring) -> None:
    int(ring.peek(timeout=0)["sequence"].sum())
    ring.release()


def look(ring: Ring) -> None:
    ring.available  # noqa: B018
    ring.counters()
    ring.peer_alive  # noqa: B018
    if ring.arm():
        ring.disarm()


def wait(ring: Ring) -> None:
    (ring.reserve(32768, timeout=0.001) if ring.role == "producer" else ring.peek(timeout=0.001))


USES: dict[str, tuple[str, Callable[[Ring], None]]] = {
    "write": ("producer", write),
    "fill": ("producer", fill),
    "drain": ("consumer", drain),
    "look": ("producer", look),
    "wait to write": ("producer", wait),
    "wait to read": ("consumer", wait),
}


class Use(threading.Thread):
    """Use one end again and again, until another thread closes it."""

    def __init__(self, work: Callable[[Ring], None], ring: Ring, other: Ring) -> None:
        super().__init__()
        self.work, self.ring, self.other = work, ring, other
        self.started = threading.Event()
        self.unexpected: BaseException | None = None
        self.ended = False

    def step(self) -> None:
        for move in (drain, fill):  # so that there is something to write or to read
            with contextlib.suppress(TimeoutError, ValueError, RuntimeError):
                move(self.other)
        with contextlib.suppress(TimeoutError, RuntimeError):
            self.work(self.ring)

    def run(self) -> None:
        while not self.ended:
            try:
                self.step()
            except (ValueError, RingClosed, PeerDied) as error:
                self.ended = self.ring.closed or not isinstance(error, ValueError)
            except BaseException as error:
                self.unexpected = error
                self.ended = True
            self.started.set()


@pytest.mark.parametrize("how", ["close", "abort"])
@pytest.mark.parametrize("use", USES)
def test_an_end_in_use_is_not_closed_by_another_thread(use: str, how: str) -> None:
    role, work = USES[use]
    for _ in range(15):
        producer, consumer = Ring.pair(32768, policy="wait")
        ring, other = (producer, consumer) if role == "producer" else (consumer, producer)
        thread = Use(work, ring, other)
        thread.start()
        thread.started.wait()
        until = time.monotonic() + 60
        while not ring.closed and time.monotonic() < until:
            with contextlib.suppress(RuntimeError, BufferError):
                getattr(ring, how)()
        thread.join()
        assert ring.closed and thread.unexpected is None
        other.abort()


def test_a_write_keeps_its_end_until_it_is_done() -> None:
    producer, consumer = Ring.pair(2**18, policy="wait")
    batch = allocate(2**18)
    refused = 0
    for _ in range(200):
        thread = threading.Thread(target=producer.write, args=(batch,))
        thread.start()
        while thread.is_alive():
            try:
                producer.disarm()  # takes the same turn as close
            except RuntimeError as error:
                assert "another thread uses" in str(error)
                refused += 1
        thread.join()
        consumer.peek()
        consumer.release()
        if refused:
            break
    assert refused
    producer.close()
    consumer.close()


def test_a_loop_that_runs_in_another_thread_is_not_reached_into() -> None:
    producer, consumer = Ring.pair(8, policy="wait")
    sleeping, stop = threading.Event(), threading.Event()

    async def sleep() -> None:
        task = asyncio.create_task(consumer.sleep())
        await asyncio.sleep(0.01)
        sleeping.set()
        while not stop.is_set():
            await asyncio.sleep(0.01)
        task.cancel()

    thread = threading.Thread(target=asyncio.run, args=(sleep(),))
    thread.start()
    sleeping.wait()
    for close in (consumer.close, consumer.abort):
        with pytest.raises(RuntimeError, match="runs in another thread"):
            close()
    stop.set()
    thread.join()
    consumer.close()
    producer.close()


# ---- memory that its owner takes away

KERNELS: dict[str, Callable[[Any], object]] = {
    "route": lambda events: route(events, 4),
    "route numbered": lambda events: route(events, 4, sequence=0),
    "route_call": lambda events: route_call(events, 4),
    "time_route": lambda events: time_route([events], 4, 3, out=Routed(len(events), 4)),
    "stamp": stamp,
    "verify": verify,
    "time_stamp": lambda events: time_stamp([events], 3),
    "time_verify": lambda events: time_verify([events], 3),
    "first_gap": lambda events: first_gap(events, 0),
    "ends": ends,
    "number": lambda events: number(events, 0, 0),
    "first_disorder": lambda events: first_disorder(events, np.zeros(9, np.uint32), -1),
    "time_read": lambda events: time_read([events], 3),
    "time_copy": lambda events: time_copy([events], 3, out=allocate(len(events))),
    "time_copy to": lambda events: time_copy([allocate(len(events))], 3, out=events),
    "as_bytes": lambda events: int(as_bytes(events).sum()),
    "arrow": lambda events: EventArray(events).__arrow_c_array__(),
    "write": lambda events: write_to_ring(events),  # noqa: PLW0108 (below)
}


def write_to_ring(events: Any) -> None:
    producer, consumer = Ring.pair(2**15)
    try:
        producer.write(events, timeout=0)
    finally:
        producer.abort()
        consumer.abort()


@pytest.mark.parametrize("kernel", KERNELS)
def test_memory_whose_owner_closed_it_is_refused(kernel: str) -> None:
    owner = mmap.mmap(-1, 64 * 1000)
    events: Any = np.ndarray(1000, EVENT_DTYPE, buffer=owner)
    KERNELS[kernel](events)
    owner.close()  # numpy holds the object, and not the memory
    with pytest.raises(ValueError, match="memory of these events is gone"):
        KERNELS[kernel](events)


def test_what_arrow_still_reads_is_not_closed() -> None:
    owner = mmap.mmap(-1, 64 * 1000)
    events: Any = np.ndarray(1000, EVENT_DTYPE, buffer=owner)
    capsules = EventArray(events).__arrow_c_array__()
    with pytest.raises(BufferError):
        owner.close()
    del capsules
    owner.close()


@pytest.mark.parametrize("kernel", ["route", "verify", "stamp", "first_gap", "time_read"])
def test_memory_is_not_closed_while_a_kernel_works_on_it(kernel: str) -> None:
    kept = closed = 0
    for _ in range(400):
        owner = mmap.mmap(-1, 64 * 50_000)
        events: Any = np.ndarray(50_000, EVENT_DTYPE, buffer=owner)
        done: list[object] = []

        def run(events: Any = events, done: list[object] = done) -> None:
            try:
                for _ in range(3):
                    KERNELS[kernel](events)
            except ValueError as refusal:
                done.append(refusal)

        thread = threading.Thread(target=run)
        thread.start()
        while not owner.closed:
            try:
                owner.close()
                closed += 1
            except BufferError:
                kept += 1
        thread.join()
        assert all("is gone" in str(error) for error in done)
        if kept > 20 and closed > 20:
            break
    assert kept


def test_columns_keep_their_buffers_until_they_are_routed() -> None:
    n = 400_000
    topic, value = array.array("I", [1]) * n, array.array("d", [1.0]) * n
    kept = 0
    for _ in range(300):
        thread = threading.Thread(target=route_columns, args=(topic, value, 4))
        thread.start()
        while thread.is_alive():
            for column in (topic, value):
                try:
                    column.append(1)  # moves it, unless it is held
                    column.pop()
                except BufferError:
                    kept += 1
        thread.join()
        if kept:
            break
    assert kept


def test_results_are_not_given_away_by_a_resize() -> None:
    routed = route(BATCH, 4)
    for name in ("offsets", "count", "total", "minimum", "maximum"):
        with pytest.raises(ValueError, match="resize"):
            getattr(routed, name).resize(1)
    with pytest.raises(ValueError, match="resize"):
        routed.indices.base.resize(1)


def test_one_result_serves_one_thread_at_a_time() -> None:
    events, out = allocate(200_000), Routed(200_000, 4)
    refused = 0

    def run() -> None:
        nonlocal refused
        for _ in range(50):
            try:
                route(events, 4, out=out, threads=2)
            except ValueError as error:
                assert "in use by another thread" in str(error)
                refused += 1

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert route(events, 4, out=out).count.tolist() == [200_000, 0, 0, 0]


# A sleep ends by itself after 50 ms: who is not woken takes most of that, who is woken some us.
UNWOKEN_SECONDS = 0.025


def woken(seconds: list[float]) -> bool:
    """Whether a third of the sleeps were ended at once, which is what a busy host leaves of all."""
    return sorted(seconds)[len(seconds) // 3] < UNWOKEN_SECONDS


def asleep(producer: Ring, waits: int) -> None:
    """Wait until the consumer has gone to sleep once more than `waits` times."""
    deadline = time.monotonic() + 60
    while producer.counters().consumer_waits <= waits and time.monotonic() < deadline:
        time.sleep(0.001)


def test_a_thread_that_sleeps_is_woken_without_its_descriptor() -> None:
    # A write to it may block as the peer likes; what wakes a thread never does.
    producer, consumer = Ring.pair(8, policy="wait")
    began, took = [0.0], list[float]()

    def peek() -> None:
        for _ in range(9):
            assert len(consumer.peek(timeout=60)) == 4
            took.append(time.monotonic() - began[0])
            consumer.release()

    sleeper = threading.Thread(target=peek)
    sleeper.start()
    for turn in range(9):
        asleep(producer, turn)
        began[0] = time.monotonic()
        fill(producer)
        while len(took) == turn and sleeper.is_alive():
            time.sleep(0.001)
    sleeper.join(60)
    assert len(took) == 9 and woken(took)
    assert not select.select([consumer.fileno()], [], [], 0)[0]
    producer.close()
    consumer.close()


def gone(goodbye: bool) -> float:
    """Seconds from an end's going until a thread that slept at the other is told."""
    producer, consumer = Ring.pair(8, policy="wait")
    told: list[BaseException] = []

    def peek() -> None:
        try:
            consumer.peek(timeout=60)
        except (RingClosed, PeerDied) as error:
            told.append(error)

    sleeper = threading.Thread(target=peek)
    sleeper.start()
    asleep(producer, 0)
    began = time.monotonic()
    (producer.close if goodbye else producer.abort)()
    sleeper.join(60)
    took = time.monotonic() - began
    assert [type(error) for error in told] == [RingClosed if goodbye else PeerDied]
    consumer.close()
    return took


@pytest.mark.parametrize("goodbye", [True, False])
def test_an_end_that_goes_wakes_a_thread_that_sleeps(goodbye: bool) -> None:
    assert woken([gone(goodbye) for _ in range(9)])
