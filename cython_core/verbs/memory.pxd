from libc.stdint cimport uint32_t, uint64_t

from cpython.buffer cimport Py_buffer
from cython_core.verbs.device cimport Device
from cython_core.verbs.ibverbs cimport ibv_mr, ibv_pd


cdef class ProtectionDomain:
    cdef uint32_t forks
    cdef ibv_pd* pd
    cdef readonly Device device
    cdef int users
    cdef int _retain(self) except -1
    cdef void _release(self) noexcept


cdef class RdmaBuffer:
    cdef ibv_mr* mr
    cdef readonly ProtectionDomain domain
    cdef Py_buffer _view
    cdef bint _held
    cdef int users
    cdef int _check_open(self) except -1
    cdef int _let_go(self) except -1
    cdef uint64_t _at(self, uint64_t offset, uint64_t length) except? 0
    cdef int _retain(self) except -1
    cdef void _release(self) noexcept
