from libc.stdint cimport int64_t

from cython_core.histogram cimport Histogram
from cython_core.routing.routed cimport Routed

ctypedef struct topic_counts:
    int64_t calls, handled, handler_ns, handler_cycles

cdef class Counts:
    cdef readonly Histogram tick_ns, batch_events, waiting_events
    cdef list _calls, _handled, _failed, _handler_ns
    cdef topic_counts* _since  # by topic, not in the lists yet
    cdef Py_ssize_t _topics
    cdef int64_t _native_ns, _native_cycles  # of native handlers altogether, since
    cdef int settle(self) except -1

cdef class Calls:
    cdef tuple _handlers
    cdef Py_ssize_t* _topics
    cdef Py_ssize_t _count, _most
    cdef int call(self, Counts seen, bint whole, object failed, object batch, Routed routed,
                  int64_t began_ns, int64_t before_ns) except -1
    cdef int show(self, object batch, Routed routed) except -1
