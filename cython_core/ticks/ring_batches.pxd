from cython_core.ring.end cimport End
from cython_core.ticks.ring_wait cimport Waiting


cdef class RingBatches:
    cdef End _ring
    cdef Py_ssize_t _most, _left
    cdef bint _handed_out
    cdef int _take_back(self) except -1
    cdef object _take(self)


cdef class NextBatch(Waiting):
    cdef RingBatches _batches
    cdef bint _turned
