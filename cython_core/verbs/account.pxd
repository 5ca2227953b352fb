from libc.stdint cimport uint32_t, uint64_t

from cython_core.verbs.completion cimport CompletionQueue
from cython_core.verbs.streams.credit cimport CreditWords
from cython_core.verbs.ibverbs cimport ibv_qp, ibv_wc


cdef enum:
    GRANT_DEPTH = 16
    GRANT_SIGNAL = 8
    REAP = 64

cdef extern from *:
    """
    /* Credit updates share the send queue with messages and are told apart by their id. */
    #define AETHER_GRANT ((uint64_t)1 << 63)
    #define AETHER_MARK ((uint64_t)1 << 62)
    """
    uint64_t GRANT "AETHER_GRANT"
    uint64_t MARK "AETHER_MARK"


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


cdef class Account:
    cdef ibv_qp* qp
    cdef CreditWords credit
    cdef outgoing out
    cdef incoming into
    cdef granting grant
    cdef fault failure
    cdef uint64_t marked
    cdef bint aborted, unmarked, sending, receiving
    cdef readonly CompletionQueue send_queue, receive_queue
    cdef readonly int max_inline

    cdef int _take(self) except -1
    cdef void _arrived(self, const ibv_wc* wc) noexcept nogil
    cdef int _reap(self) except -1 nogil
    cdef void _sort(self, const ibv_wc* wc) noexcept nogil
    cdef int _fail(self) except -1
    cdef int _tell(self) except -1 nogil
