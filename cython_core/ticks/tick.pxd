from libc.stdint cimport int64_t

from cython_core.routing.dispatch cimport Calls, Counts
from cython_core.routing.native cimport NativeCalls
from cython_core.routing.routed cimport Routed

cdef class Tick:
    cdef readonly Routed routed
    cdef Calls _calls
    cdef bint _whole, _busy
    cdef Counts _seen
    cdef NativeCalls _natives
    cdef object _failed, _refused, _gap, _record
    cdef list _route_ns
    cpdef bint run(self, batch, first=*) except -1

cdef class PlainTick:
    cdef readonly Routed routed
    cdef bint _busy
    cdef Calls _calls
    cdef list _route_ns
