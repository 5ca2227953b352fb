from libc.stdint cimport uint64_t

from cython_core.verbs.ibverbs cimport ibv_send_wr, ibv_sge
from cython_core.verbs.memory cimport RdmaBuffer
from cython_core.verbs.queue_pair cimport QueuePair


cdef class SendStream:
    cdef readonly QueuePair queue_pair
    cdef readonly RdmaBuffer memory
    cdef readonly str kind
    cdef readonly int size, slots, list_length, signal_every, window
    cdef readonly uint64_t stride, extent
    cdef readonly bint inline, credits
    cdef ibv_send_wr* requests
    cdef ibv_sge* pieces
    cdef bint numbered, aimed, closed

    cdef int _post(self, QueuePair qp, uint64_t count, bint last) except -1 nogil
    cdef uint64_t _room(self, QueuePair qp) noexcept nogil
    cdef int _send(self, QueuePair qp, uint64_t count, bint finish, double seconds) except -1 nogil
    cdef int _late(self, QueuePair qp, bint credits) except -1 nogil
