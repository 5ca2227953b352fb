"""Forks with inherited ring ends: the child does nothing to its parent's."""

import asyncio
import contextlib
import os
import select
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import uvloop
from forked_children import in_child

from cython_core import PeerDied, Ring, RingHandle
from cython_core.ring.loop_watch import Watch

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}
# Far more than any of this takes: what is never told would else be waited for without end.
PATIENCE = 30.0

Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=LOOPS.values(), ids=LOOPS)
def run(request: pytest.FixtureRequest) -> Run:
    def run(main: Coroutine[Any, Any, None]) -> None:
        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(main)

    return run


@pytest.fixture
def fork() -> Iterator[Callable[[Callable[[], None]], int]]:
    """Run something in a child; all children are gone afterwards."""
    children: list[int] = []

    def start(work: Callable[[], None]) -> int:
        child = in_child(work)
        children.append(child)
        return child

    yield start
    for child in children:
        with contextlib.suppress(ChildProcessError, ProcessLookupError):  # waited for before
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def push(producer: Ring) -> None:
    producer.reserve(1)["sequence"] = 7
    producer.commit()


@pytest.mark.parametrize("how", ["close", "abort", "del"])
def test_a_child_that_closes_an_end_leaves_the_loop_of_its_parent(
    run: Run, fork: Any, how: str
) -> None:
    async def main() -> None:
        producer, consumer = Ring.pair(8, policy="wait")
        task = asyncio.create_task(consumer.sleep())
        await asyncio.sleep(0.01)

        def close() -> None:
            for end in (consumer, producer):
                if how == "del":
                    end.__del__()
                else:
                    getattr(end, how)()
                assert end.closed

        assert os.waitstatus_to_exitcode(os.waitpid(fork(close), 0)[1]) == 0
        push(producer)
        await asyncio.wait_for(task, PATIENCE)
        assert consumer.peek()["sequence"].tolist() == [7]
        consumer.release()
        assert producer.peer_alive and consumer.peer_alive
        # The link as well: its end wakes a task that sleeps.
        task = asyncio.create_task(consumer.sleep())
        await asyncio.sleep(0.01)
        producer.abort()
        with pytest.raises(PeerDied):
            await asyncio.wait_for(task, PATIENCE)
        consumer.close()

    run(main())


def test_a_death_is_told_while_a_grandchild_lives(run: Run, fork: Any) -> None:
    # The grandchild holds the peer's side of the line open, so that only the process's own
    # descriptor tells; and the greeting that brings it was read before anybody slept.
    told, telling = os.pipe()
    consumer = Ring.create(64, role="consumer", policy="wait")
    handle: RingHandle = consumer.handle()

    def peer() -> None:
        producer = handle.attach()
        grandchild = os.fork()
        if grandchild == 0:
            signal.pause()
            os._exit(0)
        push(producer)
        os.write(telling, grandchild.to_bytes(4, "little"))
        signal.pause()

    async def main() -> None:
        waiting = asyncio.create_task(consumer.sleep())
        await asyncio.sleep(0.01)
        child = fork(peer)
        handle.close()
        grandchild = int.from_bytes(os.read(told, 4), "little")
        try:
            assert consumer.peer_alive  # takes in the greeting, away from the loop
            await asyncio.wait_for(waiting, PATIENCE)
            consumer.peek()
            consumer.release()
            waiting = asyncio.create_task(consumer.sleep())
            await asyncio.sleep(0.01)
            os.kill(child, signal.SIGKILL)
            with pytest.raises(PeerDied, match="1 events committed"):
                await asyncio.wait_for(waiting, PATIENCE)
        finally:
            os.kill(grandchild, signal.SIGKILL)

    run(main())
    consumer.close()
    os.close(told)
    os.close(telling)


def test_what_a_child_stops_to_watch_its_parent_still_watches(run: Run, fork: Any) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        seen = asyncio.Event()
        watch = Watch(loop)

        def take() -> None:
            os.read(reading, 1)
            seen.set()

        watch.add(reading, take)
        await asyncio.sleep(0)
        assert os.waitstatus_to_exitcode(os.waitpid(fork(watch.close), 0)[1]) == 0
        os.write(writing, b"x")
        await asyncio.wait_for(seen.wait(), PATIENCE)
        watch.close()
        watch.close()
        seen.clear()
        os.write(writing, b"y")
        await asyncio.sleep(0.05)
        assert not seen.is_set()
        os.close(reading)
        os.close(writing)

    run(main())


def test_a_peer_may_greet_with_anything() -> None:
    # A regular file cannot be watched, a full pipe is never readable: neither tells of a death.
    for made in (lambda: os.open("/proc/self/status", os.O_RDONLY), lambda: os.eventfd(1)):
        producer = Ring.create(8, policy="wait")
        memory, wake, wake_peer, link = producer.handle().take()
        with socket.socket(fileno=link) as line:
            descriptor = made()
            socket.send_fds(line, [b"aether-ring end"], [descriptor])
            os.close(descriptor)
            producer.peer_alive  # noqa: B018 - alive or not: it is the peer's own doing
            watched = select.poll()
            watched.register(producer.fileno(), select.POLLIN)
            assert not watched.poll(0)
        assert not producer.peer_alive
        producer.close()
        for fd in (memory, wake, wake_peer):
            os.close(fd)
