"""A ring on an event loop: asyncio's own and uvloop's."""

import asyncio
import os
import select
import signal
from collections.abc import Callable, Coroutine
from typing import Any

import numpy as np
import pytest
import uvloop
from forked_children import in_child

from cython_core import PeerDied, Ring, RingClosed, RingHandle

Runner = Callable[[Coroutine[Any, Any, None]], None]


def run_uvloop(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)


@pytest.fixture(params=[asyncio.run, run_uvloop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Runner:
    runner: Runner = request.param
    return runner


def push(producer: Ring, sequences: range) -> None:
    producer.reserve(len(sequences))["sequence"] = sequences
    producer.commit()


def test_batches_cross_processes_until_the_end_of_the_stream(run: Runner) -> None:
    ring = Ring.create(256, role="consumer")
    handle = ring.handle()

    def work() -> None:
        with handle.attach() as producer:
            for start in range(0, 20_000, 100):
                push(producer, range(start, start + 100))

    child = in_child(work)
    handle.close()
    seen = 0

    async def main() -> None:
        nonlocal seen
        async for batch in ring.batches(130):
            assert np.array_equal(batch["sequence"], np.arange(seen, seen + len(batch)))
            seen += len(batch)

    run(main())
    assert os.waitpid(child, 0)[1] == 0
    assert seen == 20_000
    ring.close()


def test_one_wakeup_serves_a_batch(run: Runner) -> None:
    async def main() -> None:
        producer, consumer = Ring.pair(64)
        got: list[int] = []

        async def consume() -> None:
            async for batch in consumer:
                got.append(len(batch))

        task = asyncio.create_task(consume())
        for n in (3, 17, 40):
            await asyncio.sleep(0.01)
            for i in range(n):  # n commits, one after another: the first one wakes
                push(producer, range(i, i + 1))
        await asyncio.sleep(0.01)
        assert producer.counters().producer_wakeups == 3
        producer.close()
        await task
        assert got == [3, 17, 40]
        consumer.close()

    run(main())


def test_a_full_ring_leaves_the_loop_to_others(run: Runner) -> None:
    async def main() -> None:
        producer, consumer = Ring.pair(64)
        push(producer, range(64))
        producer.close()
        order: list[str] = []

        async def other() -> None:
            for _ in range(3):
                order.append("other")
                await asyncio.sleep(0)

        task = asyncio.create_task(other())
        async for _ in consumer.batches(16):
            order.append("batch")
        await task
        assert order == ["batch", "other", "batch", "other", "batch", "other", "batch"]
        consumer.close()

    run(main())


def test_a_killed_producer_is_told_after_its_last_committed_event(run: Runner) -> None:
    ring = Ring.create(64, role="consumer")
    handle = ring.handle()

    def work() -> None:
        producer = handle.attach()
        push(producer, range(30))
        producer.reserve(20)["sequence"] = 0
        os.kill(os.getpid(), signal.SIGKILL)

    seen = 0

    async def main() -> None:
        nonlocal seen
        async for batch in ring:
            seen += len(batch)

    child = in_child(work)
    with pytest.raises(PeerDied, match="30 events committed"):
        run(main())
    os.waitpid(child, 0)
    assert seen == 30
    handle.close()
    ring.close()


def test_a_producer_awaits_room(run: Runner) -> None:
    async def main() -> None:
        producer, consumer = Ring.pair(8)
        total = 0

        async def consume() -> None:
            nonlocal total
            async for batch in consumer.batches(3):
                total += len(batch)

        task = asyncio.create_task(consume())
        for start in range(0, 500, 5):
            await producer.room(5)
            push(producer, range(start, start + 5))
        with pytest.raises(ValueError, match="n must be 1 to 8"):
            await producer.room(9)
        producer.close()
        await task
        assert total == 500
        consumer.close()

    run(main())


def test_a_closed_consumer_ends_the_wait_for_room(run: Runner) -> None:
    async def main() -> None:
        producer, consumer = Ring.pair(4)
        push(producer, range(4))
        asyncio.get_running_loop().call_later(0.01, consumer.close)
        with pytest.raises(RingClosed):
            await producer.room(1)
        producer.close()

    run(main())


def test_a_cancelled_wait_loses_nothing(run: Runner) -> None:
    async def main() -> None:
        producer, consumer = Ring.pair(8)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(anext(aiter(consumer)), 0.005)
        push(producer, range(5))
        batch = await anext(aiter(consumer))
        assert batch["sequence"].tolist() == [0, 1, 2, 3, 4]
        consumer.release()
        producer.close()
        consumer.close()

    run(main())


def test_a_batch_left_by_break_is_still_there(run: Runner) -> None:
    async def main() -> None:
        producer, consumer = Ring.pair(8)
        push(producer, range(5))
        async for _ in consumer.batches(2):
            break
        assert len(consumer.peek()) == 5
        async for batch in consumer.batches(2):
            consumer.release(1)  # the body may give back early itself
            if batch["sequence"][-1] == 4:
                break
        assert consumer.claimed == 0
        producer.close()
        consumer.close()

    run(main())


def test_one_ring_serves_one_loop_after_another() -> None:
    producer, consumer = Ring.pair(8)

    async def one() -> None:
        asyncio.get_running_loop().call_later(0.005, push, producer, range(2))
        async for batch in consumer:
            assert len(batch) == 2
            break
        consumer.release()

    for run_loop in (asyncio.run, run_uvloop, asyncio.run):
        run_loop(one())
    producer.close()
    consumer.close()


def test_a_ring_closed_under_a_sleeper_wakes_it(run: Runner) -> None:
    async def main() -> None:
        producer, consumer = Ring.pair(8)
        asyncio.get_running_loop().call_later(0.005, consumer.close)
        with pytest.raises(ValueError, match="closed"):
            await consumer.sleep()
        producer.close()

    run(main())


def test_two_tasks_may_not_sleep_on_one_end(run: Runner) -> None:
    async def main() -> None:
        producer, consumer = Ring.pair(8)
        first = asyncio.create_task(consumer.sleep())
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="another task"):
            await consumer.sleep()
        push(producer, range(1))
        await first
        producer.close()
        consumer.close()

    run(main())


def test_idle_loops_do_not_spin(run: Runner) -> None:
    # Greeting and wake-up are level-triggered: one left unread would call back for ever.
    async def main() -> None:
        producer = Ring.create(8)
        handle: RingHandle = producer.handle()
        consumer = handle.attach()
        task = asyncio.create_task(consumer.sleep())
        await asyncio.sleep(0.01)
        push(producer, range(1))
        await task
        await asyncio.sleep(0.02)
        assert not select.select([consumer.fileno(), consumer.link.fileno()], [], [], 0)[0]
        producer.close()
        consumer.close()

    run(main())
