"""Arrow frames: structs and capsules of the C data interface that another library may get wrong.

Only what a reader can see to be wrong: pointers into memory that is not there, or lengths beyond
a buffer whose size the interface does not carry, are out of any reader's reach.
"""

from __future__ import annotations

import ctypes
import random
from typing import Any

import numpy as np

from cython_core import Routed, route, route_columns
from cython_core.routing.router import time_route
from tools.torture.inputs.source import Source

_ROWS, _TOPICS = 24, 4
_api = ctypes.pythonapi


class _Schema(ctypes.Structure):
    _fields_ = (
        ("format", ctypes.c_void_p),
        ("name", ctypes.c_void_p),
        ("metadata", ctypes.c_void_p),
        ("flags", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("children", ctypes.POINTER(ctypes.c_void_p)),
        ("dictionary", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    )


class _Array(ctypes.Structure):
    _fields_ = (
        ("length", ctypes.c_int64),
        ("null_count", ctypes.c_int64),
        ("offset", ctypes.c_int64),
        ("n_buffers", ctypes.c_int64),
        ("n_children", ctypes.c_int64),
        ("buffers", ctypes.POINTER(ctypes.c_void_p)),
        ("children", ctypes.POINTER(ctypes.c_void_p)),
        ("dictionary", ctypes.c_void_p),
        ("release", ctypes.c_void_p),
        ("private_data", ctypes.c_void_p),
    )


_api.PyCapsule_New.restype = ctypes.py_object
_api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
_Release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


# An exporter's release may read nothing of a struct that is spoiled: these only mark it.
@_Release
def _release_schema(where: int) -> None:
    _Schema.from_address(where).release = None


@_Release
def _release_array(where: int) -> None:
    _Array.from_address(where).release = None


def _callback(function: Any) -> int:
    return ctypes.cast(function, ctypes.c_void_p).value or 0


#: Texts that a struct may point to; they live as long as this module.
_TEXTS = [
    ctypes.create_string_buffer(text)
    for text in (b"", b"g", b"I", b"+s", b"topic", b"value", b"\xff\xfe", b"x" * 300)
]
_TEXT_OF = {text.value: ctypes.addressof(text) for text in _TEXTS}
_NUMBERS = (-(2**63), -1, 0, 1, 2, 3, _ROWS - 1)


class Batch:
    """The structs of a record batch with columns ``topic`` and ``value``, and their memory."""

    def __init__(self) -> None:
        self._columns = (
            np.arange(_ROWS, dtype=np.uint32) % _TOPICS,
            np.arange(_ROWS, dtype=np.float64),
        )
        self.schemas = [
            _Schema(format=_TEXT_OF[form], name=_TEXT_OF[name], release=_callback(_release_schema))
            for form, name in ((b"+s", b""), (b"I", b"topic"), (b"g", b"value"))
        ]
        self.arrays = [
            _Array(length=_ROWS, n_buffers=2, release=_callback(_release_array)) for _ in range(3)
        ]
        self.arrays[0].n_buffers = 1
        pointers = ctypes.c_void_p * 2
        self._buffers = [pointers(None, None)]
        self._buffers += [pointers(None, column.ctypes.data) for column in self._columns]
        for array, buffers in zip(self.arrays, self._buffers, strict=True):
            array.buffers = ctypes.cast(buffers, ctypes.POINTER(ctypes.c_void_p))
        self._children = []
        for structs in (self.schemas, self.arrays):
            children = pointers(*(ctypes.addressof(it) for it in structs[1:]))
            self._children.append(children)
            structs[0].n_children = 2
            structs[0].children = ctypes.cast(children, ctypes.POINTER(ctypes.c_void_p))

    def capsules(self) -> tuple[object, object]:
        """Return both capsules; the structs in them live as long as this object."""
        schema, array = ctypes.addressof(self.schemas[0]), ctypes.addressof(self.arrays[0])
        return (
            _api.PyCapsule_New(schema, b"arrow_schema", None),
            _api.PyCapsule_New(array, b"arrow_array", None),
        )


class Exporter:
    """Hands over capsules as the bytes say: good ones, spoiled ones, or something else.

    Parameters
    ----------
    data : bytes
        First byte: which kind of answer; then three bytes for each field that is spoiled.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data or b"\0"
        self._batch = Batch()

    def __arrow_c_array__(self, requested_schema: object = None) -> Any:
        """Answer."""
        schema, array = self._batch.capsules()
        kind = self._data[0] % 16
        answers: dict[int, Any] = {
            1: (),
            2: (schema,),
            3: None,
            4: [schema, array],
            5: (array, schema),
            6: (schema, array, None),
            7: (1, 2),
            8: "ab",
        }
        if kind == 9:
            raise KeyError("an exporter that fails")
        if kind == 10:  # consumed already
            self._batch.schemas[0].release = self._batch.arrays[0].release = None
        if kind in answers:
            return answers[kind]
        if kind > 10:
            self._spoil()
        return schema, array

    def _spoil(self) -> None:
        structs: list[Any] = [*self._batch.schemas, *self._batch.arrays]
        for at in range(1, len(self._data) - 2, 3):
            which, field, value = self._data[at : at + 3]
            target = structs[which % len(structs)]
            if isinstance(target, _Schema):
                self._spoil_schema(target, field, value)
            else:
                self._spoil_array(target, field, value)

    def _spoil_schema(self, target: Any, field: int, value: int) -> None:
        text = None if value % 8 == 7 else ctypes.addressof(_TEXTS[value % len(_TEXTS)])
        name = ("format", "name", "n_children", "children", "dictionary")[field % 5]
        if name in ("format", "name"):
            setattr(target, name, text)
        elif name == "n_children":
            setattr(target, name, min(_NUMBERS[value % len(_NUMBERS)], target.n_children))
        elif name == "children":
            setattr(target, name, None)
        else:
            setattr(target, name, ctypes.addressof(_TEXTS[0]))

    def _spoil_array(self, target: Any, field: int, value: int) -> None:
        number = _NUMBERS[value % len(_NUMBERS)]
        name = ("length", "null_count", "offset", "n_buffers", "n_children", "buffers", "children")[
            field % 7
        ]
        if name in ("buffers", "children"):
            setattr(target, name, None)
        elif name == "offset":
            setattr(target, name, min(number, 0))
        elif name in ("n_buffers", "n_children"):
            setattr(target, name, min(number, getattr(target, name)))
        elif name == "null_count":
            setattr(target, name, number)
        else:
            setattr(target, name, min(number, target.length))


def read_arrow(data: bytes) -> None:
    """Route whatever an exporter hands over."""
    exporter = Exporter(data[1:])
    out = Routed(_ROWS, _TOPICS)
    if data[:1] and data[0] % 4 == 0:
        time_route([exporter], _TOPICS, 1, out=out)
        return
    routed = route(exporter, _TOPICS, out=out)
    if len(routed) > _ROWS or (len(routed) and int(routed.indices.max()) >= _ROWS):
        raise AssertionError("more was routed than is there")


def _make_arrow(draw: random.Random) -> bytes:
    return bytes((draw.randrange(256), draw.randrange(256))) + draw.randbytes(
        3 * draw.randint(1, 3)
    )


def _odd_column(draw: random.Random) -> Any:
    raw = bytearray(8 * draw.randint(0, _ROWS))
    kind = draw.randrange(10)
    if kind == 0:
        released = memoryview(raw)
        released.release()
        return released
    if kind == 1:
        return (ctypes.c_uint32 * draw.randint(0, 5))()
    if kind == 2:
        return np.zeros(draw.randint(0, _ROWS), draw.choice(("u4", "f8", "i4", "f4", ">u4", "V8")))
    if kind == 3:
        return np.zeros((2, 3), "u4")
    if kind == 4:
        return np.zeros(_ROWS, "u4")[:: draw.choice((2, -1))]
    if kind == 5:
        return draw.choice((None, 3, "text", (), [[]], object()))
    if kind == 6:
        view: Any = memoryview(raw)
        return view.cast(draw.choice("BIQdfLc"))
    if kind == 7 and len(raw) > 8:
        return np.frombuffer(raw, "u1")[1:-7].view("u8")
    return np.arange(_ROWS, dtype=draw.choice(("u4", "f8")))


def read_columns(data: bytes) -> None:
    """Route columns that are buffers of any kind, one by one or in lists."""
    draw = random.Random(data)
    topic, value = _odd_column(draw), _odd_column(draw)
    if draw.random() < 0.7:
        route_columns(topic, value, _TOPICS)
    else:
        odd: Any = draw.choice((topic, (), (topic,), (topic, value), (topic, value, 1), None))
        out = Routed(draw.choice((0, 1, _ROWS)) or 1, _TOPICS)
        time_route([odd] * draw.randint(0, 2), _TOPICS, 1, out=out)


def sources() -> dict[str, Source]:
    """Return the frames that come through Arrow's capsules and Python's buffers."""
    refusal = (ValueError, TypeError, KeyError, BufferError)
    return {
        "arrow-capsules": Source(_make_arrow, read_arrow, refusal),
        "column-buffers": Source(lambda draw: draw.randbytes(12), read_columns, refusal[:2]),
    }
