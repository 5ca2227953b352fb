"""Events as Arrow, bytes and DLPack see them, and who holds what."""

import gc
import sys
import threading
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cython_core import (
    EVENT_DTYPE,
    EventArray,
    Ring,
    allocate,
    as_arrow,
    as_bytes,
    route,
    to_arrow_columns,
)


def batch_of(n: int) -> np.ndarray[Any, Any]:
    events = allocate(n)
    as_bytes(events)[:] = np.random.default_rng(n).integers(0, 256, 64 * n)
    events["value"] = np.arange(n)
    return events


@settings(deadline=None)
@given(st.integers(0, 200))
def test_arrow_sees_the_same_bytes(n: int) -> None:
    events = batch_of(n)
    array = pa.array(as_arrow(events))
    array.validate(full=True)
    assert array.type == pa.binary(64)
    assert (len(array), array.null_count) == (n, 0)
    assert b"".join(array.to_pylist()) == events.tobytes()
    if n:
        assert array.buffers()[1].address == events.ctypes.data


def test_arrow_holds_the_owner_and_lets_go() -> None:
    events = batch_of(4)
    before = sys.getrefcount(events)
    array = pa.array(as_arrow(events))
    assert sys.getrefcount(events) == before + 1
    part = array.slice(1, 2)
    del array
    assert sys.getrefcount(events) == before + 1
    letting_go = threading.Thread(target=part.__class__.__len__, args=(part,))
    letting_go.start()
    letting_go.join()
    del letting_go, part
    gc.collect()
    assert sys.getrefcount(events) == before


def test_capsules_nobody_takes_free_themselves() -> None:
    events = batch_of(4)
    before = sys.getrefcount(events)
    for _ in range(3):
        EventArray(events).__arrow_c_schema__()
        EventArray(events).__arrow_c_array__(requested_schema=None)
    assert sys.getrefcount(events) == before


def test_arrow_over_a_ring_counts_as_a_live_view() -> None:
    producer, consumer = Ring.pair(8)
    producer.reserve(2)["sequence"] = [1, 2]
    producer.commit()
    array = pa.array(as_arrow(consumer.peek()))
    with pytest.raises(BufferError):
        consumer.close()
    assert array[1].as_py()[:1] == b"\x02"
    del array
    consumer.close()
    producer.close()


@settings(deadline=None)
@given(st.integers(0, 200))
def test_columns_are_a_faithful_copy(n: int) -> None:
    events = batch_of(n)
    columns = to_arrow_columns(events)
    original = events.copy()
    as_bytes(events)[:] = 0
    assert columns.num_rows == n
    assert columns.schema.names == list(EVENT_DTYPE.names or ())
    for name in columns.schema.names:
        if name == "payload":
            assert b"".join(columns[name].to_pylist()) == original[name].tobytes()
        else:
            assert columns[name].to_numpy().tobytes() == original[name].tobytes()


def test_bytes_go_wherever_the_buffer_protocol_goes() -> None:
    events = batch_of(3)
    view = as_bytes(events)
    assert bytes(view.data) == events.tobytes()
    view[0] = 9
    assert events.tobytes()[0] == 9
    events.flags.writeable = False
    assert as_bytes(events).data.readonly


def test_dlpack_shares_the_value_column() -> None:
    events = batch_of(5)
    shared = np.from_dlpack(events["value"])
    assert shared.strides == (64,)
    events["value"][3] = 42.0
    assert shared.tolist() == [0.0, 1.0, 2.0, 42.0, 4.0]


def test_dlpack_keeps_a_ring_read_only_and_alive() -> None:
    producer, consumer = Ring.pair(8)
    producer.reserve(2)["value"] = [1.5, 2.5]
    producer.commit()
    column = consumer.peek()["value"]
    with pytest.raises(BufferError, match="readonly"):
        column.__dlpack__()  # a consumer of before version 1.0
    shared = np.from_dlpack(column)
    del column
    assert not shared.flags.writeable
    with pytest.raises(BufferError):
        consumer.close()
    assert shared.tolist() == [1.5, 2.5]
    del shared
    consumer.close()
    producer.close()


@given(st.lists(st.integers(0, 3), max_size=12))
def test_a_topic_is_a_slice_where_its_events_lie_side_by_side(topics: list[int]) -> None:
    events = allocate(len(topics))
    events["topic"] = topics
    events["sequence"] = range(len(topics))
    routed = route(events, 4)
    for topic in range(4):
        wanted = [i for i, t in enumerate(topics) if t == topic]
        found = routed.contiguous(topic)
        if wanted == list(range(wanted[0], wanted[0] + len(wanted))) if wanted else True:
            assert found is not None
            assert events[found]["sequence"].tolist() == wanted
        else:
            assert found is None
    for topic in (-1, 4):
        with pytest.raises(IndexError):
            routed.contiguous(topic)


@pytest.mark.parametrize(
    "bad", [None, [1], np.zeros(3), np.zeros(64, np.uint8), allocate(6)[::2], allocate(4)[:, None]]
)
@pytest.mark.parametrize("view", [as_arrow, as_bytes, to_arrow_columns])
def test_what_is_no_batch_is_refused(view: Any, bad: Any) -> None:
    with pytest.raises(ValueError, match="events must"):
        view(bad)
