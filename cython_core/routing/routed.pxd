cimport numpy as cnp
from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from "route.h" nogil:
    ctypedef struct aether_routed:
        int64_t* offsets
        uint32_t* indices
        int64_t* count
        double* total
        double* minimum
        double* maximum
        uint64_t* wrong
    ctypedef struct aether_scratch

cdef class Routed:
    cdef readonly Py_ssize_t capacity, topics, gap
    cdef cnp.ndarray _memory, _offsets, _count, _total, _minimum, _maximum
    cdef Py_ssize_t _n
    cdef aether_routed _c
    cdef uint64_t _wrong
    cdef aether_scratch* _scratch
    cdef size_t _parts
    cdef int _turn
    cdef object _spare
    cdef int _spare_flags
    cdef int _lay_out(self) except -1
    cdef cnp.ndarray _view(self, void* data, cnp.npy_intp length, int kind)
    cdef int _prepare(self, size_t n, size_t threads) except -1
    cdef object positions(self, Py_ssize_t start, cnp.npy_intp length)
