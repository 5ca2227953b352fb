"""Raw entry points: what other kernels call to work straight in the ring."""

from libc.stddef cimport size_t
from libc.stdint cimport int64_t, uint32_t, uint64_t

from cython_core.events.record_type cimport RecordType
from cython_core.ring.attachment cimport Attachment

cdef extern from "ring.h" nogil:
    ctypedef struct aether_ring_flags:
        pass
    ctypedef struct aether_ring_header:
        aether_ring_flags producer, consumer
    ctypedef struct aether_ring_end:
        char* data
        size_t event_bytes
        uint64_t mask, capacity, position, available
    ctypedef enum aether_ring_news:
        AETHER_RING_READY, AETHER_RING_CORRUPT, AETHER_RING_CLOSED
        AETHER_RING_LINK, AETHER_RING_PAUSE
    enum:
        AETHER_RING_LOOP, AETHER_RING_THREAD


cdef class End(Attachment):
    cdef aether_ring_end _end
    cdef bint _producer, _peer_dead
    cdef int64_t _spin_ns, _checked_ns
    cdef size_t _claimed
    cdef readonly str role, policy
    cdef readonly RecordType record
    cdef int _view_flags

    # Claim at least `least` and at most `most` events, waiting for the first of them;
    # returns how many. They begin at _end.data + (_end.position & _end.mask) * _end.event_bytes,
    # contiguous, and stay claimed until `advance`. Both are for whoever has the turn.
    cdef size_t claim(self, size_t least, size_t most, object timeout) except 0
    cdef int advance(self, size_t n) except -1

    # A view of the first `n` claimed events.
    cdef object show(self, Py_ssize_t n)
    # Claim what is there, at most `most`, and return a view of it; None if nothing is.
    cdef object offered(self, size_t most)
    # Whether so many are available; looks again and again for about a microsecond.
    cdef bint glance(self, uint64_t need, int looks) except -1

    cdef int _enter(self, bint producer) except -1
    cdef int _check_role(self, bint producer) except -1
    cdef int _await(self, uint64_t need, object timeout) except -1
    cdef int _last_look(self, uint64_t need) except -1
    cdef object _ended(self, aether_ring_news news)
    cdef void _wake(self, uint32_t asleep) noexcept
    cdef int _leave(self, bint goodbye) except -1
