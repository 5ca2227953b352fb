"""Future whose task goes on within the loop's own callback, on asyncio and uvloop."""

import asyncio
import contextvars
from typing import Any

import pytest
import uvloop

from cython_core import Ring
from cython_core.ticks.direct_future import DirectFuture

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(params=LOOPS)
def run(request):
    """Run a coroutine to its end on one of the loops."""
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield runner.run


def send(producer: Ring) -> None:
    producer.reserve(1)
    producer.commit()


def test_a_task_that_sleeps_goes_on_within_the_callback(run):
    order = []

    async def consume(consumer):
        await consumer.sleep()
        order.append("consumer")

    async def main():
        loop = asyncio.get_running_loop()
        producer, consumer = Ring.pair(8, policy="wait")
        task = asyncio.create_task(consume(consumer))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        # Called in the turn that finds the eventfd readable, as it is due by then: a future's
        # callback would be asked for in that turn, and called in the next, after this one's.
        send(producer)
        loop.call_soon(lambda: loop.call_soon(order.append, "a turn later"))
        await task
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        producer.close()
        consumer.close()

    run(main())
    assert order == ["consumer", "a turn later"]


def test_a_wait_keeps_its_context_and_the_task_that_runs(run):
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name", default="nobody")
    seen: list[Any] = []

    async def consume(consumer):
        name.set("consumer")
        for _ in range(2):
            await consumer.sleep()
            consumer.peek()
            consumer.release()
            seen.append((name.get(), asyncio.current_task()))

    async def main():
        producer, consumer = Ring.pair(8, policy="wait")
        task = asyncio.create_task(consume(consumer))
        for _ in range(2):
            await asyncio.sleep(0.002)
            send(producer)
        await task
        assert seen == [("consumer", task)] * 2
        assert name.get() == "nobody"
        producer.close()
        consumer.close()

    run(main())


def test_what_a_task_raises_when_it_goes_on_is_its_own(run):
    async def consume(consumer):
        await consumer.sleep()
        raise ZeroDivisionError

    async def main():
        producer, consumer = Ring.pair(8, policy="wait")
        task = asyncio.create_task(consume(consumer))
        await asyncio.sleep(0.002)
        send(producer)
        with pytest.raises(ZeroDivisionError):
            await task
        # The wake-up was taken back: the next one is waited for.
        consumer.peek()
        consumer.release()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(consumer.sleep(), 0.01)
        producer.close()
        consumer.close()

    run(main())


def test_every_wakeup_of_many_is_taken_back_before_the_next(run):
    async def main():
        producer, consumer = Ring.pair(8, policy="wait")
        taken = 0

        async def consume():
            nonlocal taken
            async for batch in consumer:
                taken += len(batch)

        task = asyncio.create_task(consume())
        for i in range(50):
            send(producer)
            await asyncio.sleep(0.001 if i % 2 else 0)
        producer.close()
        await asyncio.wait_for(task, 60)
        assert taken == 50
        consumer.close()

    run(main())


def test_a_consumer_may_close_the_ring_when_it_goes_on(run):
    async def main():
        producer, consumer = Ring.pair(8, policy="wait")

        async def consume():
            await consumer.sleep()
            consumer.close()

        task = asyncio.create_task(consume())
        await asyncio.sleep(0.002)
        send(producer)
        await asyncio.wait_for(task, 60)
        assert consumer.closed
        producer.abort()

    run(main())


def test_cancelled_is_cancelled_with_its_message(run):
    async def main():
        future = DirectFuture(asyncio.get_running_loop())
        assert asyncio.isfuture(future)

        async def wait():
            await future

        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel("enough")
        assert future.cancelled() and future.done() and not future.cancel()
        with pytest.raises(asyncio.CancelledError, match="enough"):
            await task
        with pytest.raises(asyncio.CancelledError, match="enough"):
            future.result()

    run(main())


def test_it_is_one_tasks(run):
    async def main():
        future = DirectFuture(asyncio.get_running_loop())
        with pytest.raises(asyncio.InvalidStateError):
            future.result()
        future.add_done_callback(print)
        with pytest.raises(RuntimeError, match="another task"):
            future.add_done_callback(print)
        assert future.remove_done_callback(repr) == 0
        assert future.remove_done_callback(print) == 1
        assert future.get_loop() is asyncio.get_running_loop()

    run(main())
