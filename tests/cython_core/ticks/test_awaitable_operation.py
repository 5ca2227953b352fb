"""Awaitable operation: what a coroutine would do, on asyncio and uvloop."""

import asyncio
import contextlib
import gc
import warnings
import weakref
from types import SimpleNamespace

import pytest
import uvloop

from cython_core import allocate
from cython_core.ticks.operation import turn
from cython_core.ticks.queue import BatchQueue, publishing

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class EndError(Exception):
    pass


class FullError(Exception):
    pass


@pytest.fixture(params=LOOPS)
def run(request):
    """Run a coroutine to its end on one of the loops."""
    with asyncio.Runner(loop_factory=LOOPS[request.param]) as runner:
        yield runner.run


def queue_of(depth=1, policy="block"):
    return BatchQueue(depth, policy, EndError, FullError)


async def turns(count=6):
    for _ in range(count):
        await asyncio.sleep(0)


def test_it_is_awaited_as_a_coroutine(run):
    async def main():
        queue, batch = queue_of(), allocate(3)
        assert asyncio.iscoroutine(sending := queue.send(batch))
        assert await sending is None
        assert await asyncio.create_task(queue.receive()) is batch
        waiting = asyncio.create_task(queue.receive())
        await turns()
        await asyncio.wait_for(queue.send(batch), 60)
        assert await waiting is batch

    run(main())


def test_nobody_awaits_it_twice(run):
    async def main():
        queue = queue_of(4)
        sending = queue.send(allocate(1))
        await sending
        for _ in range(2):
            with pytest.raises(RuntimeError, match="already awaited"):
                await sending
        assert len(queue) == 1

    run(main())


def test_two_that_wait_for_one_send_once(run):
    async def main():
        queue = queue_of(1)
        await queue.send(allocate(1))
        sending = queue.send(allocate(2))

        async def other():
            await sending

        tasks = [asyncio.create_task(other()) for _ in range(2)]
        await turns()
        queue.ready()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert {type(result) for result in results} == {type(None), RuntimeError}
        assert len(queue) == 1 and queue.waiting == 2

    run(main())


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "once it was woken"])
def test_a_cancelled_send_sends_nothing(run, late):
    async def main():
        queue = queue_of(1)
        first, given_up, other = allocate(1), allocate(2), allocate(3)
        await queue.send(first)
        cancelled = asyncio.create_task(queue.send(given_up))
        stays = asyncio.create_task(queue.send(other))
        await turns()
        if late:
            assert queue.ready() is first
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        if not late:
            assert await queue.receive() is first
        await stays
        assert queue.ready() is other and queue.ready() is None
        assert queue.waiting == 0

    run(main())


@pytest.mark.parametrize("late", [False, True], ids=["while it waits", "once it was woken"])
def test_a_cancelled_receive_takes_nothing(run, late):
    async def main():
        queue, batch = queue_of(1), allocate(1)
        cancelled = asyncio.create_task(queue.receive())
        stays = asyncio.create_task(queue.receive())
        await turns()
        if late:
            await queue.send(batch)
        cancelled.cancel()
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        if not late:
            await queue.send(batch)
        assert await stays is batch
        assert queue.ready() is None

    run(main())


def test_what_is_thrown_in_is_raised_and_ends_it(run):
    async def main():
        queue = queue_of(1)
        await queue.send(allocate(1))
        for error in (KeyError("a"), KeyError):
            new, waits = queue.send(allocate(1)), queue.send(allocate(1))
            waits.send(None)  # begun: it waits for room
            for sending in (new, waits):
                with pytest.raises(KeyError):
                    sending.throw(error)
                with pytest.raises(RuntimeError, match="already awaited"):
                    sending.send(None)
        queue.ready()
        await turns()
        assert len(queue) == 0

    run(main())


def test_a_closed_one_does_nothing_and_says_nothing(run):
    async def main():
        queue = queue_of(1)
        await queue.send(allocate(1))
        new, waits = queue.send(allocate(1)), queue.send(allocate(1))
        waits.send(None)
        for sending in (new, waits):
            sending.close()
            sending.close()
            with pytest.raises(RuntimeError, match="already awaited"):
                sending.send(None)
        queue.ready()
        assert len(queue) == 0

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run(main())


def test_one_that_is_never_awaited_warns():
    with pytest.warns(RuntimeWarning, match="'Sending' was never awaited"):
        queue_of().send(allocate(1))


def test_the_batch_of_one_that_failed_is_let_go(run):
    async def main():
        queue = queue_of(1, "fail")
        await queue.send(allocate(1))
        batch = allocate(1)
        gone = weakref.ref(batch)
        with contextlib.suppress(FullError):
            await queue.send(batch)
        del batch
        gc.collect()
        assert gone() is None

    run(main())


@pytest.mark.parametrize("swallowed", [False, True])
def test_a_cancelled_publish_ends_as_its_coroutine_does(run, swallowed):
    async def main():
        queue, ends = queue_of(1), []

        async def otherwise(batch):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ends.append(len(batch))
                if not swallowed:
                    raise

        home = SimpleNamespace(loop=asyncio.get_running_loop())
        await publishing(queue, allocate(1), 8, home, otherwise)
        task = asyncio.create_task(publishing(queue, allocate(2), 8, home, otherwise))
        await turns()
        task.cancel()
        (result,) = await asyncio.gather(task, return_exceptions=True)
        assert (type(result) is asyncio.CancelledError) is not swallowed
        assert ends == [2] and queue.waiting == 1

    run(main())


def test_a_coroutine_goes_on_waiting_where_it_catches_what_is_thrown(run):
    async def main():
        news = asyncio.Event()

        async def otherwise(batch):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()
            await news.wait()

        home = SimpleNamespace(loop=asyncio.get_running_loop())
        task = asyncio.create_task(publishing(queue_of(), "no batch", 8, home, otherwise))
        await turns()
        task.cancel()
        await turns()
        assert not task.done()
        news.set()
        assert await task is None

    run(main())


def test_a_turn_lets_the_others_run_once(run):
    async def main():
        order = []

        async def other(name):
            for i in range(3):
                order.append((i, name))
                await turn()

        await asyncio.gather(other("a"), other("b"))
        assert order == sorted(order)
        task = asyncio.create_task(other("c"))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main())
