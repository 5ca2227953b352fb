from libc.stddef cimport size_t

from cython_core.ring.end cimport End


cdef class RingReceiver:
    cdef End _ring
    cdef size_t _most
    cdef object _ended, _lost
