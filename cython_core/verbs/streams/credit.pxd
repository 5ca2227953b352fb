from libc.stdint cimport uint32_t, uint64_t

from cython_core.verbs.ibverbs cimport ibv_mr, ibv_send_wr, ibv_sge
from cython_core.verbs.memory cimport ProtectionDomain


# What the peer writes, and what this side writes to the peer: both totals of messages.
cdef struct credit_words:
    uint64_t granted
    uint64_t telling


cdef class CreditWords:
    cdef credit_words* words
    cdef ibv_mr* mr
    cdef uint32_t forks
    cdef ibv_send_wr request
    cdef ibv_sge piece
    cdef int _free(self) noexcept
