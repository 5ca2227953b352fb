"""Boundary check of columnar batches: two buffers, or an Arrow record batch."""

from cpython.buffer cimport PyBuffer_IsContiguous
from cpython.memoryview cimport PyMemoryView_FromObject, PyMemoryView_GET_BUFFER
from libc.stdint cimport uintptr_t


cdef object _column(object array, str name, str formats, Py_ssize_t size, const char** first,
                    Py_ssize_t* n):
    """Check one buffer, and return the export that keeps it where it is."""
    cdef Py_buffer* view
    try:
        export = PyMemoryView_FromObject(array)
    except (BufferError, TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a contiguous buffer: {error}") from None
    view = PyMemoryView_GET_BUFFER(export)
    if not PyBuffer_IsContiguous(view, b"C"):
        raise ValueError(f"{name} must be a contiguous buffer: its entries lie apart")
    form = view.format.decode("utf-8", "replace") if view.format != NULL else "B"
    if view.ndim != 1 or view.itemsize != size or form.lstrip("@=<") not in tuple(formats):
        raise ValueError(
            f"{name} must have one dimension of {'uint32' if size == 4 else 'float64'}, "
            f"not {view.ndim} of format {form!r}"
        )
    if <uintptr_t> view.buf % size:
        raise ValueError(f"{name} must be aligned to {size} bytes")
    n[0] = view.shape[0] if view.shape != NULL else view.len // size
    # Of an exporter that does not keep to the protocol.
    if n[0] < 0 or n[0] * size != view.len or (n[0] and view.buf == NULL):
        raise ValueError(f"{name} claims {n[0]} entries in {view.len} bytes")
    first[0] = <const char*> view.buf
    return export


cdef object columns_input(object topic, object value, aether_input* out):
    """Fill `out` from two buffers."""
    cdef Py_ssize_t n = 0, values = 0
    keepers = (
        _column(topic, "topic", "IL", 4, &out.topic, &n),
        _column(value, "value", "d", 8, &out.value, &values),
    )
    if n != values:
        raise ValueError(f"topic has {n} entries, value has {values}")
    if n > <Py_ssize_t> MAX_EVENTS:
        raise ValueError(f"a batch holds at most {MAX_EVENTS} events, not {n}")
    out.topic_stride = 4
    out.value_stride = 8
    out.numbered = False
    out.topic_mask = 0
    out.n = n
    return keepers
