"""Records of other sizes over verbs: written in place, every byte, and both ends of one size."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from ends import SECRET
from record_dtypes import batch_of

from aethermodel.bus import EndOfStream
from aethermodel.bus.fabrics.verbs.fabric import VerbsListener, VerbsSender
from cython_core import record_type


@pytest.mark.parametrize(("size", "capacity"), [(8, 512), (256, 64), (4096, 64)])
def test_records_arrive_whole_across_the_end_of_the_ring(size: int, capacity: int) -> None:
    kind = record_type(size)
    sent = [batch_of(kind, n, 4, seed=n) for n in (1, capacity // 2, capacity - 5, 7, capacity)]

    async def receive(listener: VerbsListener) -> bytes:
        receiver, seen = await listener.accept(), bytearray()
        try:
            while True:
                batch = await receiver.receive()
                assert batch.dtype == kind.dtype and not batch.flags.writeable
                seen += batch.tobytes()
                del batch
                receiver.release()
        except EndOfStream:
            return bytes(seen)
        finally:
            receiver.close()

    async def main() -> bytes:
        listener = VerbsListener(SECRET, capacity=capacity, record=size)
        task = asyncio.create_task(receive(listener))
        sender = await VerbsSender.connect(listener.port, secret=SECRET, record=kind)
        for batch in sent:
            await sender.send(batch)
        await sender.end()
        seen = await asyncio.wait_for(task, 60)
        listener.close()
        return seen

    assert asyncio.run(main()) == b"".join(batch.tobytes() for batch in sent)


def test_ends_of_different_records_do_not_connect() -> None:
    async def main() -> tuple[Any, Any]:
        listener = VerbsListener(SECRET, capacity=64, record=256)
        ends = await asyncio.gather(
            listener.accept(),
            VerbsSender.connect(listener.port, secret=SECRET),
            return_exceptions=True,
        )
        listener.close()
        return ends[0], ends[1]

    accepted, connected = asyncio.run(main())
    assert isinstance(accepted, Exception)
    assert isinstance(connected, ValueError)
    assert "takes records of 256 bytes, not of 64" in str(connected)
