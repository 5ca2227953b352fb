from libc.stdint cimport uint64_t

from cython_core.verbs.queue_pair cimport QueuePair
from cython_core.verbs.streams.stream cimport Stream


cdef class SendStream(Stream):
    cdef readonly str kind
    cdef readonly int size, slots, list_length, signal_every, window
    cdef readonly uint64_t stride, extent
    cdef readonly bint inline, credits
    cdef bint numbered, aimed

    cdef int _post(self, QueuePair qp, uint64_t count, bint last) except -1 nogil
    cdef uint64_t _room(self, QueuePair qp) noexcept nogil
    cdef int _send(self, QueuePair qp, uint64_t count, bint finish, double seconds) except -1 nogil
    cdef int _late(self, QueuePair qp, bint credits) except -1 nogil
