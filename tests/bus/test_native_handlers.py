"""C functions as handlers: called as Python's are, without the interpreter lock."""

from __future__ import annotations

import asyncio
import ctypes
import mmap
import os
import signal
import threading
from itertools import chain
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aethermodel.bus import Bus
from cython_core import (
    CAPSULE_NAME,
    EVENT,
    EVENT_DTYPE,
    Counts,
    NativeHandler,
    Routed,
    allocate,
    now_ns,
    record_type,
    route,
    to_arrow_columns,
)
from cython_core.routing.native import NativeCalls, call_all

TOPICS = 5
PROTOTYPE = ctypes.CFUNCTYPE(
    ctypes.c_int32,
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_uint32),
    ctypes.c_size_t,
    ctypes.c_void_p,
)


def capsule(address: int, name: bytes) -> Any:
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = (
        ctypes.py_object,
        [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p],
    )
    return new(address, name, None)


def batch_of(topics: Any, record: Any = None) -> Any:
    batch = allocate(len(topics), record)
    batch["topic"] = topics
    return batch


def run(bus: Bus, *batches: Any) -> None:
    async def main() -> None:
        task = asyncio.create_task(bus.run())
        for batch in batches:
            await bus.publish(batch)
        bus.stop()
        await task

    asyncio.run(main())


def bus_of(record: Any = None) -> Bus:
    return Bus([f"t.{i}" for i in range(TOPICS)], capacity=10_000, record=record)


@settings(deadline=None, max_examples=25)
@given(
    st.lists(st.lists(st.integers(0, TOPICS - 1), max_size=40), max_size=3),
    st.lists(
        st.tuples(st.integers(0, TOPICS - 1), st.booleans(), st.sampled_from([0, 0, 7, -2])),
        max_size=6,
    ),
    st.sampled_from([None, 8, 256]),
)
def test_native_and_python_handlers_see_the_same(batches, wanted, record):
    """Native ones first, then those of Python; what they return otherwise than 0 is told of."""
    bus, shown, kept = bus_of(record), [], []
    for place, (topic, native, status) in enumerate(wanted):

        def handle(_, indices, count, __, place=place, status=status):
            shown.append((place, indices[:count]))
            return status

        def plain(_, indices, place=place, status=status):
            shown.append((place, indices.tolist()))
            if status:
                raise KeyError(status)

        kept.append(PROTOTYPE(handle) if native else plain)
        bus.on(f"t.{topic}")(kept[-1])
    made = [batch_of(topics, record) for topics in batches]
    run(bus, *made)
    order = sorted(range(len(wanted)), key=lambda place: not wanted[place][1])
    expected, failed = [], []
    counts = np.zeros((2, TOPICS), int)
    for topics in batches:
        for place in order:
            topic, native, status = wanted[place]
            if found := [i for i, own in enumerate(topics) if own == topic]:
                expected.append((place, found))
                counts[:, topic] += 1, len(found)
                if status:
                    kind = (
                        ("HandlerError", f"it returned {status}")
                        if native
                        else ("KeyError", str(status))
                    )
                    failed.append((topic, *kind, kept[place]))
    assert shown == expected
    assert [(f.topic, f.kind, f.message, f.handler) for f in bus.failures] == failed
    assert [bus.instruments.calls, bus.instruments.handled] == counts.tolist()
    assert sum(bus.instruments.failed) == len(failed)
    assert bus.instruments.batch_events.total == sum(map(len, batches))
    assert all(ns > 0 for ns, n in zip(bus.instruments.handler_ns, counts[0], strict=True) if n)


def summing(record: Any) -> Any:
    """A numba function that adds values up into its context, and fails on topic 3."""
    numba = pytest.importorskip("numba")
    types, dtype = numba.types, record_type(record).dtype
    signature = types.int32(types.voidptr, types.CPointer(types.uint32), types.uintp, types.voidptr)

    @numba.cfunc(signature)
    def add(records, indices, count, context):
        places = numba.carray(indices, count)
        batch = numba.carray(records, places[count - 1] + 1, dtype)
        total = numba.carray(context, 8, np.float64)
        for place in places:
            total[batch[place].topic] += batch[place].value
        return np.int32(batch[places[0]].topic == 3)

    return add


@pytest.mark.examples
@pytest.mark.parametrize("size", [64, 256])
def test_a_numba_function_over_records(size: int) -> None:
    total, bus = np.zeros(8), bus_of(size)
    bus.on("t.*")(NativeHandler(summing(size), context=total))
    batch = batch_of(np.arange(3000) % TOPICS, size)
    batch["value"] = np.arange(3000)
    run(bus, batch, batch)
    assert total.tolist() == [2 * batch["value"][t:3000:TOPICS].sum() for t in range(5)] + [0] * 3
    assert [(f.topic, f.message) for f in bus.failures] == [(3, "it returned 1")] * 2


def test_other_threads_run_meanwhile() -> None:
    """One handler waits, in C, for what another thread of the interpreter does."""
    libc, batch, bus, started = ctypes.CDLL(None), batch_of([0]), bus_of(), threading.Event()
    wait = libc["sem_wait"]  # of the semaphore that the record's first bytes are
    wait.restype, wait.argtypes = PROTOTYPE._restype_, PROTOTYPE._argtypes_
    address = ctypes.c_void_p(batch.ctypes.data)
    assert libc.sem_init(address, 0, 0) == 0
    bus.on("t.0")(PROTOTYPE(lambda *_: started.set() or 0))
    bus.on("t.0")(wait)

    def post() -> None:
        started.wait()
        libc.sem_post(address)

    thread = threading.Thread(target=post)
    thread.start()
    run(bus, batch)
    thread.join()
    assert not bus.failures and bus.instruments.calls[0] == 2


def test_what_is_a_native_handler() -> None:
    seen = []
    pointer = PROTOTYPE(lambda _, __, count, context: seen.append((count, context)) or 0)
    address = ctypes.cast(pointer, ctypes.c_void_p).value
    assert address
    names = [CAPSULE_NAME.encode(), b"int32_t (void const *, uint32_t const *, size_t, void *)"]
    handlers = [pointer, *(capsule(address, name) for name in names)]
    memory = bytearray(16)
    where = ctypes.addressof((ctypes.c_char * 16).from_buffer(memory))
    handlers += [NativeHandler(pointer, 0xABC0), NativeHandler(handlers[1], memory)]
    bus = bus_of()
    for handler in handlers:
        assert bus.on("t.1")(handler) is handler
    run(bus, batch_of([1, 0, 1]))
    assert seen == [(2, None)] * 3 + [(2, 0xABC0), (2, where)]
    with pytest.raises(BufferError):
        memory.clear()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: capsule(1, b"other"), "named 'aethermodel.handler' or by its signature"),
        (lambda: ctypes.CFUNCTYPE(ctypes.c_int)(lambda: 0), "set argtypes and restype"),
        (lambda: ctypes.CDLL(None).getpid, "set argtypes and restype"),
        (lambda: ctypes.pythonapi.Py_IsInitialized, "needs the interpreter lock"),
        (PROTOTYPE, "a handler's is not 0"),
        (lambda: NativeHandler(print), "no C function"),
        (lambda: NativeHandler(PROTOTYPE(lambda *_: 0), "text"), "an address or a writable buffer"),
        (lambda: NativeHandler(PROTOTYPE(lambda *_: 0), b"fixed"), "read-only"),
    ],
)
def test_what_is_none_is_refused_in_a_line(make: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        bus_of().on("t.1")(make())
    assert "\n" not in str(caught.value)


def test_columns_are_no_records() -> None:
    pytest.importorskip("pyarrow")
    bus, seen = bus_of(), []
    bus.on("t.1")(PROTOTYPE(lambda *_: seen.append("native") or 0))
    bus.on("t.1")(lambda *_: seen.append("python"))
    run(bus, to_arrow_columns(batch_of([1, 1])))
    assert seen == ["python"]
    assert [(f.topic, f.kind) for f in bus.failures] == [(1, "ValueError")]
    with pytest.raises(ValueError, match="not of another type of 64 bytes"):
        asyncio.run(bus_of(256).publish(batch_of([1])))


def test_a_peer_that_rewrites_topics_leads_nobody_outside() -> None:
    """Of each batch that was routed, native handlers get every place once, whatever it says now."""
    n, topics = 4000, 64
    memory = mmap.mmap(-1, n * 64)
    events: Any = np.frombuffer(memory, EVENT_DTYPE)
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            draw = np.random.default_rng(0)
            while os.getppid() == parent:
                events["topic"] = draw.integers(0, topics + (draw.random() < 0.1), n)
        finally:
            os._exit(0)
    got: list[list[int]] = []

    def handle(records: int, indices: Any, count: int, _: Any) -> int:
        got.append(indices[:count])
        return 0

    handler = NativeHandler(PROTOTYPE(handle))
    calls = NativeCalls(tuple((t, handler) for t in range(topics)), topics, EVENT)
    seen, out = Counts(topics), Routed(n, topics)
    routed = refused = 0
    try:
        while routed < 40 and refused < 4000:
            got.clear()
            try:
                route(events, topics, out=out)
            except ValueError:
                refused += 1
                continue
            call_all(calls, (), seen, True, pytest.fail, events, out, now_ns())
            routed += 1
            assert sorted(chain(*got)) == list(range(n))
            assert all(part == sorted(part) for part in got)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert routed
    offsets = out.offsets
    offsets[1] = n + 5
    with pytest.raises(ValueError, match="were written to"):
        call_all(calls, (), seen, True, pytest.fail, events, out, now_ns())
