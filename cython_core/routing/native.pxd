from libc.stdint cimport int32_t, int64_t, uint32_t

from cython_core.events.record_type cimport RecordType
from cython_core.routing.dispatch cimport Counts
from cython_core.routing.routed cimport Routed

ctypedef int32_t (*native_function)(
    const void* records, const uint32_t* indices, size_t count, void* context
) noexcept nogil

ctypedef struct native_call:
    native_function function
    void* context
    uint32_t topic
    int32_t status  # what it returned last

cdef class NativeHandler:
    cdef readonly object function, context
    cdef readonly size_t address
    cdef void* _context
    cdef object _keeper

cdef class NativeCalls:
    cdef native_call* _calls
    cdef Py_ssize_t _count
    cdef uint32_t _most
    cdef tuple _handlers
    cdef readonly RecordType record
    # Call those whose topic has events, in the order of registration, and report who failed;
    # returns when they were done, by the clock.
    cdef int64_t run(self, Counts seen, object failed, object batch, Routed routed) except -1
    cdef object _origin(self, Py_ssize_t place)
    cdef int _fail_all(self, object failed, Routed routed, object error) except -1
