from libc.stdint cimport uint64_t

from cython_core.verbs.queue_pair cimport QueuePair
from cython_core.verbs.streams.stream cimport Stream


cdef class ReceiveStream(Stream):
    cdef readonly int size, slots, release_every
    cdef readonly object immediates
    cdef object _kept

    cdef int _post(self, QueuePair qp) except -1 nogil
    cdef int _poll(self, QueuePair qp, int most) except -1 nogil
    cdef int _release(self, QueuePair qp, uint64_t count) except -1 nogil
