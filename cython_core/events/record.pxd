cimport numpy as cnp
from libc.stddef cimport size_t
from libc.stdint cimport uint8_t, uint32_t, uint64_t

cdef extern from "event.h" nogil:
    ctypedef struct aether_event:
        uint64_t sequence
        uint64_t timestamp_ns
        uint32_t topic
        uint32_t source
        double value
        uint8_t payload[24]
        uint32_t flags
        uint32_t checksum

# What keeps the memory of an array where it is; None where the array does.
cdef object memory_keeper(cnp.ndarray array, size_t first, size_t length)

# Returns what is to be held for as long as the pointer is used.
cdef object batch_pointer(object events, aether_event** first, Py_ssize_t* n)

cdef class BatchPool:
    cdef aether_event** first
    cdef Py_ssize_t* length
    cdef Py_ssize_t size
    cdef list _batches, _keepers
