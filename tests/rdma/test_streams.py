"""Messages arrive once, in order and intact, with exactly the posts and completions promised."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

KINDS = ["send", "write", "write-immediate"]


def test_the_gid_is_routable_and_mapped(device: Any) -> None:
    from cython_core.verbs import Gid, choose_gid

    chosen = next(gid for gid in device.gids() if gid.index == device.gid_index)
    assert chosen.kind == "RoCE v2"
    assert chosen.address.ipv4_mapped is not None
    link_local = Gid(0, bytes.fromhex("fe80" + "00" * 13 + "01"), "RoCE v2")
    old = Gid(1, chosen.raw, "RoCE v1")
    assert choose_gid([link_local, old, chosen]) is chosen
    assert choose_gid([old, link_local]) is link_local


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("count", "p", "k"), [(1, 1, 1), (100, 16, 16), (257, 16, 64), (500, 64, 4)]
)
@pytest.mark.parametrize("inline", [True, False])
def test_exact_counts(pair: Any, kind: str, count: int, p: int, k: int, inline: bool) -> None:
    pair.make(kind, slots=512, list_length=p, signal_every=k, inline=inline)
    pair.number(0, count)
    pair.sender.send(count)
    pair.sender.drain()
    assert pair.sender.counters == {
        "posts": -(-count // p),
        "signalled": -(-count // k),
        "completions": -(-count // k),
        "flushed": 0,
    }
    assert pair.sender.completed == pair.sender.posted == count
    if pair.receiver:
        assert pair.receiver.wait(count) == count
    np.testing.assert_array_equal(pair.slots(pair.far)[:count], np.arange(count))


def test_a_long_stream_wraps_and_credits_hold_it_back(pair: Any) -> None:
    pair.make("send", slots=64, receives=32, list_length=8, signal_every=8, release_every=8)
    sent = got = 0
    while got < 1000:
        room = min(pair.sender.room // 8 * 8, 1000 - sent)
        pair.number(sent, room)
        pair.sender.send(room, finish=False)
        sent += room
        new = pair.receiver.poll()
        assert pair.heads(new) == list(range(got, got + new))
        pair.receiver.release(new)
        got += new
        pair.sender.poll()
    assert pair.receiver.received == sent == 1000


def test_the_receiver_is_never_overrun(pair: Any) -> None:
    # rnr_retries=0: one message without a receive would break the connection.
    pair.make("send", slots=64, receives=32, list_length=8, signal_every=8, near={"rnr_retries": 0})
    with pytest.raises(TimeoutError, match="credits"):
        pair.sender.send(64, timeout=0.3)
    assert pair.sender.posted == 32
    pair.receiver.consume(32)
    pair.sender.send(32)
    pair.receiver.consume(32)
    pair.sender.drain()
    assert pair.sender.completed == 64


def test_the_immediate_counts_messages(pair: Any) -> None:
    pair.make("write-immediate", slots=64)
    pair.sender.send(40)
    pair.receiver.wait(40)
    rows = pair.receiver.completions[:40]
    assert pair.receiver.received == 40
    assert int(rows["immediate"][0]) >= 1
    assert set(rows["queue_pair"]) == {pair.far.queue_pair.number}


def test_bytes_beyond_one_packet_arrive_whole(pair: Any) -> None:
    size = 5 * pair.device.mtu + 8
    pair.make("write", size=size, slots=8, list_length=4, signal_every=4, inline=False)
    pair.near.array[:] = np.random.default_rng(1).integers(0, 256, pair.near.array.size)
    pair.sender.send(8)
    pair.sender.drain()
    np.testing.assert_array_equal(pair.far.array, pair.near.array)


def test_every_packet_is_accounted_for(pair: Any) -> None:
    before = pair.device.counters()
    size = 2 * pair.device.mtu
    pair.make("write", size=size, slots=64, list_length=16, signal_every=16, inline=False)
    pair.sender.send(64)
    pair.sender.drain()
    sent = pair.device.counters()["sent_pkts"] - before["sent_pkts"]
    # Two packets a message, and at least one acknowledgement for each signalled one.
    assert 128 + 4 <= sent <= 128 + 64


def test_both_directions_on_one_connection(pair: Any) -> None:
    from cython_core.verbs import RdmaBuffer, ReceiveStream, SendStream

    pair.make("send", slots=64)
    array = np.zeros(64 * 64, dtype=np.uint8)
    back = RdmaBuffer(pair.near.domain, array, local_write=True)
    near, far = pair.near.queue_pair, pair.far.queue_pair
    near.reset()
    far.reset()
    pair.receiver.restart()
    answers = ReceiveStream(near, memory=back, size=64, slots=64)
    echo = SendStream(far, pair.far.memory, kind="send", size=64, slots=64)
    for closing in (back.close, answers.close, echo.close):
        pair.stack.callback(closing)
    pair.connect()
    for first in range(0, 320, 16):
        pair.number(first, 16)
        pair.sender.send(16)
        pair.receiver.wait(16)
        echo.send(16)
        answers.wait(16)
        at = np.arange(first, first + 16) % 64
        assert array.view(np.uint64)[::8][at].tolist() == list(range(first, first + 16))
        echo.drain()
        pair.receiver.release(16)
        answers.release(16)
    assert answers.received == 320


def test_ping_pong(pair: Any) -> None:
    from cython_core.verbs import RdmaBuffer, ReceiveStream, SendStream, pingpong

    one = {"list_length": 1, "signal_every": 16}
    pair.make("send", slots=64, **one)
    back = RdmaBuffer(pair.near.domain, bytearray(64 * 64), local_write=True)
    near, far = pair.near.queue_pair, pair.far.queue_pair
    near.reset()
    far.reset()
    pair.receiver.restart()
    answers = ReceiveStream(near, memory=back, size=64, slots=64)
    echo = SendStream(far, pair.far.memory, kind="send", size=64, slots=64, **one)
    for closing in (back.close, answers.close, echo.close):
        pair.stack.callback(closing)
    pair.connect()
    rounds = 500
    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(pingpong, echo, pair.receiver, rounds, first=False)
        seconds = pingpong(pair.sender, answers, rounds, first=True)
        other.result()
    assert seconds.shape == (rounds,) and (seconds > 0).all()
    assert pair.receiver.received == answers.received == rounds
    with pytest.raises(ValueError, match="different queue pairs"):
        pingpong(pair.sender, pair.receiver, 1, first=True)
    with pytest.raises(ValueError, match="rounds"):
        pingpong(pair.sender, answers, 0, first=True)
