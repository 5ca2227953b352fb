from libc.stdint cimport uint64_t

from cython_core.verbs.streams.send cimport SendStream


cdef class BatchStream(SendStream):
    cdef uint64_t remote, remote_length
    cdef readonly uint64_t placed
