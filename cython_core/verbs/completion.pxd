from libc.stdint cimport uint32_t

from cython_core.verbs.device cimport Device
from cython_core.verbs.ibverbs cimport ibv_comp_channel, ibv_cq, ibv_wc


cdef class CompletionQueue:
    cdef uint32_t forks
    cdef int turn
    cdef object _kept
    cdef int _check(self) except -1
    cdef ibv_cq* cq
    cdef ibv_comp_channel* channel
    cdef ibv_wc* wc
    cdef readonly Device device
    cdef readonly int capacity
    cdef readonly object completions
    cdef int users
    cdef int _retain(self) except -1
    cdef void _release(self) noexcept
    cdef int _free(self) noexcept
    cdef int _poll(self, int most) noexcept nogil
