"""Cancelled sends: two tasks share a sender, and some of their sends are cancelled half-way.

What arrives is whole batches that somebody began to send, each once and in its task's order; a
stream that ends in good order has every batch whose send returned.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

from aethermodel.bus.fabrics.protocol import EndOfStream, SenderLost
from cython_core import allocate
from tools.torture.journal import Journal
from tools.torture.kills.stream_kills import hear_loop, run
from tools.torture.streams import tcp_ends
from tools.torture.witness import Damage, compare, fill

_TASKS, _BATCHES, _MOST = 2, 12, 20_000
#: Sequences of one task begin here times its number.
_APART = 10_000_000
_SECONDS = 120.0


class Sending:
    """One sender, the tasks that share it, and what came of their batches.

    Attributes
    ----------
    begun : dict of int to int
        Events of each batch whose send began, by its first sequence.
    returned : set of int
        Those whose send returned.
    came : list of int
        Those that arrived.
    garbage : int
        Events of batches that nobody sent so.
    complete : bool
        Whether the receiver was told that the stream ended in good order.
    """

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._cancels = draw.choice((0.0, 0.1, 0.4))
        self.begun: dict[int, int] = {}
        self.returned: set[int] = set()
        self.came: list[int] = []
        self.garbage = 0
        self.complete = False

    async def run(self) -> None:
        """Send and receive until the end of the stream."""
        key = tcp_ends.fresh_key()
        listener = await tcp_ends.listen(key, _MOST, 2)
        sender, receiver = await asyncio.gather(
            tcp_ends.connect(listener.port, key), listener.accept()
        )
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._receive(receiver))
                tasks.create_task(self._send_all(sender))
        finally:
            sender.close()
            receiver.close()
            listener.close()

    async def _send_all(self, sender: Any) -> None:
        try:
            await asyncio.gather(*(self._send_some(sender, task) for task in range(_TASKS)))
            with contextlib.suppress(*tcp_ends.REFUSALS):
                await sender.end()
        finally:
            sender.close()

    async def _send_some(self, sender: Any, task: int) -> None:
        first = task * _APART
        for _ in range(_BATCHES):
            batch = allocate(self._draw.randint(1, _MOST))
            fill(batch, first)
            self.begun[first] = len(batch)
            sending = asyncio.create_task(sender.send(batch))
            if self._draw.random() < self._cancels:
                await asyncio.sleep(self._draw.choice((0, 0, 0.0005, 0.003)))
                sending.cancel()
            try:
                await sending
            except asyncio.CancelledError:
                pass  # ours: nobody else cancels
            except tcp_ends.REFUSALS:
                return  # the connection is broken, as it may be after a cancellation
            else:
                self.returned.add(first)
            first += len(batch)

    async def _receive(self, receiver: Any) -> None:
        try:
            while True:
                batch = await receiver.receive()
                first = int(batch["sequence"][0])
                damage, _ = compare(batch, first)
                if self.begun.get(first) == len(batch) and damage == Damage(0, 0, 0):
                    self.came.append(first)
                else:
                    self.garbage += len(batch)
                receiver.release()
                del batch
                await asyncio.sleep(self._draw.choice((0, 0, 0.001)))
        except EndOfStream:
            self.complete = True
        except SenderLost:
            pass

    def judge(self, journal: Journal) -> None:
        """Count what is missing, double, out of order or made up."""
        missing = self.returned - set(self.came) if self.complete else set()
        lost = sum(self.begun[first] for first in missing)
        repeated = len(self.came) - len(set(self.came))
        journal.damage(lost, repeated, self.garbage, "after cancelled sends")
        for task in range(_TASKS):
            own = [first for first in self.came if first // _APART == task]
            if own != sorted(own):
                journal.find("late", "batches of one task came out of order")


def trial(draw: random.Random, journal: Journal) -> None:
    """Run one sender to its end."""
    sending = Sending(draw)

    async def bounded() -> None:
        hear_loop(journal)
        async with asyncio.timeout(_SECONDS):
            await sending.run()

    try:
        run(bounded(), native=draw.random() < 0.5)
    except TimeoutError:
        journal.find("hang", f"sends that are cancelled took {_SECONDS:.0f} s")
    except BaseExceptionGroup as group:
        for error in group.exceptions:
            journal.find_error(error)
    journal.count("schedules")
    sending.judge(journal)
