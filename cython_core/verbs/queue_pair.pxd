from libc.stdint cimport uint32_t, uint64_t

from cython_core.verbs.completion cimport CompletionQueue
from cython_core.verbs.credit cimport CreditWords
from cython_core.verbs.ibverbs cimport ibv_qp, ibv_wc
from cython_core.verbs.memory cimport ProtectionDomain


# Positions count messages from the start of the stream and never wrap.
cdef struct outgoing:
    uint64_t posted
    uint64_t completed
    uint64_t slots
    uint64_t posts
    uint64_t signalled
    uint64_t completions
    uint64_t abandoned
    uint64_t flushed


cdef struct incoming:
    uint64_t posted
    uint64_t received
    uint64_t released
    uint64_t slots
    uint32_t* immediates
    uint64_t posts
    uint64_t flushed
    bint live


cdef struct granting:
    uint64_t told
    uint64_t posted
    uint64_t completed


cdef struct fault:
    int status
    uint32_t vendor_error
    uint64_t position
    bint receiving


cdef class QueuePair:
    cdef ibv_qp* qp
    cdef CreditWords credit
    cdef outgoing out
    cdef incoming into
    cdef granting grant
    cdef fault failure
    cdef uint64_t marked
    cdef int turn
    cdef uint32_t forks
    cdef int aborting
    cdef bint aborted, unmarked
    cdef readonly ProtectionDomain domain
    cdef readonly CompletionQueue send_queue, receive_queue
    cdef bint own_send_queue, own_receive_queue
    cdef readonly int send_depth, receive_depth, max_inline, psn
    cdef readonly int timeout, retries, rnr_retries, rnr_timer
    cdef readonly object remote
    cdef bint sending, receiving

    cdef int _check(self) except -1
    cdef int _enter(self) except -1
    cdef void _leave(self) noexcept
    cdef void _arrived(self, const ibv_wc* wc) noexcept nogil
    cdef int _reap(self) except -1 nogil
    cdef void _sort(self, const ibv_wc* wc) noexcept nogil
    cdef int _fail(self) except -1
    cdef int _tell(self) except -1 nogil
    cdef int _initialise(self) except -1
    cdef int _free(self) noexcept
