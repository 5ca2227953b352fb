"""Bus kills: signal 9 to a producer's process or to the bus, over shared memory and over TCP."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

import numpy as np

from aethermodel.bus import Bus
from aethermodel.bus.fabrics.protocol import Batch, Receiver, SenderLost
from aethermodel.bus.fabrics.shm import ShmReceiver, ShmSender
from cython_core import PeerDied, allocate
from cython_core.ring.handle import make_ends
from tools.torture.fault_campaign import TrialBody
from tools.torture.journal import Journal
from tools.torture.kills.stream_kills import ROLES, Ends, Role, kill_one, run
from tools.torture.streams import tcp_ends
from tools.torture.witness import Page, fill, take

TOLD = (SenderLost, PeerDied, OSError)
#: An emulated guest takes its time.
_GUEST_SECONDS = 120.0


class Ended(Exception):  # noqa: N818 - the end of a stream
    """A bus ended in good order."""


@dataclass(frozen=True)
class Plan:
    """What one trial draws.

    Attributes
    ----------
    victim : {"producer", "consumer"}
    most, capacity, pool : int
        Events a batch and in the ring; batches of a receiver's pool.
    awaits : bool
        Whether the handler is async.
    seconds : float
    native : bool
    """

    victim: Role
    most: int
    capacity: int
    pool: int
    awaits: bool
    seconds: float
    native: bool

    @classmethod
    def draw(cls, draw: random.Random) -> Plan:
        """Draw a plan."""
        return cls(
            victim=draw.choice(ROLES),
            most=draw.choice((1, 16, 256)),
            capacity=draw.choice((256, 4096)),
            pool=draw.choice((2, 4)),
            awaits=draw.random() < 0.3,
            seconds=draw.choice((0.002, 0.01, 0.04)) * draw.random(),
            native=draw.random() < 0.5,
        )


async def _take_all(receiver: Receiver, plan: Plan, page: Page) -> None:
    """Handle what comes, and raise what the bus says of the sender's end."""
    bus = Bus(["torture"], capacity=65_536, numbered=True)

    def handle(batch: Batch, indices: np.ndarray[Any, Any]) -> None:
        take(page, batch)

    async def handle_slowly(batch: Batch, indices: np.ndarray[Any, Any]) -> None:
        take(page, batch)

    bus.on("torture")(handle_slowly if plan.awaits else handle)
    bus.attach(receiver)
    await bus.run()
    if bus.failures:
        raise RuntimeError(str(bus.failures[0]))
    page["lost"] += bus.instruments.gaps
    for _, error in bus.lost:
        raise error
    raise Ended


async def _send_all(sender: Any, plan: Plan, page: Page) -> None:
    sizes = random.Random(plan.most)
    spare = allocate(plan.most)
    sent = [0]  # events after each batch
    try:
        while True:
            n = sizes.randint(1, plan.most)
            page["intended"] = sent[-1] + n
            fill(spare[:n], sent[-1], topics=1)
            await sender.send(spare[:n])
            sent.append(sent[-1] + n)
            page["committed"] = sent[-1]
    except OSError as error:
        # Over TCP the receiver's receipts count batches; those it confirmed were handled.
        if (unconfirmed := getattr(error, "unconfirmed", None)) is not None:
            page["confirmed"] = sent[min(getattr(error, "sent", 0) - unconfirmed, len(sent) - 1)]
        raise


def _body(work: Callable[[], Coroutine[Any, Any, None]], plan: Plan, page: Page) -> Any:
    """Return the body of an end, which notes what it was told."""

    def body() -> None:
        try:
            run(work(), native=plan.native)
        except TOLD as error:
            place = next(i for i, kind in enumerate(TOLD) if isinstance(error, kind))
            page.tell(place, error)

    return body


def over_shm() -> TrialBody:
    """Return a trial of a sender and a bus that share a ring."""
    page = Page()

    def trial(draw: random.Random, journal: Journal) -> None:
        plan = Plan.draw(draw)
        page.clear()
        left, right = make_ends(plan.capacity)

        async def produce() -> None:
            right.close()
            sender = ShmSender(left.attach())
            page["producer_ready"] = 1
            await _send_all(sender, plan, page)

        async def consume() -> None:
            left.close()
            receiver = ShmReceiver(right.attach())
            page["consumer_ready"] = 1
            await _take_all(receiver, plan, page)

        def started() -> None:
            left.close()
            right.close()

        ends = Ends(
            producer=_body(produce, plan, page),
            consumer=_body(consume, plan, page),
            victim=plan.victim,
            seconds=plan.seconds,
            told=TOLD,
            due={"producer": (SenderLost,), "consumer": (PeerDied,)},
        )
        kill_one(ends, page, journal, started)

    return trial


def over_tcp() -> TrialBody:
    """Return a trial of a sender and a bus that a connection over loopback joins."""
    page = Page()

    def trial(draw: random.Random, journal: Journal) -> None:
        plan = Plan.draw(draw)
        page.clear()
        key = tcp_ends.fresh_key()

        async def produce() -> None:
            while not page["port"]:
                await asyncio.sleep(0.0005)
            sender = await tcp_ends.connect(page["port"], key)
            page["producer_ready"] = 1
            await _send_all(sender, plan, page)

        async def consume() -> None:
            listener = await tcp_ends.listen(key, plan.most, plan.pool)
            page["port"] = listener.port
            receiver = await listener.accept()
            page["consumer_ready"] = 1
            await _take_all(receiver, plan, page)

        ends = Ends(
            producer=_body(produce, plan, page),
            consumer=_body(consume, plan, page),
            victim=plan.victim,
            seconds=plan.seconds,
            told=TOLD,
            due={"producer": (SenderLost,), "consumer": (OSError,)},
        )
        kill_one(ends, page, journal)

    return trial


def over_verbs() -> TrialBody:
    """Return a trial of a sender and a bus that an RDMA device joins."""
    from aethermodel.bus.fabrics.verbs.fabric import VerbsListener, VerbsSender
    from cython_core.verbs.errors import PeerDiedError

    page = Page()
    secret = b"known to both of these ends"

    def trial(draw: random.Random, journal: Journal) -> None:
        plan = Plan.draw(draw)
        page.clear()

        async def produce() -> None:
            while not page["port"]:
                await asyncio.sleep(0.005)
            sender = await VerbsSender.connect(page["port"], secret=secret)
            page["producer_ready"] = 1
            try:
                await _send_all(sender, plan, page)
            except PeerDiedError:
                page["told_consumed"] = sender.consumed
                page.tell(1)

        async def consume() -> None:
            listener = VerbsListener(secret, capacity=plan.capacity)
            page["port"] = listener.port
            receiver = await listener.accept(_GUEST_SECONDS)
            page["consumer_ready"] = 1
            await _take_all(receiver, plan, page)

        ends = Ends(
            producer=_body(produce, plan, page),
            consumer=_body(consume, plan, page),
            victim=plan.victim,
            seconds=10 * plan.seconds,
            told=TOLD,
            due={"producer": (SenderLost,), "consumer": (PeerDied,)},
            keeps=False,
            patience=_GUEST_SECONDS,
        )
        kill_one(ends, page, journal)

    return trial
