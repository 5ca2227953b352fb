"""Tally: a native handler that counts the events it is shown, for measuring and as a pattern."""

from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport int32_t, int64_t, uint32_t

cdef const char* NAME = "aethermodel.handler"


cdef int32_t _tally(
    const void* records, const uint32_t* indices, size_t count, void* context
) noexcept nogil:
    (<int64_t*> context)[0] += count
    return 0


def tally_capsule():
    """Return the handler as a capsule; its context is one int64, to which events are added."""
    return PyCapsule_New(<void*> _tally, NAME, NULL)
