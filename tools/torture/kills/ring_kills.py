"""Ring kills: signal 9 to either end at a random moment; the survivor is told, exactly."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from cython_core import PeerDied, Ring, RingClosed, RingCorrupt, RingHandle, allocate
from cython_core.ring.handle import Policy, make_ends
from tools.torture.fault_campaign import TrialBody
from tools.torture.journal import Journal
from tools.torture.kills.stream_kills import ROLES, Ends, Role, fork_kin, kill_one, rest, run
from tools.torture.witness import Page, fill, take

POLICIES: tuple[Policy, ...] = ("spin-then-wait", "wait")
TOLD = (PeerDied, RingClosed, RingCorrupt)


@dataclass(frozen=True)
class Plan:
    """What one trial draws.

    Attributes
    ----------
    victim : {"producer", "consumer"}
    producer : {"reserve", "write", "room"}
        How it sends; ``room`` sleeps on an event loop.
    consumer : {"peek", "batches", "async"}
        How it takes; ``async`` sleeps on an event loop.
    policy : str
        How both ends wait.
    most, capacity : int
        Most events a batch, and in the ring.
    rests_after : int
        After how many events the victim only holds its end, so that the survivor sleeps; 0 never.
    kin : {"none", "holds", "closes"}
        A forked child of the victim that holds what it inherited, or a child of the survivor that
        closes it.
    seconds : float
        From readiness until the kill: mostly so short that an act is under way.
    native : bool
        uvloop, or asyncio's own loop.
    """

    victim: Role
    producer: str
    consumer: str
    policy: Policy
    most: int
    capacity: int
    rests_after: int
    kin: str
    seconds: float
    native: bool

    @classmethod
    def draw(cls, draw: random.Random) -> Plan:
        """Draw a plan."""
        capacity = draw.choice((1, 4, 64, 1024))
        return cls(
            victim=draw.choice(ROLES),
            producer=draw.choice(("reserve", "write", "room")),
            consumer=draw.choice(("peek", "batches", "async")),
            policy=draw.choice(POLICIES),
            most=min(draw.choice((1, 3, 64)), capacity),
            capacity=capacity,
            rests_after=draw.randint(1, 500) if draw.random() < 0.3 else 0,
            kin=draw.choices(("none", "holds", "closes"), (8, 1, 1))[0],
            seconds=draw.choice((0.001, 0.004, 0.02)) * draw.random(),
            native=draw.random() < 0.5,
        )

    def turn(self, role: Role, ring: Ring, page: Page) -> Callable[[int], None]:
        """Return what an end calls after each batch with the events so far: it forks, or rests."""
        forks = {"none": None, "holds": self.victim}.get(self.kin, _other(self.victim)) == role
        rests = self.rests_after if role == self.victim else 0

        def after(events: int) -> None:
            nonlocal forks
            if forks:
                forks = False
                fork_kin(page, ring.close if self.kin == "closes" else lambda: None)
            if rests and events >= rests:
                rest()

        return after


def _other(role: Role) -> Role:
    return "consumer" if role == "producer" else "producer"


async def _produce(ring: Ring, plan: Plan, page: Page) -> None:
    sizes = random.Random(plan.most)
    spare = allocate(plan.most)
    after = plan.turn("producer", ring, page)
    sent = 0
    while True:
        n = sizes.randint(1, plan.most)
        page["intended"] = sent + n
        if plan.producer == "room":
            await ring.room(n)
        if plan.producer == "write":
            fill(spare[:n], sent)
            ring.write(spare[:n])
        else:
            fill(ring.reserve(n), sent)
            ring.commit()
        sent += n
        page["committed"] = sent
        after(sent)


async def _consume(ring: Ring, plan: Plan, page: Page) -> None:
    after = plan.turn("consumer", ring, page)
    if plan.consumer == "async":
        async for batch in ring.batches(plan.most):
            page["released"] = page["handled"]
            take(page, batch)
            after(page["handled"])
    elif plan.consumer == "batches":
        for batch in ring.batches(plan.most):
            page["released"] = page["handled"]
            take(page, batch)
            after(page["handled"])
    while True:
        take(page, ring.peek(plan.most))
        after(page["handled"])
        ring.release()
        page["released"] = page["handled"]


def prepare() -> TrialBody:
    """Return a trial of a ring's two ends."""
    page = Page()

    def trial(draw: random.Random, journal: Journal) -> None:
        plan = Plan.draw(draw)
        page.clear()
        left, right = make_ends(plan.capacity)

        def end(own: RingHandle, other: RingHandle, role: Role) -> Callable[[], None]:
            def body() -> None:
                other.close()
                ring = own.attach(policy=plan.policy)
                page[f"{role}_ready"] = 1
                work = _produce if role == "producer" else _consume
                try:
                    run(work(ring, plan, page), native=plan.native)
                except TOLD as error:
                    page.tell(TOLD.index(type(error)), error)
                    ring.abort()

            return body

        def started() -> None:
            left.close()
            right.close()

        ends = Ends(
            producer=end(left, right, "producer"),
            consumer=end(right, left, "consumer"),
            victim=plan.victim,
            seconds=plan.seconds,
            told=TOLD,
            due={"producer": (PeerDied,), "consumer": (PeerDied,)},
        )
        kill_one(ends, page, journal, started)

    return trial
