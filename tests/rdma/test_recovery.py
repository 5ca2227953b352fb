"""A stream of the verbs fabric outlives its faults: every event once, in order, and counted."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from ends import SECRET, Taker, both, child, numbered
from wire import Wire, add_link, run

from aethermodel.bus import SenderLost
from aethermodel.bus.fabrics.verbs import VerbsSender
from cython_core.verbs.errors import (
    DeviceRemovedError,
    PeerDiedError,
    PortDownError,
    RemoteAccessError,
    RetryExceededError,
)


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


@pytest.mark.parametrize(("p", "k"), [(1, 16), (8, 32)])
def test_a_port_that_goes_down_and_up_under_load(link: str, p: int, k: int) -> None:
    async def main() -> None:
        async with both(list_length=p, signal_every=k) as (sender, receiver):
            taker = Taker(receiver)

            async def produce() -> int:
                sent = 0
                while sender.counters["recoveries"] < 2 or sent < 20_000:
                    sent = await send(sender, sent, 7, size=10)
                await sender.end()
                return sent

            task = asyncio.create_task(produce())
            for i in range(2):
                await taker.has(1000 * (i + 1))
                await asyncio.to_thread(run, f"ip link set {link} down")
                await asyncio.sleep(0.3)
                await asyncio.to_thread(run, f"ip link set {link} up")
                await until(lambda n=i: sender.counters["recoveries"] > n)
            sent = await task
            await taker.task
            assert taker.events == sender.delivered == sent

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
    assert counts["repeated"] == 5 * counts["recoveries"]
    assert (counts["recoveries"] > 0) == (within > 0)


def test_a_port_that_stays_down(link: str) -> None:
    async def main() -> None:
        async with both(recover_within=0.5) as (sender, receiver):
            taker = Taker(receiver)
            await taker.has(await send(sender, 0, 20))
            await asyncio.to_thread(run, f"ip link set {link} down")
            with pytest.raises(PortDownError) as caught:
                await send(sender, 40, 5)
                await sender.end()
            assert caught.value.delivered == sender.delivered == 40
            with pytest.raises(SenderLost, match="40 events committed, 40 consumed"):
                await taker.task
            failure = receiver.arrivals.failure
            assert isinstance(failure, (PortDownError, PeerDiedError)) and failure.delivered == 40

    asyncio.run(main())


@pytest.mark.parametrize("side", ["sender", "receiver"])
def test_requests_that_are_flushed(side: str) -> None:
    async def main() -> None:
        async with both(list_length=4, signal_every=16) as (sender, receiver):
            taker = Taker(receiver)
            sent = 0
            for i in range(5):
                sent = await send(sender, sent, 50)
                ends = {"sender": sender, "receiver": receiver.arrivals}
                ends[side]._connection.queue_pair.abort()
                sent = await send(sender, sent, 50)
                await until(lambda n=i: sender.counters["recoveries"] > n)
            await sender.end()
            await taker.task
            assert taker.events == sender.delivered == sent == 1000
            assert sender.counters["recoveries"] == 5

    asyncio.run(main())


def test_a_wrong_request_is_not_repeated() -> None:
    async def main() -> None:
        async with both() as (sender, receiver):
            taker = Taker(receiver)
            await taker.has(await send(sender, 0, 10))
            remote = sender._connection.queue_pair.remote
            sender._outlet.stream.aim(replace(remote, key=remote.key ^ 0x5A5A5A))
            with pytest.raises(RemoteAccessError) as caught:
                await send(sender, 20, 3)
                await sender.end()
            assert caught.value.delivered == 20
            assert sender.counters["recoveries"] == 0
            with pytest.raises(SenderLost):
                await taker.task
            assert taker.events == 20

    asyncio.run(main())


def remove(how: str) -> subprocess.Popen[bytes]:
    """Begin; it ends when nobody has the device open any more."""
    commands = {"device": "rdma link delete rxe0", "netdev": "ip link del dummy0"}
    return subprocess.Popen(commands[how].split())


@pytest.mark.parametrize("how", ["device", "netdev"])
def test_a_device_that_is_removed_and_comes_back(link: str, how: str) -> None:
    async def main() -> None:
        async with both(list_length=4, signal_every=16) as (sender, receiver):
            taker = Taker(receiver)

            async def produce() -> int:
                sent = 0
                while not sender.counters["recoveries"] or sent < 20_000:
                    sent = await send(sender, sent, 7, size=10)
                await sender.end()
                return sent

            task = asyncio.create_task(produce())
            await taker.has(1000)
            removal = remove(how)
            assert await asyncio.to_thread(removal.wait, 10) == 0
            await until(lambda: not Path("/sys/class/infiniband/rxe0").exists())
            if how == "netdev":
                await asyncio.to_thread(add_link)
            await asyncio.to_thread(run, "rdma link add rxe0 type rxe netdev dummy0")
            sent = await task
            await taker.task
            assert taker.events == sender.delivered == sent
            assert sender.counters["recoveries"] == receiver.arrivals.counters["recoveries"] == 1

    asyncio.run(main())


def test_a_device_that_stays_away(link: str) -> None:
    async def main() -> None:
        async with both(recover_within=1.0) as (sender, receiver):
            taker = Taker(receiver)
            await taker.has(await send(sender, 0, 20))
            removal = remove("device")
            assert await asyncio.to_thread(removal.wait, 10) == 0  # an idle device, too
            with pytest.raises(DeviceRemovedError, match="rxe0") as caught:
                await send(sender, 40, 1)
                await sender.end()
            assert caught.value.delivered == 40
            with pytest.raises(SenderLost, match="40 events committed, 40 consumed"):
                await taker.task
            failure = receiver.arrivals.failure
            assert isinstance(failure, (DeviceRemovedError, PeerDiedError))
            assert failure.delivered == 40

    asyncio.run(main())


def test_a_peer_that_is_killed_while_the_port_is_down(link: str) -> None:
    process = child("receiver")
    assert process.stdout is not None
    port, out = int(process.stdout.readline()), process.stdout

    async def main() -> PeerDiedError:
        sender = await VerbsSender.connect(port, secret=SECRET)
        sent = await send(sender, 0, 100, size=10)
        assert int(await asyncio.to_thread(out.readline)) == sent == 1000
        await asyncio.to_thread(run, f"ip link set {link} down")
        await send(sender, sent, 1)
        await asyncio.sleep(0.2)
        process.send_signal(signal.SIGKILL)
        killed = time.monotonic()
        with pytest.raises(PeerDiedError) as caught:
            await sender.end()
        assert time.monotonic() - killed < 1
        return caught.value

    error = asyncio.run(main())
    assert process.wait() == -signal.SIGKILL
    assert error.delivered == 1000
    assert "1000 events delivered" in str(error)


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


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_a_time_that_does_not_do(seconds: float) -> None:
    with pytest.raises(ValueError, match="recover_within"):
        asyncio.run(VerbsSender.connect(1, secret=SECRET, recover_within=seconds))
