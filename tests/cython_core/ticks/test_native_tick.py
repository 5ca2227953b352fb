"""Tick in native code: the views that handlers are given, and what goes wrong in one."""

import ctypes
import gc
import sys
import weakref

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_core import (
    EVENT,
    Counts,
    NativeHandler,
    RecordType,
    Routed,
    allocate,
    number,
    to_arrow_columns,
)
from cython_core.routing.native import HandlerError, NativeCalls
from cython_core.ticks.tick import PlainTick, Tick

TOPICS = 4
PROTOTYPE = ctypes.CFUNCTYPE(
    ctypes.c_int32, ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint32), ctypes.c_size_t,
    ctypes.c_void_p,
)  # fmt: skip
SMALL = RecordType(np.dtype([("topic", "<u2"), ("x", "<f4"), ("pad", "V2")]))


def batch_of(topics, record=None):
    batch = allocate(len(topics), record)
    batch["topic"] = topics
    return batch


def tick_of(*handlers, record=None, natives=None, whole=True, capacity=64):
    """Return a tick, its counts, and what it told: (which callback, arguments)."""
    told, seen = [], Counts(TOPICS)

    def tell(name):
        return lambda *arguments: told.append((name, arguments))

    tick = Tick(
        Routed(capacity, TOPICS), seen, tell("failed"), tell("refused"), tell("gap"), record
    )
    tick.call(handlers, whole, natives)
    return tick, seen, told


def places(topics, topic):
    return [place for place, own in enumerate(topics) if own == topic]


def state_of(view):
    """Where a view points and what it is, without a reference to it."""
    array = view if isinstance(view, np.ndarray) else np.asarray(view)
    about = array.__array_interface__
    return about["data"], array.shape, array.strides, array.dtype.str


def changed(attribute, value):
    def change(view):
        setattr(view, attribute, value)
        return view

    return change


def refused_writing(view):
    view.flags.writeable = False
    return view


KEEPERS = {
    "the view": lambda view: view,
    "a slice": lambda view: view[:1],
    "a view of it": lambda view: view.view(),
    "a memoryview": memoryview,
    "its items": lambda view: view.flat,
    "through dlpack": np.from_dlpack,
    "reshaped": changed("shape", (1, -1)),
    "retyped": changed("dtype", np.uint8),
    "of floats": changed("dtype", np.float32),
    "strided": changed("strides", (0,)),
    "read-only": refused_writing,
}

many_topics = st.lists(
    st.lists(st.integers(0, TOPICS - 1), min_size=1, max_size=12), min_size=1, max_size=5
)


@pytest.mark.filterwarnings("ignore:Setting the (shape|strides|dtype):DeprecationWarning")
@settings(deadline=None, max_examples=12)
@given(
    batches=many_topics,
    choices=st.lists(st.tuples(st.sampled_from([*KEEPERS]), st.booleans()), max_size=6),
)
@pytest.mark.parametrize("plain", [False, True])
def test_views_that_are_kept_stay_and_others_are_right(plain, batches, choices):
    kept, shown, calls = [], [], 0

    def handle(batch, indices):
        nonlocal calls
        shown.append((int(batch["topic"][indices[0]]), indices.tolist()))
        assert state_of(indices)[1:] == ((len(indices),), (4,), "<u4") and indices.flags.writeable
        if not choices:
            return
        choice, keeps = choices[calls % len(choices)]
        calls += 1
        view = KEEPERS[choice](indices)  # may change it, be that kept or not
        if keeps:
            array = view.base if choice == "its items" else view
            kept.append((array, state_of(array), np.array(array).tolist(), len(shown_ticks)))

    handlers = tuple((topic, handle) for topic in range(TOPICS))
    shown_ticks = []
    if plain:
        tick = PlainTick(Routed(64, TOPICS))
        tick.call(handlers)
        run = tick.tick
    else:
        tick, _, told = tick_of(*handlers)
        run = tick.run
    for topics in batches:
        shown.clear()
        run(batch_of(topics))
        assert shown == [(t, places(topics, t)) for t in range(TOPICS) if t in topics]
        for view, state, values, when in kept:
            assert state_of(view) == state  # never pointed elsewhere
            if when == len(shown_ticks):  # and right until its tick is over
                assert np.asarray(view).tolist() == values
        shown_ticks.append(None)
    assert plain or not told


@pytest.mark.filterwarnings("ignore:Setting the (shape|strides|dtype):DeprecationWarning")
@pytest.mark.parametrize("keeps", [True, False])
@pytest.mark.parametrize("name", KEEPERS)
def test_what_a_handler_does_to_its_view_is_not_seen_by_the_next(name, keeps):
    kept, shown = [], []

    def handle(batch, indices):
        shown.append((state_of(indices)[1:], indices.flags.writeable, np.array(indices).tolist()))
        view = KEEPERS[name](indices)
        if keeps:
            kept.append((view, state_of(view.base if name == "its items" else view)))

    tick, _, told = tick_of((0, handle), (1, handle))
    all_topics = ([0], [1, 0, 1], [0, 0, 0])
    for topics in all_topics:
        tick.run(batch_of(topics))
    expected = [places(topics, t) for topics in all_topics for t in (0, 1) if t in topics]
    assert shown == [(((len(own),), (4,), "<u4"), True, own) for own in expected]
    for view, state in kept:
        assert state_of(view.base if name == "its items" else view) == state
    assert not told


def test_a_weak_reference_is_never_of_another_tick():
    refs = []
    tick, _, told = tick_of(
        (1, lambda batch, indices: refs.append((weakref.ref(indices), indices.tolist())))
    )
    for topics in ([1, 0, 1], [0, 1], [1]):
        tick.run(batch_of(topics))
        for ref, values in refs[:-1]:
            assert ref() is None or ref().tolist() == values
    assert len({id(ref) for ref, _ in refs}) == 3 and not told


def test_a_view_outlives_the_tick_and_what_it_routed_into():
    kept = []
    tick, _, _ = tick_of((1, lambda batch, indices: kept.append(indices)))
    tick.run(batch_of([1, 0, 1]))
    del tick
    gc.collect()
    others = [Routed(64, TOPICS) for _ in range(20)]  # would take memory given back early
    assert kept[0].tolist() == [0, 2] and others


def test_nothing_holds_a_batch_once_its_tick_is_over():
    kept = []
    tick, _, told = tick_of(
        (0, lambda batch, indices: batch["value"][indices].sum()),
        (1, lambda batch, indices: kept.append(batch)),
        (2, lambda batch, indices: 1 / 0),
    )
    gone = []
    for topics in ([0, 0], [0, 1], [2], [9]):
        batch = batch_of(topics)
        gone.append(weakref.ref(batch))
        tick.run(batch)
        del batch
    told.clear()  # the error of a handler holds its frame, and a refused batch is told
    gc.collect()
    assert [ref() is None for ref in gone] == [True, False, True, True]


def test_no_reference_to_the_memory_is_lost_or_leaked():
    tick, _, _ = tick_of(
        (0, lambda batch, indices: None), (1, lambda batch, indices: indices.view())
    )
    batch = batch_of([0, 1, 0])
    tick.run(batch)
    memory = tick.routed.indices.base
    before = sys.getrefcount(memory), sys.getrefcount(batch)
    for _ in range(300):
        tick.run(batch)
    assert (sys.getrefcount(memory), sys.getrefcount(batch)) == before


def test_a_handler_that_registers_another_has_it_called_from_the_next_tick_on():
    calls = []

    def first(batch, indices):
        calls.append("first")
        tick.call(((0, second), (1, second)))
        gc.collect()

    def second(batch, indices):
        calls.append("second")

    def third(batch, indices):
        calls.append("third")

    tick, seen, told = tick_of((0, first), (1, third))
    tick.run(batch_of([0, 1]))
    assert calls == ["first", "third"]
    tick.run(batch_of([0, 1]))
    assert calls == ["first", "third", "second", "second"]
    assert seen.calls == [2, 2, 0, 0] and not told


@pytest.mark.parametrize("plain", [False, True])
def test_a_tick_within_a_tick_is_refused_and_the_outer_one_stays_right(plain):
    shown = []

    def handle(batch, indices):
        shown.append((len(batch), indices.tolist()))
        if len(batch) == 3:
            with pytest.raises(ValueError, match="a tick within a tick"):
                run(batch_of([1, 0, 0, 0, 0]))

    tick, _, told = tick_of()
    if plain:
        tick = PlainTick(Routed(64, TOPICS))
    tick.call(((0, handle), (1, handle)))
    run = tick.tick if plain else tick.run
    for _ in range(2):
        run(batch_of([0, 1, 1]))
    assert shown == [(3, [0]), (3, [1, 2])] * 2 and not told


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_what_is_meant_for_the_program_ends_the_tick_and_the_next_one_is_whole(stop):
    raises, calls = [stop], []

    def handle(batch, indices):
        calls.append(indices.tolist())
        if raises:
            raise raises.pop()

    tick, seen, told = tick_of((0, handle), (1, handle))
    with pytest.raises(stop):
        tick.run(batch_of([0, 1]))
    assert tick.run(batch_of([1, 0, 1])) is True
    assert calls == [[0], [1], [0, 2]] and not told
    assert seen.batch_events.count == 1  # the broken one was none


def test_what_a_handler_raises_is_told_and_the_next_is_called():
    def fails(batch, indices):
        raise KeyError("odd")

    calls = []
    tick, seen, told = tick_of(
        (2, fails), (2, lambda batch, indices: calls.append(indices.tolist()))
    )
    tick.run(batch_of([2, 0, 2]))
    ((name, (topic, handler, error)),) = told
    assert (name, topic, handler, type(error)) == ("failed", 2, fails, KeyError)
    assert calls == [[0, 2]] and seen.calls == [0, 0, 2, 0]


@pytest.mark.parametrize("offsets", [[0, 0, 99, 99, 99], [0, 2, 1, 1, 1], [0, -3, 2, 2, 2]])
def test_offsets_that_a_handler_writes_to_are_refused_and_mended_by_the_next_tick(offsets):
    shown = []

    def writes(batch, indices):
        if not shown:
            tick.routed.offsets[:] = offsets

    tick, _, _ = tick_of((0, writes), (1, lambda batch, indices: shown.append(indices.tolist())))
    with pytest.raises(ValueError, match=r"offsets .* were written to"):
        tick.run(batch_of([0, 1, 0]))
    shown.append("next")
    tick.run(batch_of([0, 1, 0]))
    assert shown == ["next", [1]]


def test_topics_out_of_range_are_refused_and_the_handlers_stay():
    calls = []
    tick, _, _ = tick_of((0, lambda batch, indices: calls.append(1)))
    for topic in (-1, TOPICS):
        with pytest.raises(ValueError, match=f"topic {topic} is not among 0 to 3"):
            tick.call(((topic, print),))
    tick.run(batch_of([0]))
    assert calls == [1]


@pytest.mark.parametrize(
    "odd",
    [batch_of([0, TOPICS]), batch_of([0] * 65), np.zeros(3), "text", batch_of([0], SMALL)],
    ids=["topic", "too many", "numbers", "text", "small"],
)
def test_a_batch_that_cannot_be_routed_is_told_and_handled_by_nobody(odd):
    calls = []
    handlers = [
        (topic, lambda batch, indices: calls.append(len(indices))) for topic in range(TOPICS)
    ]
    tick, seen, told = tick_of(*handlers, record=EVENT)
    assert tick.run(odd) is False
    ((name, (batch, error)),) = told
    assert name == "refused" and batch is odd and isinstance(error, Exception)
    assert not calls and seen.tick_ns.count == 0
    assert tick.run(batch_of([0, 1])) is True
    assert calls == [1, 1]


@pytest.mark.parametrize("first, gap", [(7, None), (6, 0), (2**64 - 1, 0), (None, None)])
def test_a_gap_is_told_before_the_handlers_and_they_are_called(first, gap):
    told_first = []
    tick, _, told = tick_of((0, lambda batch, indices: told_first.append(len(told))))
    batch = batch_of([0, 0])
    number(batch, 7, 0)
    assert tick.run(batch, first) is True
    if gap is None:
        assert not told and told_first == [0]
    else:
        ((name, (expected, of, place)),) = told
        assert (name, expected, place) == ("gap", first, gap) and of is batch
        assert told_first == [1]


def test_native_handlers_and_those_of_python_share_a_tick_of_records():
    order = []

    def native(status, name):
        def call(records, indices, count, context):
            order.append((name, [indices[i] for i in range(count)]))
            return status

        return NativeHandler(PROTOTYPE(call))

    good, bad = native(0, "good"), native(3, "bad")
    natives = NativeCalls(((0, good), (2, bad)), TOPICS, SMALL)

    def handle(batch, indices):
        order.append(("python", indices.tolist()))
        assert batch.dtype == SMALL.dtype

    tick, seen, told = tick_of((0, handle), (1, handle), record=SMALL, natives=natives)
    tick.run(batch_of([0, 1, 0, 2], SMALL))
    assert order == [("good", [0, 2]), ("bad", [3]), ("python", [0, 2]), ("python", [1])]
    ((name, (topic, function, error)),) = told
    assert (name, topic, type(error), error.status) == ("failed", 2, HandlerError, 3)
    assert function is bad.function
    assert (seen.calls, seen.handled) == ([2, 1, 1, 0], [4, 1, 1, 0])
    told.clear()
    assert tick.run(batch_of([0])) is False  # the event is another record
    assert told[0][0] == "refused"


def test_columns_are_routed_and_native_handlers_told_that_they_are_no_records():
    calls = []
    called = NativeHandler(PROTOTYPE(lambda *arguments: calls.append("native") or 0))
    natives = NativeCalls(((1, called),), TOPICS, EVENT)
    tick, _, told = tick_of(
        (1, lambda batch, indices: calls.append(indices.tolist())), natives=natives
    )
    assert tick.run(to_arrow_columns(batch_of([1, 0, 1]))) is True
    assert calls == [[0, 2]]
    assert [name for name, _ in told] == ["failed"]


def test_routings_are_timed_while_somebody_asks():
    tick, _, _ = tick_of()
    plain = PlainTick(Routed(8, TOPICS))
    for one, run in ((tick, tick.run), (plain, plain.tick)):
        noted = []
        one.note_routes(noted)
        run(batch_of([0]))
        one.note_routes()
        run(batch_of([0]))
        assert len(noted) == 1
