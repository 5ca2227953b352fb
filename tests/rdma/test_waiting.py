"""The completion channel: arm, poll again, wait; also as a reader of an event loop."""

from __future__ import annotations

import asyncio
import importlib.util
import select
import threading
from typing import Any

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from cython_core.verbs import CompletionQueue


def waiting(device: Any, pair: Any) -> CompletionQueue:
    queue = CompletionQueue(device, 256, notify=True)
    pair.stack.callback(queue.close)
    pair.make("send", slots=64, far={"receive_queue": queue})
    return queue


def readable(queue: CompletionQueue, seconds: float) -> bool:
    return bool(select.select([queue.fileno()], [], [], seconds)[0])


def test_one_notification_for_each_arming(device: Any, pair: Any) -> None:
    queue = waiting(device, pair)
    pair.sender.send(1)
    pair.receiver.wait(1)
    assert not readable(queue, 0)
    queue.arm()
    pair.sender.send(3)
    assert readable(queue, 5)
    assert queue.acknowledge() == 1
    pair.receiver.wait(4)
    pair.sender.send(3)
    pair.receiver.wait(7)
    assert not readable(queue, 0)
    assert queue.acknowledge() == 0


def test_a_completion_before_arming_is_seen_by_the_second_poll(device: Any, pair: Any) -> None:
    queue = waiting(device, pair)
    assert pair.receiver.poll() == 0
    pair.sender.send(5)
    pair.sender.drain()
    queue.arm()
    assert pair.receiver.poll() == 5


def test_without_a_channel(pair: Any) -> None:
    pair.make("send", slots=64)
    for call in (pair.far.queue_pair.receive_queue.fileno, pair.far.queue_pair.receive_queue.arm):
        with pytest.raises(ValueError, match="without notify"):
            call()


@pytest.mark.parametrize("kind", ["asyncio", "uvloop"])
def test_event_loop(device: Any, pair: Any, kind: str) -> None:
    if kind == "uvloop" and importlib.util.find_spec("uvloop") is None:
        pytest.skip("uvloop is not installed")
    from aethermodel.bus.fabrics.verbs.wait import CompletionReader

    queue = waiting(device, pair)
    seen: list[int] = []

    async def run() -> int:
        done = asyncio.get_running_loop().create_future()

        def drain() -> bool:
            new = pair.receiver.poll(16)
            seen.extend(pair.heads(new))
            pair.receiver.release(new)
            if len(seen) == 400 and not done.done():
                done.set_result(None)
            return new > 0

        def produce() -> None:
            for first in range(0, 400, 8):
                pair.number(first, 8)
                pair.sender.send(8)
                pair.sender.drain()

        with CompletionReader(asyncio.get_running_loop(), queue, drain) as reader:
            thread = threading.Thread(target=produce)
            thread.start()
            await asyncio.wait_for(done, 120)
            thread.join()
            return reader.wakeups

    if kind == "uvloop":
        import uvloop

        wakeups = uvloop.run(run())
    else:
        wakeups = asyncio.run(run())
    assert seen == list(range(400))
    assert 1 <= wakeups <= 400
