"""Event record of 64 bytes: dtype, aligned allocation, boundary check."""

cimport numpy as cnp
from cpython.buffer cimport PyBuffer_IsContiguous, PyObject_CheckBuffer
from cpython.memoryview cimport PyMemoryView_FromObject, PyMemoryView_GET_BUFFER
from cpython.object cimport PyObject
from libc.stdint cimport uintptr_t
from libc.stdlib cimport free, malloc
from libc.stddef cimport size_t

import numpy as np

cnp.import_array()


cdef extern from *:
    """
    #define AETHER_OFFSET(field) offsetof(aether_event, field)
    """
    size_t OFFSET_SEQUENCE "AETHER_OFFSET(sequence)"
    size_t OFFSET_TIMESTAMP "AETHER_OFFSET(timestamp_ns)"
    size_t OFFSET_TOPIC "AETHER_OFFSET(topic)"
    size_t OFFSET_SOURCE "AETHER_OFFSET(source)"
    size_t OFFSET_VALUE "AETHER_OFFSET(value)"
    size_t OFFSET_PAYLOAD "AETHER_OFFSET(payload)"
    size_t OFFSET_FLAGS "AETHER_OFFSET(flags)"
    size_t OFFSET_CHECKSUM "AETHER_OFFSET(checksum)"

cdef extern from "numpy/arrayobject.h":
    bint is_array "PyArray_Check"(PyObject* it) noexcept
    PyObject* base_of "PyArray_BASE"(cnp.ndarray array) noexcept

EVENT_BYTES = 64
MAX_EVENTS = 2**32 - 1

EVENT_DTYPE = np.dtype(
    [
        ("sequence", "<u8"),
        ("timestamp_ns", "<u8"),
        ("topic", "<u4"),
        ("source", "<u4"),
        ("value", "<f8"),
        ("payload", "u1", (24,)),
        ("flags", "<u4"),
        ("checksum", "<u4"),
    ],
    align=True,
)

# Address of the dtype itself: an identity check costs a compare, an equivalence
# check a walk over eight fields.
cdef object _dtype = EVENT_DTYPE


def c_layout():
    """Return the C compiler's view of the event.

    Returns
    -------
    dict of str to int
        Offset in bytes of each field, and ``itemsize``.
    """
    return {
        "sequence": OFFSET_SEQUENCE,
        "timestamp_ns": OFFSET_TIMESTAMP,
        "topic": OFFSET_TOPIC,
        "source": OFFSET_SOURCE,
        "value": OFFSET_VALUE,
        "payload": OFFSET_PAYLOAD,
        "flags": OFFSET_FLAGS,
        "checksum": OFFSET_CHECKSUM,
        "itemsize": sizeof(aether_event),
    }


def _assert_layout():
    numpy_view = {name: EVENT_DTYPE.fields[name][1] for name in EVENT_DTYPE.names}
    numpy_view["itemsize"] = EVENT_DTYPE.itemsize
    if numpy_view != c_layout():
        raise ImportError(f"event layout differs: numpy {numpy_view}, C {c_layout()}")


_assert_layout()


cdef object batch_pointer(object events, aether_event** first, Py_ssize_t* n):
    """Check a batch at the Python border; the caller holds `events` and what is returned."""
    cdef cnp.ndarray array
    if not isinstance(events, cnp.ndarray):
        raise ValueError(
            f"events must be a numpy array of EVENT_DTYPE, not {type(events).__name__}"
        )
    array = <cnp.ndarray> events
    if array.dtype is not _dtype and array.dtype != _dtype:
        raise ValueError(f"events must have dtype EVENT_DTYPE, not {array.dtype}")
    if array.ndim != 1:
        raise ValueError(f"events must have one dimension, not {array.ndim}")
    if not cnp.PyArray_IS_C_CONTIGUOUS(array):
        raise ValueError("events must be contiguous; route a copy, or pass the whole batch")
    if <uintptr_t> cnp.PyArray_DATA(array) % 8:
        raise ValueError("events must be aligned to 8 bytes (64 for full speed)")
    n[0] = cnp.PyArray_DIM(array, 0)
    if <unsigned long long> n[0] > 0xFFFFFFFFULL:
        raise ValueError(f"a batch holds at most {MAX_EVENTS} events, not {n[0]}")
    first[0] = <aether_event*> cnp.PyArray_DATA(array)
    return memory_keeper(array, <size_t> first[0], n[0] * sizeof(aether_event))


cdef object memory_keeper(cnp.ndarray array, size_t first, size_t length):
    """Return what keeps the memory of an array where it is, None where the array does.

    An array holds its owner, which need not hold the memory: a ``mmap`` or a shared memory can
    be closed under the array that was made over it by ``numpy.ndarray(buffer=...)``, in another
    thread at any time. A buffer export of the owner's own forbids that.
    """
    cdef PyObject* owner = <PyObject*> array
    cdef Py_buffer* exported
    while owner != NULL and is_array(owner):
        owner = base_of(<cnp.ndarray> owner)
    if owner == NULL or not PyObject_CheckBuffer(<object> owner):
        return None  # numpy's own memory, or that of a ring, whose views keep it mapped
    try:
        export = PyMemoryView_FromObject(<object> owner)
    except (BufferError, ValueError) as error:
        raise ValueError(f"the memory of these events is gone: {error}") from None
    exported = PyMemoryView_GET_BUFFER(export)
    if PyBuffer_IsContiguous(exported, b"A") and not (
        <uintptr_t> exported.buf <= first
        and first + length <= <uintptr_t> exported.buf + <size_t> exported.len
    ):
        raise ValueError("the memory of these events is gone: their owner has moved")
    return export


cdef class BatchPool:
    """Batches that native code takes in turn; holds them, so that they stay alive."""

    def __cinit__(self, list batches):
        cdef Py_ssize_t i
        if not batches:
            raise ValueError("at least one batch is needed")
        self._batches = list(batches)
        self.size = len(self._batches)
        self.first = <aether_event**> malloc(self.size * sizeof(aether_event*))
        self.length = <Py_ssize_t*> malloc(self.size * sizeof(Py_ssize_t))
        if self.first == NULL or self.length == NULL:
            raise MemoryError("no memory for the pool of batches")
        self._keepers = []
        for i in range(self.size):
            self._keepers.append(
                batch_pointer(self._batches[i], &self.first[i], &self.length[i])
            )

    def __dealloc__(self):
        free(self.first)
        free(self.length)
