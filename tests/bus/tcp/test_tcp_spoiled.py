"""Spoiled TCP streams: no garbage reaches a handler."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tcp_streams import TOPICS, batch_of, fed_by_hand, frames_of, heard

from aethermodel.bus import Bus, EndOfStream, SenderLost
from aethermodel.bus.fabrics.tcp.frames import HEAD_BYTES, HeadReader, pack_head
from cython_core import stamp

BATCHES = [batch_of(n, i) for i, n in enumerate([3, 1, 64, 10])]
WIRE = frames_of(BATCHES)
spoils = st.one_of(
    st.tuples(st.just("flip"), st.integers(0, 8 * len(WIRE) - 1)),
    st.tuples(st.just("cut"), st.integers(0, len(WIRE) - 1)),
    st.tuples(st.just("drop"), st.integers(0, len(WIRE) - 1), st.integers(1, 300)),
    st.tuples(st.just("double"), st.integers(0, len(WIRE) - 1), st.integers(1, 300)),
    st.tuples(st.just("put"), st.integers(0, len(WIRE) - 1), st.binary(min_size=1, max_size=100)),
)


def spoilt(wire, spoil):
    kind, at, *more = spoil
    if kind == "flip":
        changed = bytearray(wire)
        changed[at // 8] ^= 1 << at % 8
        return bytes(changed)
    if kind == "cut":
        return wire[:at]
    if kind == "drop":
        return wire[:at] + wire[at + more[0] :]
    if kind == "double":
        return wire[: at + more[0]] + wire[at:]
    return wire[:at] + more[0] + wire[at:]


@pytest.fixture(scope="module")
def loop():
    """One event loop for all examples: `asyncio.run` takes longer than most of them."""
    made = asyncio.new_event_loop()
    yield made
    made.close()


@settings(max_examples=1000, deadline=None)
@given(changes=st.lists(spoils, min_size=1, max_size=3))
def test_of_a_spoiled_stream_only_whole_right_batches_come(loop, changes):
    wire = WIRE
    for change in changes:
        if wire:
            at = change[1] % (8 * len(wire) if change[0] == "flip" else len(wire))
            wire = spoilt(wire, (change[0], at, *change[2:]))
    came, end = loop.run_until_complete(heard(wire))
    assert len(came) <= len(BATCHES)
    for got, sent in zip(came, BATCHES, strict=False):
        assert got.tobytes() == sent.tobytes()
    if isinstance(end, EndOfStream):
        assert len(came) == len(BATCHES)
    else:
        assert f"{len(came)} whole batches" in str(end)


def test_a_stream_as_it_was_sent_comes_whole():
    came, end = asyncio.run(heard(WIRE))
    assert isinstance(end, EndOfStream)
    assert [batch.tobytes() for batch in came] == [batch.tobytes() for batch in BATCHES]


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=HEAD_BYTES, max_size=HEAD_BYTES))
def test_no_bytes_by_chance_are_a_head(wire):
    head = HeadReader()
    head.wire[:] = wire
    assert head.read() is None


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (pack_head(65, 0, 0), "65 events came, and 64 are the most"),
        (pack_head(2**32 - 1, 0, 0), "64 are the most"),
        (pack_head(2, 0, 0) + bytes(63), "in the middle of a frame"),
        (pack_head(2, 0, 0) + bytes(range(128)), "damaged"),
        (pack_head(2, 1, 0), "no frame"),
        (b"GET / HTTP/1.1\r\n\r\n      ", "no frame"),
        (b"AE", "in the middle of a frame"),
        (b"", "without an end"),
    ],
)
def test_what_is_no_frame_ends_the_stream_with_one_clear_error(run, frame, why):
    async def main():
        connection, receiver = await fed_by_hand(most=64)
        bus = Bus(TOPICS)
        bus.attach(receiver)
        await asyncio.get_running_loop().sock_sendall(connection, frame)
        connection.close()
        await asyncio.wait_for(bus.run(), 60)
        return bus

    bus = run(main())
    ((label, error),) = bus.lost
    assert label == "kernel-tcp"
    assert isinstance(error, SenderLost)
    assert why in str(error)
    assert sum(bus.instruments.calls) == 0
    assert bus.instruments.streams_lost == 1


@pytest.mark.parametrize("change", ["swapped", "replaced"])
def test_stamped_events_that_changed_as_a_whole_are_refused(change):
    """Each is right by itself: only the frame's checksum can tell."""
    batch, other = batch_of(8), batch_of(8, 100)
    stamp(batch)
    stamp(other)
    wire = frames_of([batch])
    if change == "swapped":
        batch[[2, 5]] = batch[[5, 2]]
    else:
        batch[3] = other[3]
    spoiled = wire[:HEAD_BYTES] + batch.tobytes() + wire[HEAD_BYTES + batch.nbytes :]
    came, end = asyncio.run(heard(spoiled))
    assert came == []
    assert isinstance(end, SenderLost)
