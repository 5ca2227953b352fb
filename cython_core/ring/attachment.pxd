"""What an end of a ring holds; `End` works with it."""

cimport numpy as cnp
from libc.stdint cimport uint32_t

from cython_core.events.record_type cimport RecordType
from cython_core.ring.mapping cimport Mapping

cdef extern from "turn.h" nogil:
    bint take_turn "aether_turn_take"(int* turn)
    void give_turn "aether_turn_give"(int* turn)

cdef extern from "ring_wait.h" nogil:
    void wake_loop "aether_ring_wake_loop"(int wake_peer)
    void ring_drain "aether_ring_drain"(int wake)


cdef class Attachment:
    # Eventfds: the peer writes the first when this end's event loop sleeps, this end the other. The
    # link's own descriptor: readable on the peer's greeting, hang-up and death.
    cdef int _wake_fd, _wake_peer, _news_fd
    # Held by whoever uses the end; `_take` takes it and `give_turn` gives it.
    cdef int _turn
    cdef uint32_t _forks
    cdef Mapping _map
    cdef cnp.ndarray _view, _other_view  # shown last; pointed anew if nobody else holds them
    cdef object _handle, _sleeper
    cdef readonly object link

    cdef object _open(self, handle, bint writable, RecordType record)
    cdef bint _ours(self) noexcept
    cdef int _check_open(self) except -1
    cdef int _take(self) except -1
    cdef int _drop(self) except -1
    cdef int _let_go(self) except -1
