from libc.stdint cimport int64_t, uint64_t

from cython_core.ring.end cimport End
from cython_core.ticks.direct_future cimport DirectFuture
from cython_core.ticks.operation cimport Operation


cdef class Sleeper:
    cdef readonly object loop
    cdef End _ring
    cdef object _watch, _waiter
    cdef DirectFuture _future
    cdef int _news
    cdef bint _untaken  # the eventfd may hold a wake-up
    cdef int take_back(self) except -1
    cdef int _resume(self) except -1


cdef class Waiting(Operation):
    cdef End _ring
    cdef uint64_t _need
    cdef Sleeper _sleeper
    cdef int64_t _begun_ns, _until_ns, _left_ns
    cdef int _begin(self) except -1
    cdef int _finish(self) except -1
