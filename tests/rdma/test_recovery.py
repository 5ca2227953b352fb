"""A stream of the verbs fabric outlives a cut wire: every event once, in order, and counted."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from ends import Taker, both, send, until
from wire import Wire

from aethermodel.bus import SenderLost
from cython_core.verbs.errors import PeerDiedError, RetryExceededError


@pytest.fixture(scope="module")
def whole(guest: None) -> Iterator[Wire]:
    with Wire() as wire:
        yield wire


@pytest.fixture
def wire(whole: Wire) -> Iterator[Wire]:
    yield whole
    whole.mend()


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
            await until(lambda: sender.counters["recoveries"] and sender.delivered == sent)
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


@pytest.mark.parametrize("within", [0.0, 1.0])
def test_a_wire_that_stays_cut(wire: Wire, within: float) -> None:
    async def main() -> tuple[RetryExceededError, int, Exception | None, int, dict[str, int]]:
        async with both(devices=wire.devices, recover_within=within) as (sender, receiver):
            taker = Taker(receiver)
            await taker.has(await send(sender, 0, 20))
            wire.cut()
            await send(sender, 40, 5)
            with pytest.raises(RetryExceededError) as caught:
                await sender.end()
            with pytest.raises(SenderLost, match="40 events committed, 40 consumed"):
                await taker.task
            failure = receiver.arrivals.failure
            return caught.value, taker.events, failure, sender.delivered, sender.counters

    error, events, failure, delivered, counts = asyncio.run(main())
    assert error.delivered == delivered == events == 40
    assert isinstance(failure, PeerDiedError) and failure.delivered == 40
    assert counts["repeated"] == 6 * counts["recoveries"]  # the goodbye, too
    assert (counts["recoveries"] > 0) == (within > 0)


@pytest.mark.parametrize("side", ["sender", "receiver"])
def test_a_side_that_closes_while_a_fault_heals(wire: Wire, side: str) -> None:
    async def main() -> None:
        async with both(devices=wire.devices) as (sender, receiver):
            taker = Taker(receiver)
            await taker.has(await send(sender, 0, 10))
            wire.cut()
            await send(sender, 20, 3)
            await until(lambda: sender.counters["recoveries"])
            if side == "sender":
                sender.close()
                with pytest.raises(SenderLost, match="20 events committed"):
                    await taker.task
            else:
                taker.task.cancel()
                receiver.close()
                with pytest.raises(PeerDiedError) as caught:
                    await sender.end()
                assert caught.value.delivered == 20

    asyncio.run(main())
