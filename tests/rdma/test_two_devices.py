"""The ring of one host into the ring of another: `bench fabric` between two Soft-RoCE devices."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from wire import ENDS, Wire

from aethermodel.bench.fabric.ends import collect, listen, transport_of
from aethermodel.bench.fabric.remote_ring import RingCaller
from aethermodel.bench.fabric.rounds import FabricPlan, batches_of
from aethermodel.bench.fabric.session import Address, Session, call
from aethermodel.bus.fabrics.key_exchange import SharedKey

FAR = Address(ENDS[1], 18_520)


@contextmanager
def session(key: SharedKey) -> Iterator[Session]:
    """Call a host that listens at the far end of the wire, in a fork."""
    hear, tell = os.pipe()
    child = os.fork()
    if not child:
        with suppress(BaseException):
            listening = transport_of("verbs", FAR, listening=True)
            listen(FAR, key, lambda _: [os.write(tell, b".")].clear(), listening)
        os._exit(0)
    os.close(tell)
    try:
        assert os.read(hear, 1)
        with call(FAR, key) as made:
            yield made
    finally:
        os.close(hear)
        os.waitpid(child, 0)


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
