"""Arrow record batch from elsewhere: taken over, checked, read in place.

What comes through the C data interface is pointers that somebody else filled in. All that can be
told of them without following them too far is told before the router does.
"""

from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_IsValid
from libc.stdint cimport INT64_MAX, UINTPTR_MAX, int64_t, uint8_t, uintptr_t
from libc.string cimport strcmp

from cython_core.events.columns cimport MAX_EVENTS, aether_input

cdef extern from "arrow_abi.h" nogil:
    ctypedef struct ArrowSchema "struct ArrowSchema":
        const char* format
        const char* name
        int64_t n_children
        ArrowSchema** children
        ArrowSchema* dictionary
        void (*release)(ArrowSchema*) noexcept
    ctypedef struct ArrowArray "struct ArrowArray":
        int64_t length
        int64_t null_count
        int64_t offset
        int64_t n_buffers
        int64_t n_children
        const void** buffers
        ArrowArray** children
        ArrowArray* dictionary
        void (*release)(ArrowArray*) noexcept


cdef class Taken:
    """Both structs of a batch, moved out of their capsules; released with this object.

    Left in the capsules, whoever else has these could release them while they are read.
    """

    cdef ArrowSchema schema
    cdef ArrowArray array

    def __dealloc__(self):
        if self.array.release != NULL:
            self.array.release(&self.array)
        if self.schema.release != NULL:
            self.schema.release(&self.schema)


cdef Taken _take(object batch):
    """Call the batch's export and take over what it gives."""
    cdef ArrowSchema* schema
    cdef ArrowArray* array
    cdef Taken taken
    pair = batch.__arrow_c_array__()
    if not isinstance(pair, tuple) or len(pair) != 2:
        shape = f"{len(pair)} things" if isinstance(pair, tuple) else type(pair).__name__
        raise ValueError(f"__arrow_c_array__ must return a pair of capsules, not {shape}")
    if not PyCapsule_IsValid(pair[0], "arrow_schema"):
        raise ValueError("the first thing that __arrow_c_array__ returns is no arrow_schema capsule")
    if not PyCapsule_IsValid(pair[1], "arrow_array"):
        raise ValueError("the second thing that __arrow_c_array__ returns is no arrow_array capsule")
    schema = <ArrowSchema*> PyCapsule_GetPointer(pair[0], "arrow_schema")
    array = <ArrowArray*> PyCapsule_GetPointer(pair[1], "arrow_array")
    if schema.release == NULL or array.release == NULL:
        raise ValueError("the Arrow batch was consumed already: export it anew for each use")
    taken = Taken.__new__(Taken)
    taken.schema, taken.array = schema[0], array[0]
    schema.release, array.release = NULL, NULL
    return taken


cdef object _malformed(str what):
    return ValueError(f"the Arrow batch is malformed: {what}")


cdef str _text(const char* text):
    return text.decode("utf-8", "replace") if text != NULL else "none"


cdef int _check(ArrowArray* array, str what, int64_t buffers, int64_t children) except -1:
    """Check what every array has in common."""
    if array.length < 0 or array.offset < 0 or array.null_count < -1:
        raise _malformed(f"{what} has a negative length, offset or null count")
    # No more than memory can hold of 8 bytes each, so that sums and products do not wrap.
    if array.length > INT64_MAX // 64 or array.offset > INT64_MAX // 64:
        raise _malformed(f"{what} claims {array.length} entries from {array.offset} on")
    if array.n_buffers != buffers or array.buffers == NULL:
        raise _malformed(f"{what} has {array.n_buffers} buffers, not {buffers}")
    if array.n_children != children or (children and array.children == NULL):
        raise _malformed(f"{what} has {array.n_children} children, its schema {children}")
    if array.dictionary != NULL:
        raise _malformed(f"{what} has a dictionary, its schema none")
    if array.null_count > 0 and array.buffers[0] == NULL:
        raise _malformed(f"{what} has {array.null_count} nulls, and nothing that says where")
    return 0


cdef bint _has_null(ArrowArray* array, int64_t offset, int64_t length) noexcept:
    """Whether a bit is unset in `length` of the validity bitmap from `offset` on."""
    cdef const uint8_t* valid = <const uint8_t*> array.buffers[0]
    cdef int64_t i
    if array.null_count == 0 or valid == NULL:
        return False
    for i in range(offset, offset + length):
        if not valid[i >> 3] >> (i & 7) & 1:
            return True
    return False


cdef int64_t _place(ArrowSchema* schema, bytes name) except -1:
    """Return which child has that name."""
    cdef int64_t i, place = -1
    for i in range(schema.n_children):
        if schema.children[i] == NULL:
            raise _malformed(f"child {i} has no schema")
        if schema.children[i].name != NULL and strcmp(schema.children[i].name, name) == 0:
            if place >= 0:
                raise ValueError(f"the Arrow batch has two columns {name.decode()!r}")
            place = i
    if place < 0:
        raise ValueError(f"the Arrow batch has no column {name.decode()!r}")
    return place


cdef const char* _child(Taken taken, bytes name, bytes form, size_t size) except NULL:
    cdef ArrowArray* array = &taken.array
    cdef int64_t place = _place(&taken.schema, name), start
    cdef ArrowSchema* kind = taken.schema.children[place]
    cdef ArrowArray* child = array.children[place]
    cdef uintptr_t first
    cdef str column = f"column {name.decode()!r}"
    if kind.format == NULL or strcmp(kind.format, form) or kind.dictionary != NULL:
        raise ValueError(
            f"{column} must be {'uint32' if size == 4 else 'float64'}, "
            f"not Arrow format {_text(kind.format)!r}"
        )
    if child == NULL or child.release == NULL or kind.release == NULL:
        raise _malformed(f"{column} was released, or is not there")
    _check(child, column, 2, 0)
    start = child.offset + array.offset
    if child.length < array.offset + array.length:
        raise ValueError(f"{column} is shorter than its batch")
    if _has_null(child, start, array.length):
        raise ValueError(f"{column} has nulls; fill or drop them first")
    if array.length == 0:
        return b""  # a column without entries may have no buffer, and none of it is read
    first = <uintptr_t> child.buffers[1]
    if first == 0:
        raise _malformed(f"{column} has {array.length} entries and no buffer")
    if first % size:
        raise ValueError(f"{column} must be aligned to {size} bytes")
    if first > UINTPTR_MAX - <uintptr_t> (start + array.length) * size:
        raise _malformed(f"{column} reaches beyond all memory")
    return <const char*> first + start * size


cdef object arrow_input(object batch, aether_input* out):
    """Fill `out` from an Arrow record batch; what is returned keeps it alive."""
    cdef Taken taken = _take(batch)
    cdef ArrowSchema* schema = &taken.schema
    cdef ArrowArray* array = &taken.array
    if schema.format == NULL or strcmp(schema.format, b"+s"):
        raise ValueError(
            "an Arrow batch must be a record batch or a struct array, "
            f"not Arrow format {_text(schema.format)!r}"
        )
    if schema.n_children < 0 or (schema.n_children and schema.children == NULL):
        raise _malformed(f"its schema has {schema.n_children} children")
    _check(array, "the struct", 1, schema.n_children)
    if array.length > MAX_EVENTS:
        raise ValueError(f"a batch holds at most {MAX_EVENTS} events, not {array.length}")
    if _has_null(array, array.offset, array.length):
        raise ValueError("the Arrow batch has null rows; drop them first")
    out.topic = _child(taken, b"topic", b"I", 4)
    out.value = _child(taken, b"value", b"g", 8)
    out.topic_stride = 4
    out.value_stride = 8
    out.numbered = False
    out.topic_mask = 0
    out.n = array.length
    return taken
