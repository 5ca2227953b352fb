from libc.stdint cimport uint32_t

from cython_core.verbs.account cimport Account
from cython_core.verbs.memory cimport ProtectionDomain


cdef class QueuePair(Account):
    cdef int turn, aborting
    cdef uint32_t forks
    cdef readonly ProtectionDomain domain
    cdef bint own_send_queue, own_receive_queue
    cdef readonly int send_depth, receive_depth, psn
    cdef readonly int timeout, retries, rnr_retries, rnr_timer
    cdef readonly object remote

    cdef int _check(self) except -1
    cdef int _enter(self) except -1
    cdef void _leave(self) noexcept
    cdef int _initialise(self) except -1
    cdef int _free(self) noexcept
