"""Spoiled TCP streams: bits flipped, bytes lost, added, repeated, reordered, cut or dripped.

What was sent arrives whole and unchanged up to where the stream ends, and a stream that was cut
short never looks complete.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

from aethermodel.bus.fabrics.protocol import EndOfStream, SenderLost
from cython_core import allocate
from tools.torture.fault_campaign import TrialBody
from tools.torture.journal import Journal
from tools.torture.kills.stream_kills import hear_loop, run
from tools.torture.streams import tcp_ends
from tools.torture.streams.spoiling import ACTS, Proxy, Spoiler
from tools.torture.witness import Damage, compare, fill

#: Streams of one trial, all at a time.
STREAMS = 64
#: About how many bytes surround the events of a batch, and come before the first.
_AROUND, _BEFORE = 24, 160
#: Seconds until all must be over: a second or two, and long on a busy host.
_PATIENCE = 240.0
#: Seconds for a receiver to end once its connections are over, where nothing was spoiled.
_LAST_SECONDS = 60.0


def draw_spoiler(draw: random.Random, size: int, act: str | None = None) -> Spoiler:
    """Draw one act somewhere in a stream of about `size` bytes."""
    return Spoiler(
        act=act or draw.choice(ACTS),
        place=draw.randrange(size) if draw.random() < 0.8 else draw.randrange(_BEFORE),
        span=draw.choice((1, 1, 2, 4, 8, 64, 200)),
        whole=draw.random() < 0.3,
        draw=random.Random(draw.random()),
    )


class Stream:
    """One stream through a spoiling proxy, and what came of it.

    Attributes
    ----------
    sent, came : int
        Events whose send was begun, and that came as they were sent.
    damage : Damage
    ended : bool
        Whether the receiver was told that the stream is complete.
    proxy : Proxy
    """

    def __init__(self, draw: random.Random) -> None:
        self.sizes = [draw.choice((1, 1, 3, 20, 100)) for _ in range(draw.randint(1, 6))]
        size = _BEFORE + sum(64 * n + _AROUND for n in self.sizes)
        spoiler = draw_spoiler(draw, size)
        # A sender may have a second connection, for receipts; and both go both ways.
        places = ("events", "answers", "receipts", "receipts back")
        (self.which,) = draw.choices(places, (14, 2, 1, 1))
        if self.which != "events":
            spoiler.place %= _BEFORE
        four = [spoiler if place == self.which else Spoiler() for place in places]
        self.spoilers = [(four[0], four[1]), (four[2], four[3])]
        self.act = f"{spoiler.act} of {self.which}"
        self.sent = self.came = 0
        self.damage = Damage(0, 0, 0)
        self.ended = False
        self.failed: list[BaseException] = []
        self.refused: list[str] = []
        self.proxy: Any = None

    async def run(self) -> None:
        """Send, spoil and receive."""
        key = tcp_ends.fresh_key()
        listener = await tcp_ends.listen(key, 128, 2)
        self.proxy = Proxy(listener.port, self.spoilers)
        loop = asyncio.get_running_loop()
        receiving = loop.create_task(self._receive(listener))
        passing = loop.create_task(self.proxy.pass_on())
        sending = loop.create_task(self._send(key))
        try:
            await asyncio.wait([sending])
            await self.proxy.all_over()
            # The connections are over on both sides, so what came is there, or nothing came.
            done, _ = await asyncio.wait(
                [receiving], timeout=0.1 if self.proxy.spoiled else _LAST_SECONDS
            )
            if not done and not self.proxy.spoiled:
                self.failed.append(TimeoutError("the receiver waits on"))
        finally:
            for task in (receiving, passing, sending):
                task.cancel()
            for result in await asyncio.gather(receiving, passing, sending, return_exceptions=True):
                if isinstance(result, BaseException) and not isinstance(
                    result, asyncio.CancelledError
                ):
                    self.failed.append(result)
            self.proxy.close()
            listener.close()

    async def _send(self, key: Any) -> None:
        sender = None
        try:
            sender = await tcp_ends.connect(self.proxy.port, key)
            for n in self.sizes:
                batch = allocate(n)
                fill(batch, self.sent)
                self.sent += n
                await sender.send(batch)
            await sender.end()
        except tcp_ends.REFUSALS as error:
            self.refused.append(str(error))
        finally:
            if sender is not None:
                sender.close()

    async def _receive(self, listener: Any) -> None:
        receiver = await listener.accept()
        try:
            while True:
                batch = await receiver.receive()
                damage, self.came = compare(batch, self.came)
                self.damage = Damage(*map(sum, zip(self.damage, damage, strict=True)))
                receiver.release()
                del batch
        except EndOfStream:
            self.ended = True
        except SenderLost:
            pass
        finally:
            receiver.close()

    def judge(self, journal: Journal) -> None:
        """Count the stream and what was wrong with it."""
        journal.count("streams")
        for error in self.failed:
            journal.find_error(error)
        total = sum(self.sizes)
        # Told that it is complete, and it is not; or the proxy changed nothing, and it is not.
        due = total if self.ended or not self.proxy.spoiled else self.came
        lost = max(self.damage.lost, due - self.came)
        garbage = self.damage.garbage + max(0, self.came - self.sent)
        journal.damage(lost, self.damage.repeated, garbage, f"after {self.act}")
        if not self.proxy.spoiled and self.refused:
            journal.find("late", f"an unspoiled stream was refused: {self.refused[0]}")


def prepare() -> TrialBody:
    """Return a trial of some streams at a time."""

    def trial(draw: random.Random, journal: Journal) -> None:
        streams = [Stream(draw) for _ in range(STREAMS)]

        async def run_all() -> None:
            hear_loop(journal)
            async with asyncio.timeout(_PATIENCE):
                await asyncio.gather(*(stream.run() for stream in streams))

        try:
            run(run_all(), native=draw.random() < 0.5)
        except TimeoutError:
            journal.find("hang", f"{STREAMS} streams were not over in {_PATIENCE:.0f} s")
        for stream in streams:
            stream.judge(journal)

    return trial
