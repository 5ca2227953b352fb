from libc.stdint cimport uint64_t

from cython_core.verbs.ibverbs cimport ibv_recv_wr, ibv_sge
from cython_core.verbs.memory cimport RdmaBuffer
from cython_core.verbs.queue_pair cimport QueuePair


cdef class ReceiveStream:
    cdef readonly QueuePair queue_pair
    cdef readonly RdmaBuffer memory
    cdef readonly int size, slots, release_every
    cdef ibv_recv_wr* requests
    cdef ibv_sge* pieces
    cdef bint closed

    cdef int _post(self, QueuePair qp) except -1 nogil
    cdef int _poll(self, QueuePair qp, int most) except -1 nogil
    cdef int _release(self, QueuePair qp, uint64_t count) except -1 nogil
