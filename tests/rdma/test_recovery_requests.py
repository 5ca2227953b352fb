"""Requests of a stream that fail: those that were flushed go again, wrong ones do not."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from ends import SECRET, Taker, both, send, until

from aethermodel.bus import SenderLost
from aethermodel.bus.fabrics.verbs.fabric import VerbsSender
from cython_core.verbs.errors import RemoteAccessError


@pytest.mark.parametrize("side", ["sender", "receiver"])
def test_requests_that_are_flushed(side: str) -> None:
    async def main() -> None:
        async with both(list_length=4, signal_every=16) as (sender, receiver):
            taker = Taker(receiver)
            sent = 0
            for i in range(3):
                sent = await send(sender, sent, 50)
                ends = {"sender": sender, "receiver": receiver.arrivals}
                ends[side].connection.queue_pair.abort()
                sent = await send(sender, sent, 50)
                await until(lambda n=i: sender.counters["recoveries"] > n)
            await sender.end()
            await taker.task
            assert taker.events == sender.delivered == sent == 600
            assert sender.counters["recoveries"] == 3

    asyncio.run(main())


def test_a_wrong_request_is_not_repeated() -> None:
    async def main() -> None:
        async with both() as (sender, receiver):
            taker = Taker(receiver)
            await taker.has(await send(sender, 0, 10))
            remote = sender.connection.queue_pair.remote
            sender.outlet.stream.aim(replace(remote, key=remote.key ^ 0x5A5A5A))
            await send(sender, 20, 3)
            with pytest.raises(SenderLost):  # the receiver may be the first to know
                await taker.task
            with pytest.raises(RemoteAccessError) as caught:
                await sender.end()
            assert taker.events == caught.value.delivered == 20
            assert sender.counters["recoveries"] == 0

    asyncio.run(main())


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_a_time_that_does_not_do(seconds: float) -> None:
    with pytest.raises(ValueError, match="recover_within"):
        asyncio.run(VerbsSender.connect(1, secret=SECRET, recover_within=seconds))
