"""Bad input is refused in words, memory outlives its users, closing is orderly and idempotent."""

from __future__ import annotations

import ctypes
import gc
import mmap
import re
import sys
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from cython_core.verbs import (
    CompletionQueue,
    Device,
    ProtectionDomain,
    QueuePair,
    RdmaBuffer,
    ReceiveStream,
    SendStream,
)
from cython_core.verbs.errors import NoDeviceError


@pytest.mark.parametrize(
    "arguments", [{"name": "none0"}, {"port": 9}, {"port": 0}, {"gid_index": 4000}]
)
def test_no_such_device(device: Device, arguments: dict[str, Any]) -> None:
    with pytest.raises(NoDeviceError):
        Device(**({"name": device.name} | arguments))


def test_registered_memory(device: Device) -> None:
    array = np.zeros(1000, dtype=np.uint8)
    with ProtectionDomain(device) as domain:
        memory = RdmaBuffer(domain, array)
        assert (memory.ptr, memory.length, len(memory)) == (array.ctypes.data, 1000, 1000)
        assert memory.owner is array
        assert memory.address(10, 990) == array.ctypes.data + 10
        for offset, length in ((0, 1001), (1000, 1), (-1, 1), (1, -1), (2**63, 1), (1, 2**63)):
            with pytest.raises((IndexError, OverflowError)):
                memory.address(offset, length)
        with pytest.raises(BufferError, match="in use by 1"):
            domain.close()
        with pytest.raises(BufferError):
            device.close()
        memory.close()
        memory.close()
        with pytest.raises(ValueError, match="closed"):
            _ = memory.ptr
        domain.close()
        with pytest.raises(ValueError, match="closed"):
            RdmaBuffer(domain, array)


def test_the_remote_key_is_not_shown(device: Device) -> None:
    with (
        ProtectionDomain(device) as domain,
        RdmaBuffer(domain, bytearray(64), remote_write=True) as memory,
    ):
        # An address may happen to hold the same figures.
        shown = re.sub(" at 0x[0-9a-f]+", "", repr(memory))
        assert memory.rkey and str(memory.rkey) not in shown
        assert hex(memory.rkey) not in shown


def test_the_owner_lives_as_long_as_the_registration(device: Device) -> None:
    class Owner(np.ndarray[Any, Any]):
        pass

    array = np.zeros(64, dtype=np.uint8).view(Owner)
    gone = weakref.ref(array)
    with ProtectionDomain(device) as domain:
        memory = RdmaBuffer(domain, array)
        del array
        gc.collect()
        assert gone() is not None
        memory.close()
        gc.collect()
        assert gone() is None


def test_memory_that_is_mapped_cannot_be_unmapped(device: Device) -> None:
    area = mmap.mmap(-1, 8192)
    with (
        ProtectionDomain(device) as domain,
        RdmaBuffer(domain, area),
        pytest.raises(BufferError),
    ):
        area.close()
    area.close()


@pytest.mark.parametrize("owner", [b"read-only", memoryview(bytearray(64))[::2], 7, bytearray()])
def test_what_cannot_be_registered(device: Device, owner: object) -> None:
    with (
        ProtectionDomain(device) as domain,
        pytest.raises((BufferError, TypeError, ValueError)),
    ):
        RdmaBuffer(domain, owner)


@pytest.mark.parametrize(
    "bad",
    [
        {"send_depth": 0},
        {"receive_depth": 0},
        {"send_depth": 2**30},
        {"inline": -1},
        {"timeout": 0},
        {"retries": 8},
        {"rnr_retries": -1},
        {"rnr_timer": 32},
    ],
)
def test_queue_pair_parameters(device: Device, bad: dict[str, int]) -> None:
    with ProtectionDomain(device) as domain, pytest.raises(ValueError):
        QueuePair(domain, **bad)


@pytest.mark.parametrize("bad", [{"capacity": 0}, {"capacity": 2**30}, {"batch": 0}])
def test_completion_queue_parameters(device: Device, bad: dict[str, int]) -> None:
    with pytest.raises(ValueError):
        CompletionQueue(device, **({"capacity": 8} | bad))


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ({"kind": "read"}, "kind must be"),
        ({"size": 0}, "size"),
        ({"slots": 0}, "slots"),
        ({"slots": 63}, "multiple"),
        ({"slots": 128}, "exceed the buffer"),
        ({"size": 2**30}, "exceed the buffer"),
        ({"list_length": 0}, "list_length"),
        ({"signal_every": 0}, "signal_every"),
        ({"window": 30}, "window"),
        ({"window": 65}, "window"),
        ({"size": 4096, "slots": 1, "signal_every": 1, "list_length": 1, "inline": True}, "inline"),
        ({"start": -1}, "negative"),
    ],
)
def test_send_stream_parameters(device: Device, bad: dict[str, Any], words: str) -> None:
    with ProtectionDomain(device) as domain:
        memory = RdmaBuffer(domain, bytearray(4096))
        with QueuePair(domain) as queue_pair:
            with pytest.raises((ValueError, IndexError, OverflowError), match=words):
                SendStream(queue_pair, memory, **({"size": 64, "slots": 64} | bad))
            SendStream(queue_pair, memory, size=64, slots=64).close()
        memory.close()


@pytest.mark.parametrize(
    "bad",
    [
        {"slots": 0},
        {"slots": 2**20},
        {"release_every": 0},
        {"release_every": 65},
        {"size": 65},
        {"held": 1},
        {"held": 65, "start": 100},
        {"held": -1},
    ],
)
def test_receive_stream_parameters(device: Device, bad: dict[str, int]) -> None:
    with ProtectionDomain(device) as domain:
        memory = RdmaBuffer(domain, bytearray(4096), local_write=True)
        with QueuePair(domain) as queue_pair, pytest.raises((ValueError, IndexError)):
            ReceiveStream(queue_pair, memory=memory, **({"size": 64, "slots": 64} | bad))
        memory.close()


def test_memory_of_another_domain(device: Device) -> None:
    with (
        ProtectionDomain(device) as ours,
        ProtectionDomain(device) as theirs,
        RdmaBuffer(theirs, bytearray(4096)) as memory,
        QueuePair(ours) as queue_pair,
    ):
        with pytest.raises(ValueError, match="another protection domain"):
            SendStream(queue_pair, memory, size=64, slots=64)
        with pytest.raises(ValueError, match="another protection domain"):
            queue_pair.endpoint(memory)


def test_one_stream_each_way(pair: Any) -> None:
    pair.make("send", slots=64)
    with pytest.raises(ValueError, match="has a sending stream"):
        SendStream(pair.near.queue_pair, pair.near.memory, size=64, slots=64)
    with pytest.raises(ValueError, match="has a receiving stream"):
        ReceiveStream(pair.far.queue_pair, slots=64)


def test_not_connected(device: Device) -> None:
    with ProtectionDomain(device) as domain:
        memory = RdmaBuffer(domain, bytearray(4096))
        with QueuePair(domain) as queue_pair:
            stream = SendStream(queue_pair, memory, size=64, slots=64)
            for call in (lambda: stream.send(1), stream.drain):
                with pytest.raises(ValueError, match="not connected"):
                    call()
            stream.close()
            stream.close()
            with pytest.raises(ValueError, match="closed"):
                stream.send(1)
        memory.close()


def test_a_peer_with_an_impossible_endpoint(device: Device) -> None:
    with ProtectionDomain(device) as domain, QueuePair(domain) as queue_pair:
        own = queue_pair.endpoint()
        for bad in (replace(own, mtu=1500), replace(own, gid=b"short"), replace(own, delivered=5)):
            with pytest.raises(ValueError):
                queue_pair.connect(bad)


def test_writes_stay_within_what_the_peer_exposes(pair: Any) -> None:
    pair.make("write", slots=64)
    there = pair.far.queue_pair.endpoint(pair.far.memory)
    for offset in (1, -1, 2**40):
        with pytest.raises(IndexError, match="exceed"):
            pair.sender.aim(there, offset)


def test_closing_in_the_wrong_order(pair: Any) -> None:
    pair.make("send", slots=64)
    pair.sender.send(64)
    with pytest.raises(BufferError):
        pair.receiver.close()
    with pytest.raises(BufferError):
        pair.far.memory.close()
    with pytest.raises(BufferError):
        pair.far.domain.close()
    for bad in (-1, 65):
        with pytest.raises(ValueError):
            pair.receiver.wait(bad)
    pair.receiver.wait(64)
    for bad in (-1, 65):
        with pytest.raises(ValueError, match="cannot release"):
            pair.receiver.release(bad)
    with pytest.raises(ValueError):
        pair.sender.send(-1)


def test_no_credits_without_a_queue_pair(pair: Any) -> None:
    pair.make("send", slots=64)
    assert pair.sender.granted == pair.sender.room == 64
    pair.near.queue_pair.close()
    for name in ("granted", "room"):
        with pytest.raises(ValueError, match="closed"):
            getattr(pair.sender, name)


def test_psn_is_random_and_rights_are_few(device: Device) -> None:
    with ProtectionDomain(device) as domain:
        numbers = set()
        for _ in range(8):
            with QueuePair(domain) as queue_pair:
                numbers.add(queue_pair.psn)
                queue_pair.reset()
                numbers.add(queue_pair.psn)
                assert queue_pair.state == "init"
            assert queue_pair.state == "closed"
        assert len(numbers) > 12 and all(0 <= number < 2**24 for number in numbers)


def _anonymous_bytes() -> int:
    """What this process holds itself: pages of files, read when they are needed, are no growth."""
    status = Path("/proc/self/status").read_text("ascii")
    return 1024 * int(re.search(r"RssAnon:\s+(\d+)", status)[1])


@pytest.fixture
def _small_pages() -> Iterator[None]:
    """The kernel may join pages to a huge one meanwhile, and count all of it as held."""
    prctl, thp_disable = ctypes.CDLL(None, use_errno=True).prctl, 41  # linux/prctl.h
    assert prctl(thp_disable, 1, 0, 0, 0) == 0
    yield
    assert prctl(thp_disable, 0, 0, 0, 0) == 0


@pytest.mark.usefixtures("_small_pages")
def test_memory_does_not_grow(pair: Any) -> None:
    pair.make("write", slots=256, list_length=64, signal_every=64)
    pair.sender.send(20_000)
    before = _anonymous_bytes()
    blocks = sys.getallocatedblocks()
    pair.sender.send(1_000_000, timeout=300)
    pair.sender.drain()
    assert sys.getallocatedblocks() - blocks < 100
    # A byte a request: less than any object, more than what an allocator rounds up.
    assert _anonymous_bytes() - before < 2**20
