cdef class BatchQueue:
    cdef readonly Py_ssize_t depth, waiting, dropped
    cdef readonly bint ended
    cdef readonly str policy
    cdef list _batches  # a circle of `_mask + 1` places, each a batch and its events
    cdef Py_ssize_t _first, _count, _mask
    cdef object _ended_error, _backlogged
    cdef list _sleepers
    cdef bint fits(self) except -1
    cdef int put(self, object batch, Py_ssize_t events) except -1
    cdef object take(self)
    cdef object sleeper(self)
    cdef int wake(self) except -1
    cdef int _grow(self) except -1
