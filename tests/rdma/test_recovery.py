"""A stream of the verbs fabric outlives its faults: every event once, in order, and counted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from ends import Taker, both, numbered
from wire import Wire

from aethermodel.bus.fabrics.verbs import VerbsSender


@pytest.fixture(scope="module")
def whole(guest: None) -> Iterator[Wire]:
    with Wire() as wire:
        yield wire


@pytest.fixture
def wire(whole: Wire) -> Iterator[Wire]:
    yield whole
    whole.mend()


async def send(sender: VerbsSender, first: int, count: int, size: int = 2) -> int:
    """Send so many batches, in one turn of the event loop where all fits."""
    for i in range(count):
        await sender.send(numbered(size, first + size * i))
    return first + size * count


async def until(condition: Any, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize(("p", "k"), [(1, 1), (1, 16), (8, 4), (16, 64)])
def test_a_wire_that_is_cut_for_a_while(wire: Wire, p: int, k: int) -> None:
    before, lost, after = 40, 21, 40

    async def main() -> tuple[int, dict[str, int], dict[str, int]]:
        options: Any = {"list_length": p, "signal_every": k}
        async with both(128, devices=wire.devices, **options) as (sender, receiver):
            taker = Taker(receiver)
            await taker.has(await send(sender, 0, before))
            wire.cut()
            sent = await send(sender, 2 * before, lost)
            await until(lambda: sender.counters["recoveries"])
            assert taker.events == 2 * before
            wire.mend()
            await taker.has(sent)
            sent = await send(sender, sent, after)
            await sender.end()
            await taker.task
            assert sender.delivered == sent
            return taker.events, sender.counters, receiver.arrivals.counters

    events, sent, received = asyncio.run(main())
    assert events == 2 * (before + lost + after)
    messages = before + lost + after + 1  # and the goodbye
    again = sent["recoveries"]
    assert again >= 1 and received["recoveries"] == again
    assert sent["repeated"] == again * lost
    assert sent["posts"] == -(-before // p) + (1 + again) * -(-lost // p) - (-(after + 1) // p)
    there = (before + lost) // k - before // k
    assert sent["signalled"] == -(-messages // k) + again * there
    assert sent["completions"] == -(-messages // k)


def test_lost_acknowledgements_are_no_duplicates(wire: Wire) -> None:
    async def main() -> None:
        async with both(128, devices=wire.devices) as (sender, receiver):
            taker = Taker(receiver)
            await taker.has(await send(sender, 0, 10))
            wire.cut(2)  # the receiver hears, and is not heard
            sent = await send(sender, 20, 30)
            await taker.has(sent)
            await until(lambda: sender.counters["recoveries"])
            assert sender.delivered == sent
            wire.mend()
            await send(sender, sent, 10)
            await sender.end()
            await taker.task
            assert taker.events == 100
            assert sender.counters["repeated"] == 0

    asyncio.run(main())


def test_the_goodbye_is_not_acknowledged(wire: Wire) -> None:
    async def main() -> None:
        async with both(devices=wire.devices) as (sender, receiver):
            taker = Taker(receiver)
            await taker.has(await send(sender, 0, 10))
            wire.cut(2)
            await sender.end()
            await taker.task
            assert taker.events == sender.delivered == 20
            assert receiver.arrivals.failure is None

    asyncio.run(main())
