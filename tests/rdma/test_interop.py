"""Our streams talk to pyverbs, an independent user of the same verbs, in both directions."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from cython_core.verbs import (
    Endpoint,
    ProtectionDomain,
    QueuePair,
    RdmaBuffer,
    ReceiveStream,
    SendStream,
)

# pyverbs must match the system's libibverbs: it lives under the system's own Python.
PYTHON = "/usr/bin/python3"
PEER = Path(__file__).with_name("pyverbs_peer.py")
COUNT, SIZE = 40, 64


class Peer:
    def __init__(self, role: str, device: Any) -> None:
        command = [PYTHON, "-I", str(PEER), role, device.name, str(device.gid_index)]
        self.process = subprocess.Popen(
            [*command, str(COUNT), str(SIZE)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={},  # this interpreter's paths are not the other's
        )
        said = self.hear()
        self.endpoint = Endpoint(**said | {"gid": bytes.fromhex(said["gid"])})

    def hear(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def say(self, value: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(value) + "\n")
        self.process.stdin.flush()

    def connect(self, queue_pair: QueuePair) -> None:
        own = queue_pair.endpoint()
        self.say(asdict(own) | {"gid": own.gid.hex()})
        assert self.hear() == "ready"
        queue_pair.connect(self.endpoint)


@pytest.fixture
def side(device: Any) -> Iterator[Any]:
    with ProtectionDomain(device) as domain:
        array = np.zeros((COUNT, SIZE // 8), dtype=np.uint64)
        memory = RdmaBuffer(domain, array, local_write=True)
        queue_pair = QueuePair(domain, send_depth=COUNT, receive_depth=COUNT)
        yield queue_pair, memory, array
        queue_pair.close()
        memory.close()


@pytest.mark.parametrize(("role", "kind"), [("receive", "send"), ("written", "write-immediate")])
def test_we_send_to_pyverbs(side: Any, device: Any, role: str, kind: str) -> None:
    queue_pair, memory, array = side
    array[:] = np.arange(COUNT)[:, None]
    peer = Peer(role, device)
    # pyverbs users give no credits: all its receives are posted before.
    stream = SendStream(
        queue_pair, memory, kind=kind, size=SIZE, slots=COUNT, list_length=8, signal_every=8
    )
    peer.connect(queue_pair)
    if kind != "send":
        stream.aim(peer.endpoint)
    stream.send(COUNT)
    stream.drain()
    got = peer.hear()
    assert bytes.fromhex(got["bytes"]) == array.tobytes()
    assert got["immediates"] == (list(range(1, COUNT + 1)) if role == "written" else [])
    assert stream.counters["posts"] == stream.counters["completions"] == COUNT // 8
    assert peer.process.wait(120) == 0
    queue_pair.close()
    stream.close()


def test_pyverbs_sends_to_us(side: Any, device: Any) -> None:
    queue_pair, memory, array = side
    peer = Peer("send", device)
    stream = ReceiveStream(queue_pair, memory=memory, size=SIZE, slots=COUNT)
    peer.connect(queue_pair)
    peer.say("ready")
    assert stream.wait(COUNT) == COUNT
    assert (array == np.arange(COUNT)[:, None]).all()
    assert set(stream.completions["bytes"][:1]) == {SIZE}
    assert peer.hear() == "sent"
    assert peer.process.wait(120) == 0
    queue_pair.close()
    stream.close()
