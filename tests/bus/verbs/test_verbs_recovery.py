"""Recovery of a stream over verbs: what is connected again and known to be delivered; no device."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from aethermodel.bus.fabrics.verbs import recovery as verbs_recovery
from aethermodel.bus.fabrics.verbs.connection import Connection
from aethermodel.bus.fabrics.verbs.exchange import Exchange, dial
from aethermodel.bus.fabrics.verbs.ledger import Ledger
from aethermodel.bus.fabrics.verbs.listener import Listener
from aethermodel.bus.fabrics.verbs.recovery import FINAL, HELD, Recovery, verdict
from cython_core.verbs import Endpoint
from cython_core.verbs.errors import (
    FlushedError,
    NoDeviceError,
    PeerDiedError,
    RdmaError,
    RemoteAccessError,
    RetryExceededError,
    UnreachableError,
)

FAULT = RetryExceededError("no answer")


class Clock:
    """Time that passes when it is told to, or asleep."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(verbs_recovery, "time", made)
    return made


def connect(recovery: Recovery, results: list[Any], gone: bool = False) -> Any:
    """Run; each try gets the next result, raised where it is an exception."""

    def attempt(seconds: float) -> Any:
        result = results.pop(0) if len(results) > 1 else results[0]
        if isinstance(result, Exception):
            raise result
        return result, seconds

    return asyncio.run(recovery.run(attempt, lambda: gone))


def test_time_counts_from_the_first_fault_without_progress(clock: Clock) -> None:
    recovery = Recovery(10.0)
    assert recovery.allows(FAULT, 7)
    connect(recovery, ["made"])
    for _ in range(4):
        clock.now += 2.4
        assert recovery.allows(FAULT, 7)
        connect(recovery, ["made"])
    clock.now += 1
    assert not recovery.allows(FAULT, 7)
    assert recovery.allows(FAULT, 8)  # it has moved
    assert recovery.count == 5


def test_a_connection_that_held_has_healed(clock: Clock) -> None:
    recovery = Recovery(1.0)
    assert recovery.allows(FAULT, 7)
    connect(recovery, ["made"])
    clock.now += HELD + 1
    assert recovery.allows(FAULT, 7)


def test_the_peer_may_ask_at_any_time(clock: Clock) -> None:
    recovery = Recovery(1.0)
    assert recovery.allows(FAULT, 7)
    clock.now += 3
    connect(recovery, ["made"])
    assert not recovery.allows(FAULT, 7)
    assert recovery.allows(None, 7)
    assert connect(recovery, ["made"]) == ("made", pytest.approx(1.0))


@pytest.mark.parametrize("refusing", ["near", "far", "both", "neither"])
def test_both_sides_learn_that_one_cannot_connect(refusing: str) -> None:
    class Half:
        def __init__(self, side: str) -> None:
            self.refuses = refusing in (side, "both")

        def connect(self, remote: Endpoint) -> None:
            if self.refuses:
                raise RdmaError("no address")

    def connect(side: str, exchange: Exchange) -> str:
        connection: Any = Connection.__new__(Connection)  # without a device
        connection.device, connection.queue_pair = SimpleNamespace(name=side), Half(side)
        with exchange:
            for number in (7, 8):  # the second try is in step
                own = Endpoint(number=number, psn=0, gid=bytes(16), lid=0, mtu=1024)
                try:
                    assert exchange.swap(own).number == number
                    connection.connect(exchange, own, own)
                    said = "connected"
                except UnreachableError as error:
                    said = str(error)
        return said

    secret = b"known to both of these sides"
    with Listener(secret) as listener, ThreadPoolExecutor(1) as pool:
        far = pool.submit(lambda: connect("far", listener.accept(10)))
        said = connect("near", dial(secret, listener.port)), far.result(10)
    lost = {"near": "the peer finds no way to near", "far": "the peer finds no way to far"}
    own = {side: f"{side}: no address" for side in lost}
    assert (
        said
        == {
            "near": (own["near"], lost["far"]),
            "far": (lost["near"], own["far"]),
            "both": (own["near"], own["far"]),
            "neither": ("connected", "connected"),
        }[refusing]
    )


def test_what_no_time_heals() -> None:
    assert not Recovery(0.0).allows(FAULT, 0)
    assert not Recovery(0.0).allows(None, 0)
    for kind in FINAL:
        assert not Recovery(10.0).allows(kind("wrong"), 0)


def test_a_device_and_a_way_to_the_peer_are_waited_for(clock: Clock) -> None:
    recovery = Recovery(1.0)
    recovery.allows(FAULT, 0)
    none = NoDeviceError("none")
    made, left = connect(recovery, [none, none, UnreachableError("no route"), "made"])
    assert made == "made" and left == pytest.approx(1 - 3 * verbs_recovery.RETRY)
    recovery.allows(FAULT, 1)
    with pytest.raises(NoDeviceError):
        connect(recovery, [none])
    with pytest.raises(PeerDiedError):
        recovery.allows(FAULT, 2)
        connect(recovery, [none], gone=True)
    assert recovery.count == 1


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_a_time_that_does_not_do(seconds: float) -> None:
    with pytest.raises(ValueError, match="at least 0 seconds"):
        Recovery(seconds)


def test_the_verdict_names_the_fault_that_did_not_heal() -> None:
    died = PeerDiedError("gone")
    assert verdict(FAULT, NoDeviceError("none")) is FAULT
    assert verdict(FAULT, TimeoutError()) is FAULT
    assert verdict(FAULT, died) is died and died.__cause__ is FAULT
    lost = UnreachableError("no route")
    assert verdict(FAULT, lost) is lost and lost.__cause__ is FAULT
    late = NoDeviceError("none")
    assert verdict(None, late) is late
    assert isinstance(FAULT, RetryExceededError) and not isinstance(FAULT, FINAL)
    assert not issubclass(FlushedError, FINAL) and issubclass(RemoteAccessError, FINAL)


def test_the_ledger_knows_what_is_where() -> None:
    ledger = Ledger()
    for events in (3, 5, 7, 0):
        ledger.commit(events)
    assert (ledger.messages, ledger.position) == (4, 15)
    assert [ledger.kept(i) for i in range(4)] == [(0, 3), (3, 5), (8, 7), (15, 0)]
    ledger.arrive(2)
    assert (ledger.arrived, ledger.delivered) == (2, 8)
    assert ledger.kept(2) == (8, 7)
    assert ledger.release(1) == 3
    assert ledger.release(3) == 12  # released, hence arrived, though nobody acknowledged it
    assert ledger.release(9) == 0 and ledger.consumed == 15
    ledger.arrive(4)
    assert ledger.delivered == 15
    for wrong in (3, 5):
        with pytest.raises(ValueError, match=f"counts {wrong} messages"):
            ledger.arrive(wrong)
