from cython_core.verbs.ibverbs cimport ibv_sge
from cython_core.verbs.memory cimport RdmaBuffer
from cython_core.verbs.queue_pair cimport QueuePair


cdef class Stream:
    cdef readonly QueuePair queue_pair
    cdef readonly RdmaBuffer memory
    cdef void* requests
    cdef ibv_sge* pieces
    cdef bint closed

    cdef int _new(self, QueuePair queue_pair, RdmaBuffer memory) except -1
    cdef int _allocate(self, size_t count, size_t request_bytes) except -1
    cdef int _let_go(self) except -1
