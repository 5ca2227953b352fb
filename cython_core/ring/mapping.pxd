cimport numpy as cnp
from cpython.object cimport PyObject
from libc.stddef cimport size_t
from libc.stdint cimport uint64_t

from cython_core.events.record_type cimport RecordType


cdef class Mapping:
    cdef char* base
    cdef size_t reserved, data_bytes, event_bytes
    cdef uint64_t slots
    cdef char* events
    cdef object dtype
    cdef uint64_t epoch
    cdef readonly Py_ssize_t live

    cdef cnp.ndarray view(self, uint64_t position, Py_ssize_t n, bint writable)
    # Point a view that this made elsewhere; False for NULL, None and what somebody else holds.
    cdef bint point(self, PyObject* view, uint64_t position, Py_ssize_t n, int flags) noexcept
    cdef cnp.ndarray whole(self)
    cdef void forget(self) noexcept


cdef class Lease:
    cdef Mapping mapping
    cdef uint64_t epoch
