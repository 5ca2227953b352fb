"""The border check of columnar batches: two buffers, or an Arrow record batch."""

from cpython.buffer cimport PyBUF_FORMAT, PyBUF_ND, PyBuffer_Release, PyObject_GetBuffer
from cpython.pycapsule cimport PyCapsule_GetPointer
from libc.stdint cimport int64_t, uint8_t, uintptr_t

cdef extern from *:
    """
    #include <stdint.h>
    /* The Arrow C data interface, as its specification states it. */
    struct ArrowSchema {
        const char *format, *name, *metadata;
        int64_t flags, n_children;
        struct ArrowSchema **children, *dictionary;
        void (*release)(struct ArrowSchema *);
        void *private_data;
    };
    struct ArrowArray {
        int64_t length, null_count, offset, n_buffers, n_children;
        const void **buffers;
        struct ArrowArray **children, *dictionary;
        void (*release)(struct ArrowArray *);
        void *private_data;
    };
    """
    struct ArrowSchema:
        const char* format
        const char* name
        int64_t n_children
        ArrowSchema** children
        ArrowSchema* dictionary
    struct ArrowArray:
        int64_t length
        int64_t null_count
        int64_t offset
        int64_t n_children
        const void** buffers
        ArrowArray** children

cdef Py_ssize_t MAX_EVENTS = 0xFFFFFFFF


cdef const char* _column(object array, str name, str formats, Py_ssize_t size,
                         Py_ssize_t* n) except? NULL:
    """Check one buffer; the caller keeps `array` alive, and it cannot move."""
    cdef Py_buffer view
    try:
        PyObject_GetBuffer(array, &view, PyBUF_ND | PyBUF_FORMAT)
    except (BufferError, TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a contiguous buffer: {error}") from None
    try:
        form = view.format.decode() if view.format != NULL else "B"
        if view.ndim != 1 or view.itemsize != size or form.lstrip("@=<") not in formats:
            raise ValueError(
                f"{name} must have one dimension of {'uint32' if size == 4 else 'float64'}, "
                f"not {view.ndim} of format {form!r}"
            )
        if <uintptr_t> view.buf % size:
            raise ValueError(f"{name} must be aligned to {size} bytes")
        n[0] = view.shape[0]
        return <const char*> view.buf
    finally:
        PyBuffer_Release(&view)


cdef int columns_input(object topic, object value, aether_input* out) except -1:
    """Fill `out` from two buffers; the caller keeps both alive."""
    cdef Py_ssize_t n = 0, values = 0
    out.topic = _column(topic, "topic", "IL", 4, &n)
    out.value = _column(value, "value", "d", 8, &values)
    if n != values:
        raise ValueError(f"topic has {n} entries, value has {values}")
    if n > MAX_EVENTS:
        raise ValueError(f"a batch holds at most {MAX_EVENTS} events, not {n}")
    out.topic_stride = 4
    out.value_stride = 8
    out.numbered = False
    out.n = n
    return 0


cdef bint _has_null(ArrowArray* array, int64_t offset, int64_t length) noexcept:
    """Whether a bit is unset in `length` of the validity bitmap from `offset` on."""
    cdef const uint8_t* valid
    cdef int64_t i
    if array.null_count == 0 or array.buffers == NULL or array.buffers[0] == NULL:
        return False
    valid = <const uint8_t*> array.buffers[0]
    for i in range(offset, offset + length):
        if not valid[i >> 3] >> (i & 7) & 1:
            return True
    return False


cdef const char* _child(ArrowSchema* schema, ArrowArray* array, bytes name, bytes form,
                        Py_ssize_t size) except NULL:
    cdef ArrowArray* child
    cdef int64_t i, found = -1, start
    for i in range(schema.n_children):
        if schema.children[i].name != NULL and schema.children[i].name == name:
            if found >= 0:
                raise ValueError(f"the Arrow batch has two columns {name.decode()!r}")
            found = i
    if found < 0:
        raise ValueError(f"the Arrow batch has no column {name.decode()!r}")
    if schema.children[found].format != form or schema.children[found].dictionary != NULL:
        raise ValueError(
            f"column {name.decode()!r} must be {'uint32' if size == 4 else 'float64'}, "
            f"not Arrow format {schema.children[found].format.decode()!r}"
        )
    child = array.children[found]
    start = child.offset + array.offset
    if child.length < array.offset + array.length:
        raise ValueError(f"column {name.decode()!r} is shorter than its batch")
    if _has_null(child, start, array.length):
        raise ValueError(f"column {name.decode()!r} has nulls; fill or drop them first")
    if child.buffers[1] == NULL:
        return b""  # a column without entries may have no buffer
    if <uintptr_t> child.buffers[1] % size:
        raise ValueError(f"column {name.decode()!r} must be aligned to {size} bytes")
    return <const char*> child.buffers[1] + start * size


cdef object arrow_input(object batch, aether_input* out):
    """Fill `out` from an Arrow record batch; what is returned keeps it alive."""
    cdef ArrowSchema* schema
    cdef ArrowArray* array
    capsules = batch.__arrow_c_array__()
    schema = <ArrowSchema*> PyCapsule_GetPointer(capsules[0], "arrow_schema")
    array = <ArrowArray*> PyCapsule_GetPointer(capsules[1], "arrow_array")
    if schema.format != b"+s":
        raise ValueError(
            "an Arrow batch must be a record batch or a struct array, "
            f"not Arrow format {schema.format.decode()!r}"
        )
    if array.length > MAX_EVENTS:
        raise ValueError(f"a batch holds at most {MAX_EVENTS} events, not {array.length}")
    if _has_null(array, array.offset, array.length):
        raise ValueError("the Arrow batch has null rows; drop them first")
    out.topic = _child(schema, array, b"topic", b"I", 4)
    out.value = _child(schema, array, b"value", b"g", 8)
    out.topic_stride = 4
    out.value_stride = 8
    out.numbered = False
    out.n = array.length
    return capsules
