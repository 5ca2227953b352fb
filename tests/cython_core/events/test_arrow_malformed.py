"""Malformed Arrow input: refused in one line, however odd it is."""

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cython_core import Routed, route, route_columns
from cython_core.routing.router import time_route

ROWS = 8
BIG = 2**63 - 1


class Schema(ctypes.Structure):
    """``struct ArrowSchema``."""


class Array(ctypes.Structure):
    """``struct ArrowArray``."""


Release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_char_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.POINTER(ctypes.POINTER(Schema))),
    ("dictionary", ctypes.POINTER(Schema)),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]
Array._fields_ = [
    ("length", ctypes.c_int64),
    ("null_count", ctypes.c_int64),
    ("offset", ctypes.c_int64),
    ("n_buffers", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("buffers", ctypes.POINTER(ctypes.c_void_p)),
    ("children", ctypes.POINTER(ctypes.POINTER(Array))),
    ("dictionary", ctypes.POINTER(Array)),
    ("release", ctypes.c_void_p),
    ("private_data", ctypes.c_void_p),
]

new_capsule = ctypes.pythonapi.PyCapsule_New
new_capsule.restype = ctypes.py_object
new_capsule.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]


class Batch:
    """A struct array of topic and value, made by hand, so that any of it can be wrong."""

    def __init__(self) -> None:
        self.released: list[str] = []
        self.free_schema = Release(lambda _: self.released.append("schema"))
        self.free_array = Release(lambda _: self.released.append("array"))
        self.topics = np.zeros(ROWS + 8, np.uint32)
        self.values = np.ones(ROWS + 8)
        self.valid = np.full(64, 255, np.uint8)
        self.columns = [
            self.column(b"I", b"topic", self.topics),
            self.column(b"g", b"value", self.values),
        ]
        self.schema = Schema(format=b"+s", name=b"", n_children=2)
        self.array = Array(length=ROWS, n_buffers=1, n_children=2)
        self.schema.children = (ctypes.POINTER(Schema) * 2)(
            *(ctypes.pointer(schema) for schema, _ in self.columns)
        )
        self.array.children = (ctypes.POINTER(Array) * 2)(
            *(ctypes.pointer(array) for _, array in self.columns)
        )
        self.array.buffers = (ctypes.c_void_p * 1)(None)
        self.schema.release = ctypes.cast(self.free_schema, ctypes.c_void_p).value
        self.array.release = ctypes.cast(self.free_array, ctypes.c_void_p).value
        self.names = (b"arrow_schema", b"arrow_array")

    def column(self, form: bytes, name: bytes, data: Any) -> tuple[Schema, Array]:
        schema = Schema(format=form, name=name, release=1)
        array = Array(length=ROWS, n_buffers=2, release=1)
        array.buffers = (ctypes.c_void_p * 2)(None, data.ctypes.data)
        return schema, array

    def __arrow_c_array__(self, requested_schema: object = None) -> Any:
        return (
            new_capsule(ctypes.addressof(self.schema), self.names[0], None),
            new_capsule(ctypes.addressof(self.array), self.names[1], None),
        )


def test_a_batch_made_by_hand_is_routed_and_released_once() -> None:
    batch = Batch()
    batch.topics[:ROWS] = [3, 1, 2, 0, 3, 1, 2, 0]
    assert route(batch, 4).count.tolist() == [2, 2, 2, 2]
    assert sorted(batch.released) == ["array", "schema"]
    with pytest.raises(ValueError, match="consumed already"):
        route(batch, 4)


@pytest.mark.parametrize(
    "returned",
    [(), (1,), (1, 2), (None, None), [1, 2], None, 7, "ab", (1, 2, 3), {}],
    ids=repr,
)
def test_what_is_no_pair_of_capsules_is_refused(returned: Any) -> None:
    class Odd:
        def __arrow_c_array__(self, requested_schema: object = None) -> Any:
            return returned

    with pytest.raises(ValueError, match="capsule"):
        route(Odd(), 4)  # type: ignore[arg-type]


@pytest.mark.parametrize("swap", [(1, 0), (0, 0), (1, 1)])
def test_capsules_in_the_wrong_place_are_refused(swap: tuple[int, int]) -> None:
    pair = pa.record_batch({"topic": pa.array([0], pa.uint32()), "value": [1.0]})

    class Odd:
        def __arrow_c_array__(self, requested_schema: object = None) -> Any:
            capsules = pair.__arrow_c_array__()
            return capsules[swap[0]], capsules[swap[1]]

    with pytest.raises(ValueError, match="no arrow_"):
        route(Odd(), 4)


def test_consumed_capsules_are_refused() -> None:
    capsules = pa.record_batch(
        {"topic": pa.array([0], pa.uint32()), "value": [1.0]}
    ).__arrow_c_array__()

    class Again:
        def __arrow_c_array__(self, requested_schema: object = None) -> Any:
            return capsules

    assert pa.record_batch(Again()).num_rows == 1
    with pytest.raises(ValueError, match="consumed already"):
        route(Again(), 4)


def test_an_export_that_raises_raises() -> None:
    class Odd:
        def __arrow_c_array__(self, requested_schema: object = None) -> Any:
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        route(Odd(), 4)


def no_buffer(batch: Batch) -> None:
    batch.columns[0][1].buffers[1] = None


def misaligned(batch: Batch) -> None:
    batch.columns[1][1].buffers[1] = batch.values.ctypes.data + 1


def last_address(batch: Batch) -> None:
    batch.columns[1][1].buffers[1] = 2**64 - 8


def no_child(batch: Batch) -> None:
    batch.array.children[1] = ctypes.POINTER(Array)()


def no_child_schema(batch: Batch) -> None:
    batch.schema.children[0] = ctypes.POINTER(Schema)()


def null_at(batch: Batch) -> None:
    batch.valid[0] = 0b10111111
    batch.columns[0][1].buffers[0] = batch.valid.ctypes.data
    batch.columns[0][1].null_count = 1


def setter(where: str, name: str, value: Any) -> Callable[[Batch], None]:
    def set_it(batch: Batch) -> None:
        target = {
            "schema": batch.schema,
            "array": batch.array,
            "topic schema": batch.columns[0][0],
            "topic": batch.columns[0][1],
            "value": batch.columns[1][1],
        }[where]
        setattr(target, name, value)

    return set_it


SCHEMAS, ARRAYS = ctypes.POINTER(ctypes.POINTER(Schema)), ctypes.POINTER(ctypes.POINTER(Array))
NUMBERS = {
    "length": [-1, -ROWS, BIG, -(2**63), 2**62, 2**57, 2**33],
    "offset": [-1, BIG, BIG - ROWS, 2**62, 2**60, 9],
    "null_count": [-2, -(2**63), 1, BIG],
    "n_buffers": [-1, 0, 3, BIG, -(2**63)],
    "n_children": [-1, 1, 3, BIG, -(2**63)],
}


def plausible(where: str, name: str, value: int) -> bool:
    """Whether a child may be so long, or begin so late: nothing tells how long its buffer is."""
    return where != "array" and name in ("length", "offset") and 0 < value < 2**57


ODD: dict[str, Callable[[Batch], None]] = {
    f"{where} {name} {value}": setter(where, name, value)
    for where in ("array", "topic", "value")
    for name, values in NUMBERS.items()
    for value in values
    if not plausible(where, name, value)
}
ODD |= {
    "no buffer": no_buffer,
    "misaligned": misaligned,
    "at the end of all memory": last_address,
    "no child": no_child,
    "no child's schema": no_child_schema,
    "a null": null_at,
    "no buffers": setter("topic", "buffers", ctypes.POINTER(ctypes.c_void_p)()),
    "no buffers of the struct": setter("array", "buffers", ctypes.POINTER(ctypes.c_void_p)()),
    "no children": setter("array", "children", ARRAYS()),
    "no schemas": setter("schema", "children", SCHEMAS()),
    "no format": setter("schema", "format", None),
    "no format of a child": setter("topic schema", "format", None),
    "bytes as a format": setter("topic schema", "format", b"\xff\xfe"),
    "an empty format": setter("schema", "format", b""),
    "no name": setter("topic schema", "name", None),
    "fewer schemas": setter("schema", "n_children", 1),
    "more schemas": setter("schema", "n_children", -7),
    "a dictionary": setter("topic", "dictionary", ctypes.pointer(Array())),
    "a dictionary of the struct": setter("array", "dictionary", ctypes.pointer(Array())),
    "a schema's dictionary": setter("topic schema", "dictionary", ctypes.pointer(Schema())),
    "a released child": setter("topic", "release", None),
    "a released schema of a child": setter("topic schema", "release", None),
    "a released array": setter("array", "release", None),
    "a released schema": setter("schema", "release", None),
    "another name": lambda batch: setattr(batch, "names", (b"arrow_schema", b"arrow_arrays")),
}


@pytest.mark.parametrize("odd", ODD)
def test_malformed_structs_are_refused_and_released(odd: str) -> None:
    batch = Batch()
    ODD[odd](batch)
    owed = [name for name in ("array", "schema") if getattr(batch, name).release]
    out = Routed(ROWS, 4)
    with pytest.raises(ValueError) as refused:
        route(batch, 4, out=out)
    assert "\n" not in str(refused.value) and len(str(refused.value)) < 160
    if "released" not in odd and odd != "another name":
        assert sorted(batch.released) == owed
    assert len(out) == 0


INTEGERS = st.one_of(st.integers(-3, 12), st.integers(-(2**63), 2**63 - 1))


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["array", "topic", "value"]), st.sampled_from(sorted(NUMBERS)), INTEGERS
        ),
        max_size=5,
    )
)
def test_any_numbers_are_routed_right_or_refused(changes: list[tuple[str, str, int]]) -> None:
    batch = Batch()
    for where, name, value in changes:
        if not plausible(where, name, value):
            setter(where, name, value)(batch)
    try:
        routed = route(batch, 4)
    except ValueError:
        return
    length, topic = batch.array.length, batch.columns[0][1]
    assert 0 <= length <= ROWS and batch.array.offset + length <= topic.length
    assert routed.indices.tolist() == list(range(length))


@pytest.mark.parametrize("batches", [[()], [(1,)], [(1, 2, 3)], [([], [])], [None], [((), ())]])
def test_a_pool_of_oddities_is_refused(batches: Any) -> None:
    with pytest.raises(ValueError):
        time_route(batches, 4, 1, out=Routed(8, 4))


def test_what_is_not_there_is_refused() -> None:
    with pytest.raises(TypeError):
        time_route([(np.zeros(1, np.uint32), np.zeros(1))], 4, 1, out=None)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        Routed.__new__(Routed)
    with pytest.raises(ValueError):
        route_columns(None, None, 4)  # type: ignore[arg-type]
