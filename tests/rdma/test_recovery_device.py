"""A stream of the verbs fabric outlives its port and its device; they come back in time or not.

There is one device only: the streams here are on rxe0.
"""

from __future__ import annotations

import asyncio
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from ends import CAPACITY, SECRET, Taker, both, child, numbered, send, until
from wire import add_link, run

from aethermodel.bus import SenderLost
from aethermodel.bus.fabrics.verbs.fabric import VerbsSender
from cython_core import first_gap
from cython_core.verbs.errors import DeviceRemovedError, PeerDiedError, PortDownError


@pytest.mark.parametrize(("p", "k"), [(1, 16), (8, 32)])
def test_a_port_that_goes_down_and_up_under_load(link: str, p: int, k: int) -> None:
    async def main() -> None:
        async with both(list_length=p, signal_every=k) as (sender, receiver):
            taker = Taker(receiver)

            async def produce() -> int:
                sent = 0
                while sender.counters["recoveries"] < 2 or sent < 5000:
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


def test_a_credit_that_is_lost_with_the_port(link: str) -> None:
    async def main() -> None:
        async with both() as (sender, receiver):
            await sender.send(numbered(CAPACITY, 0))  # the whole ring
            assert len(await receiver.receive()) == CAPACITY
            task = asyncio.create_task(send(sender, CAPACITY, 1))
            await asyncio.to_thread(run, f"ip link set {link} down")
            receiver.release()
            await asyncio.sleep(0.1)
            assert not task.done()
            await asyncio.to_thread(run, f"ip link set {link} up")
            async with asyncio.timeout(10):
                await task
                assert first_gap(await receiver.receive(), CAPACITY) == -1
            assert receiver.arrivals.counters["recoveries"] == 1

    asyncio.run(main())


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
                while not sender.counters["recoveries"] or sent < 5000:
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
        # The receiver has more patience, or it might be the first to hang up.
        async with both(recover_within=1.0, receiver_within=5.0) as (sender, receiver):
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
            assert isinstance(failure, PeerDiedError) and failure.delivered == 40
            assert isinstance(failure.__cause__, DeviceRemovedError)

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
