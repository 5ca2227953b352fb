"""kill -9 of either side ends in PeerDiedError on the other, with the count to go on from."""

from __future__ import annotations

import mmap
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from aethermodel.bus.fabrics.verbs.listener import Listener
from cython_core.verbs import ProtectionDomain, QueuePair, RdmaBuffer, ReceiveStream, SendStream
from cython_core.verbs.errors import PeerDiedError

SECRET = b"known to both of these processes"
SLOTS, SIZE = 64, 64

COMMON = """
    import mmap, sys
    import numpy as np
    from aethermodel.bus.fabrics.verbs.exchange import dial
    from cython_core.verbs import *
    device = Device()
    domain = ProtectionDomain(device)
    array = np.zeros(64 * 64, np.uint8)
    memory = RdmaBuffer(domain, array, local_write=True)
    heads = array.view(np.uint64)[::8]
    qp = QueuePair(domain, send_depth=64, receive_depth=64)
    exchange = dial(sys.argv[1].encode(), int(sys.argv[2]))
"""
SENDER = """
    remote = exchange.swap(qp.endpoint())
    position = remote.delivered
    stream = SendStream(qp, memory, size=64, slots=64, start=position)
    qp.connect(remote)
    while True:
        heads[np.arange(position, position + 16) % 64] = np.arange(position, position + 16)
        stream.send(16, timeout=60)
        stream.drain()
        position += 16
"""
RECEIVER = """
    stream = ReceiveStream(qp, memory=memory, size=64, slots=64, start=int(sys.argv[4]))
    qp.connect(exchange.swap(qp.endpoint()))
    with open(sys.argv[3], "r+b") as file:
        note = np.frombuffer(mmap.mmap(file.fileno(), 8), np.uint64)
    while True:
        new = stream.wait(1, timeout=60)
        at = np.arange(stream.released, stream.released + new)
        assert (heads[at % 64] == at).all()
        note[0] = stream.received
        stream.release(new)
"""


class Child:
    def __init__(self, listener: Listener, body: str, *arguments: str) -> None:
        code = textwrap.dedent(COMMON) + textwrap.dedent(body)
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, SECRET.decode(), str(listener.port), *arguments]
        )
        self.exchange = listener.accept(timeout=120)

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)


@pytest.fixture
def side(device: Any) -> Iterator[Any]:
    with ProtectionDomain(device) as domain:
        array = np.zeros(SLOTS * SIZE, dtype=np.uint8)
        memory = RdmaBuffer(domain, array, local_write=True)
        queue_pair = QueuePair(domain, send_depth=SLOTS, receive_depth=SLOTS)
        yield queue_pair, memory, array.view(np.uint64)[::8]
        queue_pair.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener(SECRET) as listening:
        yield listening


def test_the_sender_is_killed(side: Any, listener: Listener) -> None:
    queue_pair, memory, heads = side
    stream = ReceiveStream(queue_pair, memory=memory, size=SIZE, slots=SLOTS)
    child = Child(listener, SENDER)
    queue_pair.connect(child.exchange.swap(queue_pair.endpoint()))
    seen: list[int] = []

    def take(seconds: float) -> None:
        new = stream.wait(1, timeout=seconds)
        seen.extend(heads[np.arange(stream.released, stream.released + new) % SLOTS].tolist())
        stream.release(new)

    with (
        pytest.raises(PeerDiedError) as caught,
        child.exchange.guard(queue_pair, lambda: stream.received),
    ):
        while len(seen) < 1000:
            take(60)
        child.kill()
        while True:
            take(1)  # a second without a message and without the death would be a TimeoutError
    left = stream.received - stream.released
    seen.extend(heads[np.arange(stream.released, stream.received) % SLOTS].tolist()[:left])
    assert seen == list(range(caught.value.delivered))
    child.process.wait()
    child.exchange.close()
    # Another one is told how far the stream has come, and goes on from there.
    queue_pair.reset()
    stream.restart()
    child = Child(listener, SENDER)
    queue_pair.connect(child.exchange.swap(queue_pair.endpoint()))
    stream.release(left)
    while len(seen) < caught.value.delivered + 1000:
        take(60)
    assert seen == list(range(len(seen)))
    child.kill()
    child.process.wait()
    child.exchange.close()
    queue_pair.close()
    stream.close()
    memory.close()


def test_the_receiver_is_killed(side: Any, listener: Listener, tmp_path: Path) -> None:
    queue_pair, memory, heads = side
    note = tmp_path / "received"
    note.write_bytes(bytes(8))
    with note.open("r+b") as file:
        received = np.frombuffer(mmap.mmap(file.fileno(), 8), np.uint64)
    stream = SendStream(queue_pair, memory, size=SIZE, slots=SLOTS)
    child = Child(listener, RECEIVER, os.fspath(note), "0")
    queue_pair.connect(child.exchange.swap(queue_pair.endpoint()))
    with (
        pytest.raises(PeerDiedError) as caught,
        child.exchange.guard(queue_pair, lambda: stream.completed),
    ):
        while True:
            if stream.completed >= 1000:
                child.kill()
            at = np.arange(stream.posted, stream.posted + 16)
            heads[at % SLOTS] = at
            stream.send(16, timeout=1 if stream.completed >= 1000 else 60)
            stream.drain(timeout=1)
    child.process.wait()
    # It may have died between taking messages and noting them, a ring of receives at most.
    assert 1000 <= caught.value.delivered <= int(received[0]) + SLOTS
    assert int(received[0]) <= stream.posted
    child.exchange.close()
    # Another one takes what the dead one did not acknowledge, and checks each number.
    first = caught.value.delivered
    child = Child(listener, RECEIVER, os.fspath(note), str(first))
    queue_pair.reset()
    queue_pair.connect(child.exchange.swap(queue_pair.endpoint()))
    assert stream.posted == stream.completed == first
    while stream.posted < first + 1024:
        at = np.arange(stream.posted, stream.posted + 16)
        heads[at % SLOTS] = at
        stream.send(16, timeout=60)
        stream.drain()
    deadline = time.monotonic() + 60
    while received[0] < stream.posted and time.monotonic() < deadline:
        time.sleep(0.01)
    assert received[0] == stream.posted == first + 1024
    child.kill()
    child.process.wait()
    child.exchange.close()
    queue_pair.close()
    stream.close()
    memory.close()
