"""Handlers called in native code: what a plain loop would show them, count and isolate."""

from asyncio import CancelledError
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_core import Counts, Routed, allocate, call_handlers, now_ns, route

TOPICS = 5
RAISES = {"error": KeyError, "cancelled": CancelledError, "odd": GeneratorExit, None: None}
handlers = st.lists(st.tuples(st.integers(0, TOPICS - 1), st.sampled_from(sorted(RAISES, key=str))))


def batch_of(topics):
    batch = allocate(len(topics))
    batch["topic"] = topics
    batch["sequence"] = range(len(topics))
    return batch


def run(batch, calls, *, seen=None, whole=True, failed=None, out=None):
    """Dispatch a batch; a handler is called with batch and positions. Returns the counts."""
    seen = seen or Counts(TOPICS)
    routed = route(batch, TOPICS, out=out)
    call_handlers(tuple(calls), seen, whole, failed or pytest.fail, batch, routed, now_ns())
    return seen


@settings(deadline=None)
@given(st.lists(st.lists(st.integers(0, TOPICS - 1), max_size=30), max_size=4), handlers)
def test_it_does_what_a_plain_loop_does(batches, wanted):
    shown, failures, expected, expected_failures = [], [], [], []
    counts = {name: [0] * TOPICS for name in ("calls", "handled", "failed")}

    def handle(place, error, batch, indices):
        shown.append((place, batch["sequence"][indices].tolist(), id(batch)))
        if error:
            raise error(place)

    def failed(topic, handler, error):
        failures.append((topic, handler.args[0], type(error), error.args))

    calls = [(t, partial(handle, i, RAISES[kind])) for i, (t, kind) in enumerate(wanted)]
    seen = Counts(TOPICS)
    for topics in batches:
        batch = batch_of(topics)
        run(batch, calls, seen=seen, failed=failed)
        for place, (topic, kind) in enumerate(wanted):
            found = [i for i, own in enumerate(topics) if own == topic]
            if found:
                expected.append((place, found, id(batch)))
                counts["calls"][topic] += 1
                counts["handled"][topic] += len(found)
                if kind:
                    expected_failures.append((topic, place, RAISES[kind], (place,)))
    assert shown == expected
    assert failures == expected_failures
    assert (seen.calls, seen.handled) == (counts["calls"], counts["handled"])
    assert seen.failed == [0] * TOPICS  # whoever is told counts
    assert seen.tick_ns.count == seen.batch_events.count == len(batches)
    assert seen.batch_events.total == sum(map(len, batches))
    assert sum(seen.handler_ns) <= seen.tick_ns.total
    assert not any(ns for ns, n in zip(seen.handler_ns, seen.calls, strict=True) if not n)


def test_a_tick_that_goes_on_is_not_timed():
    seen = run(batch_of([0]), [], whole=False)
    assert (seen.tick_ns.count, seen.batch_events.count) == (0, 0)


def test_the_positions_are_a_view_that_keeps_its_memory():
    kept = []
    routed = Routed(8, TOPICS)
    run(batch_of([3, 0, 3]), [(3, lambda batch, indices: kept.append(indices))], out=routed)
    (indices,) = kept
    assert np.shares_memory(indices, routed.indices)
    assert (indices.dtype, indices.shape) == (np.dtype(np.uint32), (2,))
    del routed
    assert indices.tolist() == [0, 2]


def test_no_reference_is_kept_or_lost():
    import sys

    batch, routed, seen = batch_of([0, 1]), Routed(2, TOPICS), Counts(TOPICS)

    def handle(batch, indices):
        raise ValueError

    def counted():
        return [sys.getrefcount(each) for each in (batch, routed, seen, handle)]

    calls = [(0, handle), (1, handle)]
    before = counted()
    for _ in range(100):
        run(batch, calls, seen=seen, out=routed, failed=lambda *_: None)
    assert counted() == before


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_is_not_held_up(stop):
    later = []

    def handle(batch, indices):
        raise stop

    with pytest.raises(stop):
        run(batch_of([0, 1]), [(0, handle), (1, lambda *_: later.append(1))])
    assert not later


def test_what_the_report_raises_is_raised():
    def failed(topic, handler, error):
        raise RuntimeError("the report is broken") from error

    with pytest.raises(RuntimeError, match="report"):
        run(batch_of([0]), [(0, lambda batch, indices: 1 / 0)], failed=failed)


def test_a_handler_that_dispatches_again_comes_to_its_end():
    """The inner batch has fewer events: what the outer one then calls is within its memory."""
    routed, seen, shown = Routed(8, TOPICS), Counts(TOPICS), []

    def again(batch, indices):
        run(batch_of([1]), [(1, tell)], seen=seen, out=routed)

    def tell(batch, indices):
        shown.append(indices.tolist())

    run(batch_of([0, 1, 1, 2]), [(0, again), (1, tell), (2, tell)], seen=seen, out=routed)
    assert shown == [[0], [0]]  # of the batch routed last, as it says where it routes into
    assert seen.calls == [1, 2, 0, 0, 0]


def spoilt(offset, value):
    routed = route(batch_of([0, 0, 1]), TOPICS)
    routed.offsets[offset] = value
    return routed


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"handlers": ((TOPICS, print),)}, ValueError, "not among 0 to 4"),
        ({"handlers": ((-1, print),)}, ValueError, "not among"),
        ({"handlers": [(0, print)]}, TypeError, "tuple"),
        ({"handlers": ((0,),)}, IndexError, "range"),
        ({"handlers": (None,)}, TypeError, "None"),
        ({"seen": None}, TypeError, "None"),
        ({"routed": None}, TypeError, "None"),
        ({"seen": Counts(0)}, IndexError, "range"),
        ({"routed": spoilt(1, 4)}, ValueError, "written to"),
        ({"routed": spoilt(1, -1)}, ValueError, "written to"),
        ({"routed": spoilt(0, 3)}, ValueError, "written to"),
        ({"began_ns": now_ns() + 10**15}, ValueError, "counts from 0"),
    ],
)
def test_bad_input(given, error, message):
    batch = batch_of([0, 0, 1])
    good = {
        "handlers": ((0, lambda batch, indices: None),),
        "seen": Counts(TOPICS),
        "whole": True,
        "failed": lambda *_: None,
        "batch": batch,
        "routed": route(batch, TOPICS),
        "began_ns": now_ns(),
    }
    with pytest.raises(error, match=message):
        call_handlers(**good | given)


def test_counts_shortened_in_the_middle_are_an_error_and_no_crash():
    seen = Counts(TOPICS)
    with pytest.raises(IndexError):
        run(batch_of([4]), [(4, lambda batch, indices: seen.calls.clear())], seen=seen)


def test_counts_without_their_start_have_what_is_recorded_in():
    class Forgetful(Counts):
        def __init__(self):
            pass

    seen = run(batch_of([]), [], seen=Forgetful())
    assert seen.tick_ns.count == 1
    assert seen.calls == []
