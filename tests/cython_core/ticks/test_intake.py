"""Intake of a receiver: what is counted of it, how much is taken, and what is in hand."""

import asyncio
import weakref

import pytest

from aethermodel.bus.fabrics.loopback import Loopback
from cython_core import Counts, Routed, allocate, number
from cython_core.ticks.intake import Intake
from cython_core.ticks.tick import Tick

TOPICS = 2


class Seen(Counts):
    """Counts with the attribute that the bus's have."""

    copied_bytes = 0


class Copying(Loopback):
    """A loopback that says that it copies twice, and counts what was released."""

    copies = 2
    released = 0

    def release(self):
        self.released += 1


def numbered(events, first):
    batch = allocate(events)
    number(batch, first, 0)
    return batch


def intake_of(receiver, handler=lambda batch, indices: None, *, whole=True, **options):
    """Return an intake, a tick for it, their counts, and the gaps that were told."""
    seen, gaps = Seen(TOPICS), []
    tick = Tick(
        Routed(64, TOPICS),
        seen,
        lambda topic, handler, error: pytest.fail(repr(error)),
        lambda batch, error: pytest.fail(repr(error)),
        lambda expected, batch, place: gaps.append((expected, place)),
    )
    tick.call(((0, handler),), whole)
    return Intake(receiver, seen, **options), tick, seen, gaps


def send(receiver, *batches):
    async def main():
        for batch in batches:
            await receiver.send(batch)

    asyncio.run(main())


@pytest.mark.parametrize("record_bytes", [64, 24])
def test_copies_and_what_waits_are_counted(record_bytes):
    receiver = Copying(8)
    intake, tick, seen, _ = intake_of(receiver, record_bytes=record_bytes)
    send(receiver, allocate(3), allocate(5), allocate(7))
    assert intake.drain(tick, 8) == 3
    assert seen.copied_bytes == 2 * record_bytes * (3 + 5 + 7)
    assert (seen.waiting_events.count, seen.waiting_events.total) == (3, 12 + 7 + 0)
    assert (seen.calls, seen.handled) == ([3, 0], [15, 0])
    assert receiver.released == 3 and receiver.waiting == 0


def test_a_fabric_without_copies_counts_none():
    receiver = Loopback(8)
    intake, tick, seen, _ = intake_of(receiver)
    send(receiver, allocate(3))
    assert (intake.drain(tick, 8), seen.copied_bytes) == (1, 0)


def test_it_drains_no_more_than_it_may_and_what_is_there():
    receiver, sizes = Loopback(20), []
    intake, tick, _, _ = intake_of(receiver, lambda batch, indices: sizes.append(len(batch)))
    send(receiver, *(allocate(n) for n in range(1, 11)))
    assert [intake.drain(tick, most) for most in (0, -1, 3, 1, 100, 5)] == [0, 0, 3, 1, 6, 0]
    assert sizes == list(range(1, 11))


@pytest.mark.parametrize(
    "left, taken, after",
    [(0, 0, 0), (3, 1, 0), (4, 2, -2), (6, 2, 0), (None, 4, None), (99, 4, 87)],
)
def test_it_ends_with_the_batch_in_which_nothing_is_left(left, taken, after):
    receiver = Loopback(8)
    intake, tick, _, _ = intake_of(receiver)
    send(receiver, *(allocate(3) for _ in range(4)))
    intake.left = left
    assert intake.drain(tick, 8) == taken
    assert (intake.left, receiver.waiting) == (after, 12 - 3 * taken)


def test_a_handler_that_stops_it_or_makes_ticks_awaited_ends_the_drain():
    receiver = Loopback(8)

    def stops(batch, indices):
        if intake.left is None:
            intake.left = 1

    def is_awaited_from_now_on(batch, indices):
        tick.call((), False)

    for handler in (stops, is_awaited_from_now_on):
        intake, tick, _, _ = intake_of(receiver, handler)
        send(receiver, *(allocate(1) for _ in range(4)))
        assert intake.drain(tick, 8) == (2 if handler is stops else 1)
        receiver = Loopback(8)
    intake, tick, _, _ = intake_of(receiver, whole=False)
    send(receiver, allocate(1))
    assert intake.drain(tick, 8) == 0


def test_sequences_are_compared_from_the_first_event_on():
    receiver = Loopback(8)
    intake, tick, _, gaps = intake_of(receiver, numbered=True)
    batches = [numbered(3, 2**64 - 5), numbered(2, 2**64 - 2), numbered(2, 0), numbered(2, 5)]
    send(receiver, *batches, numbered(1, 7))
    assert intake.drain(tick, 8) == 5
    assert gaps == [(2, 0)]
    inside = numbered(4, 8)
    inside["sequence"][2] += 1
    send(receiver, inside, numbered(1, 12))
    intake.drain(tick, 8)
    assert gaps == [(2, 0), (8, 2)]


def test_sequences_are_those_of_each_stream_alone():
    first, second = Loopback(8), Loopback(8)
    one, tick, seen, gaps = intake_of(first, numbered=True)
    other = Intake(second, seen, True)
    send(first, numbered(2, 10), numbered(2, 12))
    send(second, numbered(2, 70), numbered(2, 72))
    for _ in range(2):
        assert one.drain(tick, 1) == other.drain(tick, 1) == 1
    assert not gaps


def test_an_empty_batch_leaves_the_sequence_as_it_was():
    intake, tick, _, gaps = intake_of(Loopback(8), numbered=True)
    for batch in (allocate(0), numbered(2, 3), allocate(0), numbered(1, 5)):
        intake.handle(tick, batch)
    assert not gaps


def test_what_is_taken_is_in_hand_until_it_is_done():
    receiver = Copying(8)
    intake, _, seen, _ = intake_of(receiver, numbered=True)
    assert (intake.held, intake.out) == (0, False)
    assert intake.taken(numbered(3, 9)) == 9
    assert (intake.held, intake.out, receiver.released) == (3, True, 0)
    intake.done()
    assert (intake.held, intake.out, receiver.released) == (0, False, 1)
    assert intake.taken(numbered(1, 9)) == 12
    with pytest.raises(ValueError):
        intake.taken("text")
    plain = Intake(receiver, seen)
    assert plain.taken(allocate(2)) is None


def test_a_batch_stays_in_hand_where_its_handler_ends_the_program():
    receiver = Copying(8)

    def interrupts(batch, indices):
        raise KeyboardInterrupt

    intake, tick, _, _ = intake_of(receiver, interrupts)
    send(receiver, allocate(3), allocate(4))
    with pytest.raises(KeyboardInterrupt):
        intake.drain(tick, 8)
    assert (intake.held, intake.out, receiver.released) == (3, True, 0)
    assert receiver.waiting == 4


def test_no_batch_is_held_when_the_receiver_is_asked_for_the_next():
    gone, alive = [], []

    class Watched(Loopback):
        def ready(self):
            alive.append([ref for ref in gone if ref() is not None])
            gone.append(weakref.ref(batch := allocate(2)))
            return batch

    intake, tick, _, _ = intake_of(Watched(8))
    assert intake.drain(tick, 4) == 4
    assert alive == [[]] * 4 and gone[-1]() is None


def test_who_overrides_receive_is_asked_by_that_alone():
    class Counted(Loopback):
        async def receive(self):
            return await super().receive()

    class Both(Counted):
        def ready(self):
            return super().ready()

    async def given(receiver):
        await receiver.send(allocate(2))
        intake, tick, _, _ = intake_of(receiver)
        return intake.drain(tick, 4)

    assert [asyncio.run(given(kind(8))) for kind in (Loopback, Counted, Both)] == [1, 0, 1]


def test_a_receiver_without_ready_is_awaited_only():
    class Awaited:
        copies = waiting = 0

        def release(self):
            pass

    intake, tick, seen, _ = intake_of(Awaited())
    assert intake.drain(tick, 8) == 0
    intake.handle(tick, allocate(2))
    assert seen.handled == [2, 0]
