from libc.stdint cimport int64_t

from cython_core.histogram cimport Histogram
from cython_core.routing.routed cimport Routed

ctypedef struct topic_counts:
    int64_t calls, handled, handler_ns

cdef class Counts:
    cdef readonly Histogram tick_ns, batch_events, waiting_events
    cdef list _calls, _handled, _failed, _handler_ns
    # By topic: what native handlers did since the lists were last asked for.
    cdef topic_counts* _since
    cdef Py_ssize_t _topics
    cdef int settle(self) except -1

# As `call_handlers`.
cdef int handlers_called(
    tuple handlers, Counts seen, bint whole, object failed, object batch, Routed routed,
    int64_t began_ns,
) except -1
