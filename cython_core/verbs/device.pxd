from libc.stdint cimport uint32_t

from cython_core.verbs.ibverbs cimport ibv_context


cdef class Device:
    cdef ibv_context* context
    cdef readonly str name
    cdef readonly int port, max_work_requests, max_completions, lid, mtu
    cdef readonly bint ethernet
    cdef readonly int gid_index
    cdef readonly bytes gid
    cdef object _entry
    cdef int users
    cdef uint32_t forks
    cdef int _check(self) except -1
    cdef int _query(self, int port, gid_index) except -1
    cdef object _listed(self)
    cdef int _retain(self) except -1
    cdef void _release(self) noexcept
