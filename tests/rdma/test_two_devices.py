"""The ring of one host into the ring of another: `bench fabric` between two Soft-RoCE devices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.synchronize import Event

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from wire import ENDS, Wire

from aethermodel.bench.fabric.ends import collect, listen, transport_of
from aethermodel.bench.fabric.exchange_rounds import FabricPlan, batches_of
from aethermodel.bench.fabric.remote_ring import RingCaller
from aethermodel.bench.fabric.session import Address, Session, call
from aethermodel.bus.fabrics.key_exchange import SharedKey

FAR = Address(ENDS[1], 18_520)


def far_end(key: SharedKey, ready: Event) -> None:
    """Listen for one host at the far end of the wire."""
    listening = transport_of("verbs", FAR, listening=True)
    listen(FAR, key, lambda _: ready.set(), listening)


@contextmanager
def session(key: SharedKey) -> Iterator[Session]:
    """Call a host that listens at the far end of the wire.

    It is no fork: pages that this process registered with a device would be missing there.
    """
    spawn = get_context("spawn")
    ready = spawn.Event()
    child = spawn.Process(target=far_end, args=(key, ready))
    child.start()
    try:
        assert ready.wait(120)
        with call(FAR, key) as made:
            yield made
    finally:
        child.join(120)


def test_batches_are_written_into_the_ring_of_the_other_device(guest: None) -> None:
    key = SharedKey.fresh()
    with Wire(), session(key) as there:
        near = transport_of("verbs", FAR, listening=False)
        assert (near.label, near.counts_resends) == ("soft-roce", True)
        plan = FabricPlan.between((1, 8, 64, 512), rounds=2, seconds=0.1)
        got = collect(FAR, key, there, plan, None, None, near)
        there.say({"order": "result", "result": {}})
        there.hear(60)
    assert got.fabric == "soft-roce" and got.damaged == 0 and not got.notes
    assert (got.framing.header, got.framing.message) == (58, 20)
    assert {sample.events for sample in got.samples} == set(plan.sizes)
    # 2 rounds, each size 5 times at least. Soft-RoCE sends again now and then without a loss.
    assert len(got.samples) >= 2 * 5 * len(plan.sizes)
    assert not all(sample.resent for sample in got.samples)
    assert all(sample.exchange.round_trip_ns > 0 for sample in got.samples)


def test_a_wire_that_is_cut_ends_the_exchange(guest: None) -> None:
    key, ended = SharedKey.fresh(), False
    with Wire() as wire, suppress(OSError), session(key) as there:
        there.say({"order": "answer", "most": 64})
        caller = RingCaller(there, "rxe1")
        batch = batches_of((64,))[64]
        for _ in range(200):  # laps of both rings
            caller.exchange(batch)
        wire.cut()
        with pytest.raises(ConnectionError, match="verbs: "):
            caller.exchange(batch)
        ended = True
        wire.mend()
        caller.close()
    assert ended
