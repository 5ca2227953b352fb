"""Attachment of a ring end: memory and descriptors, and who may use and free them."""

cimport numpy as cnp
from libc.stdint cimport uint32_t

import os

from cython_core.ring.handle import RingHandle
from cython_core.ring.peer_liveness import Link
from cython_core.ring.shared_memory import events_at, inspect, slots_for

cnp.import_array()

cdef extern from "forks.h":
    uint32_t aether_forks


cdef class Attachment:
    """Base of `End`: opened once, used by one thread at a time, freed by the process it is of."""

    cdef object _open(self, handle, bint writable, RecordType record):
        """Take over a handle's descriptors and map the memory; returns the capacity."""
        if self._map is not None:
            raise ValueError("this end is open already")
        if not isinstance(handle, RingHandle):
            raise ValueError(f"a ring's end opens from a RingHandle, not {type(handle).__name__}")
        memory, wake, wake_peer, link = handle.take()
        self._wake_fd = wake
        self._wake_peer = wake_peer
        self._forks = aether_forks
        try:
            self.link = Link(link)
            self._news_fd = self.link.fileno()
            for eventfd in (wake, wake_peer):  # whoever sent them may have sent anything
                _check_eventfd(eventfd)
                os.set_blocking(eventfd, False)
            capacity = inspect(memory, handle.most_bytes, record.itemsize)
            self._map = Mapping(
                memory, events_at(capacity, record.itemsize), slots_for(capacity, record.itemsize),
                record, writable)
        except BaseException:
            self._let_go()
            raise
        finally:
            os.close(memory)
        return capacity

    cdef bint _ours(self) noexcept:
        """Whether this process opened the end, and did not inherit it."""
        return self._forks == aether_forks

    cdef int _check_open(self) except -1:
        if self._map is None:
            raise ValueError("this end of the ring is closed")
        if self._forks != aether_forks:
            raise ValueError("this end belongs to the process that forked; pass a handle instead")
        return 0

    cdef int _take(self) except -1:
        """Begin to use the end: nobody else does or closes it until `give_turn`."""
        if self._map is None or self._forks != aether_forks:
            self._check_open()
        if not take_turn(&self._turn):
            raise RuntimeError("another thread uses this end of the ring")
        if self._map is None:  # closed in between
            give_turn(&self._turn)
            self._check_open()
        return 0

    cdef int _drop(self) except -1:
        if self._map is not None:
            self._map = self._view = self._other_view = None
            self._let_go()
        return 0

    cdef int _let_go(self) except -1:
        # A child that inherited the end closes its own copies of the descriptors, and no more:
        # a `Watch` leaves the parent's event loop alone.
        if self._sleeper is not None:
            self._sleeper.close()
            self._sleeper = None
        if self._handle is not None:
            self._handle.close()
            self._handle = None
        if self.link is not None:
            self.link.close()
        os.close(self._wake_fd)
        os.close(self._wake_peer)
        return 0


def _check_eventfd(descriptor):
    """Refuse what is no eventfd: writing or reading it may wait, or reach a stranger."""
    try:
        kind = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return  # without /proc there is no telling
    if kind != "anon_inode:[eventfd]":
        raise ValueError("what wakes the ends of a ring is an eventfd; this is none")
