"""Both ends of the verbs fabric, in one process or with one in another."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from typing import Any

from aethermodel.bus import EndOfStream
from aethermodel.bus.fabrics.verbs.fabric import VerbsListener, VerbsReceiver, VerbsSender
from aethermodel.measure.harness.batch_pool import make_batch
from cython_core import first_gap, number

SECRET = b"known to both of these processes"
CAPACITY = 256


@contextlib.asynccontextmanager
async def both(
    receives: int = 64,
    most: int = 65_536,
    devices: tuple[str | None, str | None] = (None, None),
    recover_within: float = 10.0,
    receiver_within: float | None = None,
    **options: Any,
) -> AsyncIterator[tuple[VerbsSender, VerbsReceiver]]:
    near, far = devices
    if receiver_within is None:
        receiver_within = recover_within
    listener = VerbsListener(
        SECRET,
        capacity=CAPACITY,
        receives=receives,
        most=most,
        device=far,
        recover_within=receiver_within,
    )
    receiver, sender = await asyncio.gather(
        listener.accept(),
        VerbsSender.connect(
            listener.port, secret=SECRET, device=near, recover_within=recover_within, **options
        ),
    )
    listener.close()
    try:
        yield sender, receiver
    finally:
        sender.close()
        receiver.close()


def numbered(size: int, first: int) -> Any:
    batch = make_batch(size, 4, seed=first)
    number(batch, first, 0)
    return batch


async def send(sender: VerbsSender, first: int, count: int, size: int = 2) -> int:
    """Send so many batches, in one turn of the event loop where all fits."""
    # Made before: on a slow guest that takes longer than a lost packet is waited for.
    for batch in [numbered(size, first + size * i) for i in range(count)]:
        await sender.send(batch)
    return first + size * count


async def until(condition: Callable[[], Any], seconds: float = 120.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


class Taker:
    """Takes batch after batch, each event once and in order, until the end of the stream."""

    def __init__(self, receiver: VerbsReceiver) -> None:
        self.events = 0
        self.task = asyncio.create_task(self._take(receiver))
        # Taken note of where a test ends before it: said later, it hides what went wrong first.
        self.task.add_done_callback(lambda task: task.cancelled() or task.exception())

    async def _take(self, receiver: VerbsReceiver) -> None:
        with contextlib.suppress(EndOfStream):
            while True:
                batch = await receiver.receive()
                assert first_gap(batch, self.events) == -1
                self.events += len(batch)
                del batch
                receiver.release()

    async def has(self, events: int, seconds: float = 120.0) -> None:
        async with asyncio.timeout(seconds):
            while self.events < events:
                assert not self.task.done(), self.task.exception()
                await asyncio.sleep(0.005)


CHILD = """
    import asyncio, sys
    from aethermodel.bus.fabrics.verbs.fabric import VerbsListener, VerbsSender
    from cython_core import allocate, number
    SECRET = sys.argv[1].encode()

    async def sender():
        sender = await VerbsSender.connect(int(sys.argv[3]), secret=SECRET)
        batch, first = allocate(10), 0
        while True:
            number(batch, first, 0)
            await sender.send(batch)
            first += 10

    async def receiver():
        listener = VerbsListener(SECRET, capacity=256)
        print(listener.port, flush=True)
        receiver = await listener.accept()
        events = 0
        while events < 1000:
            batch = await receiver.receive()
            events += len(batch)
            del batch
            receiver.release()
        print(events, flush=True)  # and takes nothing more
        await asyncio.sleep(60)

    asyncio.run({"sender": sender, "receiver": receiver}[sys.argv[2]]())
"""


def child(role: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(CHILD), SECRET.decode(), role, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
