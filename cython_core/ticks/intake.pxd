from cython_core.routing.dispatch cimport Counts
from cython_core.ticks.tick cimport Tick

cdef class Intake:
    cdef readonly object receiver
    cdef public object left
    cdef public Py_ssize_t held
    cdef public bint out
    cdef bint _numbered, _known
    cdef unsigned long long _next
    cdef Py_ssize_t _copied
    cdef Counts _seen
    cdef object _ready, _release
    cdef object take(self, batch)
    cdef int pass_on(self, Tick tick, object batch) except -1
