"""Each fault has its own exception, and the stream goes on without loss or duplicate."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("cython_core.verbs", exc_type=ImportError)

from pair import BRIEF, carry, settle


def test_no_receive_posted(pair: Any) -> None:
    from cython_core.verbs import ReceiveStream
    from cython_core.verbs.errors import ReceiverNotReadyError

    pair.make("send", slots=64, receives=0, credits=False, near=BRIEF, far={"receive_depth": 64})
    pair.number(0, 5)
    with pytest.raises(ReceiverNotReadyError) as caught:
        pair.sender.send(5)
        pair.sender.drain()
    assert caught.value.position == pair.sender.completed == 0
    assert pair.near.queue_pair.state == "error"
    with pytest.raises(ReceiverNotReadyError):
        pair.sender.send(1)
    pair.near.queue_pair.reset()
    pair.far.queue_pair.reset()
    pair.receiver = ReceiveStream(
        pair.far.queue_pair, memory=pair.far.memory, size=64, slots=64, release_every=8
    )
    pair.connect()
    seen: list[int] = []
    pair.sender.send(5)  # the slots still hold what was never delivered
    carry(pair, 300, seen)
    assert seen == list(range(300))


@pytest.mark.parametrize("polled", [True, False])
def test_peer_does_not_answer(pair: Any, polled: bool) -> None:
    from cython_core.verbs.errors import RetryExceededError

    pair.make("send", slots=64, near=BRIEF)
    seen: list[int] = []
    carry(pair, 100, seen)
    psn = pair.near.queue_pair.psn
    pair.number(100, 20)
    pair.sender.send(20)
    pair.sender.drain()
    if polled:
        pair.receiver.wait(20)
    pair.far.queue_pair.reset()
    pair.number(120, 20)
    with pytest.raises(RetryExceededError) as caught:
        pair.sender.send(20)
        pair.sender.drain()
    assert caught.value.position == pair.sender.completed == 120
    assert pair.receiver.received == 120
    pair.recover()
    assert pair.near.queue_pair.psn != psn
    assert pair.sender.posted == 120
    carry(pair, 500, seen)
    assert seen == list(range(500))


def test_acknowledgement_lost_is_no_duplicate(pair: Any) -> None:
    """The far side has messages that the near side could not know of."""
    pair.make("send", slots=64, near=BRIEF)
    pair.number(0, 10)
    pair.sender.send(10, finish=False)  # none of the ten asks for a completion
    pair.receiver.wait(10)
    assert pair.sender.poll() == 0
    pair.recover()
    assert pair.sender.completed == pair.sender.posted == 10
    seen: list[int] = []
    carry(pair, 200, seen)
    assert seen == list(range(200))


def test_a_count_that_cannot_be_true(pair: Any) -> None:
    pair.make("send", slots=64)
    pair.sender.send(10)
    pair.sender.drain()
    pair.near.queue_pair.reset()
    for delivered in (9, 11):
        there = replace(pair.far.queue_pair.endpoint(), delivered=delivered)
        with pytest.raises(ValueError, match=f"counts {delivered} messages"):
            pair.near.queue_pair.connect(there)


def test_receive_into_memory_without_the_right(pair: Any) -> None:
    from cython_core.verbs import RdmaBuffer, ReceiveStream
    from cython_core.verbs.errors import LocalOperationError, RemoteOperationError

    pair.make("send", slots=64, rights={})
    pair.number(0, 5)
    pair.sender.send(5)
    with pytest.raises(LocalOperationError):
        pair.receiver.wait(1)
    with pytest.raises(RemoteOperationError):
        pair.sender.drain()
    pair.near.queue_pair.reset()
    pair.far.queue_pair.reset()
    pair.receiver.close()
    allowed = RdmaBuffer(pair.far.domain, pair.far.array, local_write=True)
    pair.stack.callback(allowed.close)
    pair.receiver = ReceiveStream(pair.far.queue_pair, memory=allowed, size=64, slots=64)
    pair.stack.callback(pair.receiver.close)
    pair.connect()
    seen: list[int] = []
    carry(pair, 200, seen)
    assert seen == list(range(200))


def test_message_longer_than_the_receive(pair: Any) -> None:
    from cython_core.verbs import ReceiveStream
    from cython_core.verbs.errors import CompletionError, LocalOperationError

    pair.make("send", slots=64)
    pair.near.queue_pair.reset()
    pair.far.queue_pair.reset()
    pair.receiver.close()
    short = ReceiveStream(pair.far.queue_pair, memory=pair.far.memory, size=32, slots=64)
    pair.stack.callback(short.close)
    pair.connect()
    pair.sender.send(1)
    with pytest.raises(LocalOperationError):
        short.wait(1)
    with pytest.raises(CompletionError, match="remote"):
        pair.sender.drain()


def test_abort_flushes_both_queues(pair: Any) -> None:
    from cython_core.verbs.errors import FlushedError

    pair.make("send", slots=64, receives=64)
    seen: list[int] = []
    carry(pair, 70, seen)
    pair.far.queue_pair.abort()
    with pytest.raises(FlushedError) as caught:
        settle(pair.receiver.poll)
    assert caught.value.position == 70
    assert pair.receiver.counters["flushed"] >= 48
    pair.near.queue_pair.abort()
    with pytest.raises(FlushedError):
        pair.number(70, 5)
        pair.sender.send(5)
        pair.sender.drain()
    assert pair.sender.counters["flushed"] == 5
    pair.recover()
    carry(pair, 300, seen)
    assert seen == list(range(300))


def test_what_follows_an_abort_is_not_counted_by_the_next(pair: Any) -> None:
    from cython_core.verbs.errors import FlushedError

    pair.make("send", slots=64)
    pair.number(0, 10)
    pair.sender.send(5, finish=False)
    assert pair.receiver.wait(5) == 5
    time.sleep(0.1)  # and its acknowledgement
    pair.near.queue_pair.abort()
    pair.sender.send(5, finish=False)
    pair.near.queue_pair.abort()
    with pytest.raises(FlushedError) as caught:
        settle(pair.sender.poll)
    assert caught.value.position == pair.sender.completed == 5


def test_abort_ends_a_wait_in_another_thread(pair: Any) -> None:
    from cython_core.verbs.errors import FlushedError

    pair.make("send", slots=64)
    timer = threading.Timer(0.2, pair.far.queue_pair.abort)
    timer.start()
    with pytest.raises(FlushedError):
        pair.receiver.wait(1, timeout=10)
    timer.join()
    timer = threading.Timer(0.2, pair.near.queue_pair.abort)
    timer.start()
    with pytest.raises(FlushedError):
        pair.sender.send(65, timeout=10)  # the last one waits for a credit that never comes
    timer.join()


@pytest.mark.parametrize("kind", ["write", "write-immediate"])
@pytest.mark.parametrize("wrong", ["key", "right"])
def test_remote_memory_not_allowed(pair: Any, kind: str, wrong: str) -> None:
    from cython_core.verbs import RdmaBuffer
    from cython_core.verbs.errors import CompletionError, RemoteAccessError

    pair.make(kind, slots=64)
    remote = pair.far.queue_pair.endpoint(pair.far.memory)
    closed = RdmaBuffer(pair.far.domain, np.zeros_like(pair.far.array), local_write=True)
    pair.stack.callback(closed.close)
    no_right = pair.far.queue_pair.endpoint(closed)
    pair.sender.aim(replace(remote, key=remote.key ^ 0x5A5A5A) if wrong == "key" else no_right)
    pair.sender.send(10)
    with pytest.raises(RemoteAccessError) as caught:
        pair.sender.drain()
    assert caught.value.position == 0
    assert not pair.far.array.any()
    if pair.receiver:
        with pytest.raises(CompletionError):
            settle(pair.receiver.poll)
        assert pair.receiver.counters["flushed"] > 0
    assert pair.sender.counters["flushed"] > 0
    pair.recover()
    pair.number(0, 64)
    pair.sender.send(64)
    pair.sender.drain()
    assert pair.slots(pair.far).tolist() == list(range(64))
    if pair.receiver:
        assert pair.receiver.wait(64) == 64


def test_the_device_takes_part_of_a_list(pair: Any) -> None:
    from cython_core.verbs.errors import PartialPostError

    pair.make(
        "send",
        slots=1024,
        receives=1024,
        window=1024,
        list_length=512,
        signal_every=8,
        near={"send_depth": 32},
    )
    pair.number(0, 600)
    with pytest.raises(PartialPostError) as caught:
        pair.sender.send(600)
    live = caught.value.posted
    assert 32 <= live < 512
    assert pair.sender.posted == live
    pair.sender.drain()
    seen: list[int] = []
    pair.receiver.wait(live)
    while pair.sender.posted < 600:
        pair.sender.send(min(16, 600 - pair.sender.posted))
        pair.sender.drain()
    pair.receiver.wait(600)
    seen = pair.heads(600)
    assert seen == list(range(600))


def test_completion_queue_overrun(device: Any, pair: Any) -> None:
    from pair import Side

    from cython_core.verbs import CompletionQueue, ReceiveStream, SendStream
    from cython_core.verbs.errors import CompletionError, CompletionQueueOverrunError

    small = CompletionQueue(device, 4)
    pair.stack.callback(small.close)
    pair.make("send", slots=256, near=BRIEF, far={"receive_queue": small})
    pair.number(0, 256)
    pair.sender.send(256)
    with pytest.raises(CompletionQueueOverrunError):
        settle(device.check)
    # Entries are lost: a queue pair with a queue that is large enough takes over.
    pair.receiver.poll()
    counted = pair.receiver.received
    assert counted < 256
    seen = pair.heads(counted)
    with suppress(CompletionError, TimeoutError):
        pair.sender.drain(timeout=1)
    old_near, old_far = pair.near, pair.far
    for end in (old_near, old_far):
        end.queue_pair.close()
    pair.sender.close()
    pair.receiver.close()
    pair.near = Side(device, 256 * 64, {}, send_depth=256, receive_depth=1)
    pair.far = Side(device, 256 * 64, {"local_write": True}, send_depth=1, receive_depth=256)
    for end in (old_near, old_far):
        pair.stack.callback(end.domain.close)
        pair.stack.callback(end.memory.close)
    pair.receiver = ReceiveStream(
        pair.far.queue_pair, memory=pair.far.memory, size=64, slots=256, start=counted
    )
    pair.sender = SendStream(
        pair.near.queue_pair, pair.near.memory, size=64, slots=256, start=counted
    )
    pair.connect()
    carry(pair, 600, seen)
    assert seen == list(range(600))


def test_memlock_too_low(device: Any) -> None:
    code = """
import resource, sys, mmap
import numpy as np
from cython_core.verbs import Device, ProtectionDomain, RdmaBuffer
from cython_core.verbs.errors import MemlockError
resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 20, 1 << 20))
with Device() as device, ProtectionDomain(device) as domain:
    with RdmaBuffer(domain, np.zeros(1 << 18, np.uint8)):
        pass
    try:
        RdmaBuffer(domain, mmap.mmap(-1, 1 << 21))
    except MemlockError as error:
        print(error)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 20, 1 << 20))
    with RdmaBuffer(domain, mmap.mmap(-1, 1 << 19)):
        print("goes on")
"""
    drop = ["setpriv", "--inh-caps=-ipc_lock", "--bounding-set=-ipc_lock"]
    done = subprocess.run(
        [*drop, sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    words, last = done.stdout.splitlines()
    assert "pins 512 pages (2048 KiB)" in words
    assert "memlock limit is 1024 KiB" in words
    assert "LimitMEMLOCK=infinity" in words and "--ulimit memlock=-1" in words
    assert last == "goes on"
