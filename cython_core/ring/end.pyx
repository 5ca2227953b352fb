"""Base class of both ring ends: open, claim, advance, wait, close."""

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.object cimport PyObject
from libc.stdint cimport INT64_MAX, int64_t, uint32_t, uint64_t
from posix.time cimport CLOCK_MONOTONIC, clock_gettime, clockid_t, timespec

from cython_core.ring.attachment cimport Attachment, give_turn, ring_drain, wake_loop
from cython_core.ring.mapping cimport Mapping

import warnings

from cython_core.ring.counters import RingCounters
from cython_core.ring.errors import PeerDied, RingClosed, RingCorrupt
from cython_core.events.record_type import record_type
from cython_core.ring.spin_policy import SPIN_NS, next_spin_ns

cnp.import_array()

cdef extern from "<time.h>" nogil:
    clockid_t CLOCK_MONOTONIC_COARSE

cdef extern from "ring.h" nogil:
    void aether_ring_open(
        aether_ring_end*, aether_ring_header*, char*, size_t, uint64_t, uint64_t, bint)
    bint aether_ring_refresh(aether_ring_end*)
    uint32_t aether_ring_advance(aether_ring_end*, uint64_t)
    uint32_t aether_ring_asleep(aether_ring_end*)
    void aether_ring_arm(aether_ring_end*, uint32_t)
    void aether_ring_disarm(aether_ring_end*)
    void aether_ring_count_wait(aether_ring_end*)
    void aether_ring_count_wakeup(aether_ring_end*)
    bint aether_ring_peer_closed(const aether_ring_end*)
    void aether_ring_say_goodbye(aether_ring_end*)
    aether_ring_news aether_ring_look(aether_ring_end*, uint64_t)
    aether_ring_news aether_ring_glance(aether_ring_end*, uint64_t, int)
    uint64_t aether_ring_peer_position(const aether_ring_end*)
    void aether_ring_read_flags(const aether_ring_flags*, uint64_t*)

cdef extern from "ring_wait.h" nogil:
    aether_ring_news aether_ring_wait(aether_ring_end*, uint64_t, int, int64_t, int64_t, bint)
    void aether_ring_wake_thread(aether_ring_end*)

# A wait looks at signals, deadlines and the peer this often, whatever the peer does.
cdef int64_t SLICE_NS = 50_000_000
# A producer with room to spare looks after its consumer this often.
cdef int64_t CHECK_NS = 250_000_000


cdef int64_t _now(clockid_t clock) noexcept nogil:
    cdef timespec now
    clock_gettime(clock, &now)
    return <int64_t> now.tv_sec * 1_000_000_000 + now.tv_nsec


cdef class End(Attachment):
    """The part of `Ring` that is the same for producer and consumer."""

    def __init__(self, handle, *, str policy="spin-then-wait"):
        if policy not in SPIN_NS:
            raise ValueError(f"policy must be one of {', '.join(SPIN_NS)}, not {policy!r}")
        role = getattr(handle, "role", None)
        self.record = record_type(getattr(handle, "record", None))
        cdef uint64_t capacity = self._open(handle, role == "producer", self.record)
        self.role = role
        self.policy = policy
        self._producer = role == "producer"
        self._spin_ns = SPIN_NS[policy]
        aether_ring_open(
            &self._end, <aether_ring_header*> self._map.base, self._map.events,
            self.record.itemsize, self._map.slots, capacity, self._producer)

    @property
    def capacity(self):
        """Most events the ring holds."""
        return self._end.capacity

    @property
    def claimed(self):
        """Events reserved and not committed, or peeked and not released."""
        return self._claimed

    @property
    def available(self):
        """Events that a producer may reserve or a consumer peek without waiting."""
        self._take()
        try:
            if not aether_ring_refresh(&self._end):
                raise self._ended(AETHER_RING_CORRUPT)
            return self._end.available
        finally:
            give_turn(&self._turn)

    @property
    def closed(self):
        """Whether this end is closed."""
        return self._map is None

    @property
    def peer_alive(self):
        """Whether the other end is there: not closed, not dead (or not opened yet)."""
        cdef Mapping memory = self._map  # stays mapped, should another thread close
        self._check_open()
        if not self._peer_dead:
            self._peer_dead = not self.link.alive()
        return not (self._peer_dead or aether_ring_peer_closed(&self._end))

    def counters(self):
        """Return the live `RingCounters`, as either end can read them at any time."""
        cdef Mapping memory = self._map
        self._check_open()
        cdef uint64_t theirs = aether_ring_peer_position(&self._end)
        cdef uint64_t producer[3]
        cdef uint64_t consumer[3]
        cdef aether_ring_header* header = <aether_ring_header*> memory.base
        aether_ring_read_flags(&header.producer, producer)
        aether_ring_read_flags(&header.consumer, consumer)
        return RingCounters(
            self._end.position if self._producer else theirs,
            theirs if self._producer else self._end.position,
            consumer[2], producer[0], producer[1], consumer[0], consumer[1])

    def __repr__(self):
        if self._map is None:
            return f"<Ring {self.role}, closed>"
        return f"<Ring {self.role} of {self._end.capacity} events, at {self._end.position}>"

    def fileno(self):
        """Return the eventfd that the peer writes after `arm`, for another event loop."""
        self._check_open()
        return self._wake_fd

    def arm(self, uint64_t need=1):
        """Announce that this end will sleep on `fileno` until `need` events are available.

        Returns
        -------
        bool
            True: sleep, then call `disarm` and look again. False: they are there already.

        Raises
        ------
        RingClosed, PeerDied, RingCorrupt
            If they will never be.
        """
        cdef aether_ring_news news
        self._take()
        try:
            aether_ring_arm(&self._end, AETHER_RING_LOOP)
            news = aether_ring_look(&self._end, need)
            if news == AETHER_RING_PAUSE and not self._peer_dead:
                aether_ring_count_wait(&self._end)
                return True
            aether_ring_disarm(&self._end)
            if news == AETHER_RING_PAUSE:
                self._last_look(need)
            elif news != AETHER_RING_READY:
                raise self._ended(news)
            return False
        finally:
            give_turn(&self._turn)

    def disarm(self):
        """Take back `arm`, and the wake-up if it came."""
        self._take()
        aether_ring_disarm(&self._end)
        ring_drain(self._wake_fd)
        give_turn(&self._turn)

    def close(self):
        """Say goodbye and let go; idempotent. A consumer still gets every committed event.

        Raises
        ------
        BufferError
            If views of events not yet committed or released are held somewhere.
        RuntimeError
            If another thread uses this end, or has an event loop that runs and watches it.
        """
        if self._map is None:
            return
        if not self._ours():
            self._drop()
            return
        self._take()
        try:
            self._view = self._other_view = None  # which are nobody's
            if self._map.live:
                raise BufferError(
                    f"{self._map.live} views of {self._claimed} claimed events are alive: "
                    f"{'commit' if self._producer else 'release'} or drop them first")
            self._leave(True)
        finally:
            give_turn(&self._turn)

    def abort(self):
        """Let go without a goodbye: the peer gets `PeerDied`; idempotent.

        Views that are held stay valid memory.

        Raises
        ------
        RuntimeError
            As `close`.
        """
        if self._map is None:
            return
        if not self._ours():
            self._drop()
            return
        self._take()
        try:
            self._leave(False)
        finally:
            give_turn(&self._turn)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        # A stream cut by an exception must not look like a complete one.
        if kind is None:
            self.close()
        else:
            self.abort()

    def __del__(self):
        if self._map is None:
            return
        text = f"{self!r} was never closed"
        ours = self._ours()
        self._drop()
        if ours:
            warnings.warn(text, ResourceWarning)

    # ---- inside

    cdef size_t claim(self, size_t least, size_t most, object timeout) except 0:
        if self._end.available < most and not aether_ring_refresh(&self._end):
            raise self._ended(AETHER_RING_CORRUPT)
        if self._end.available < least:
            self._await(least, timeout)
        elif self._producer:
            if aether_ring_peer_closed(&self._end):
                raise self._ended(AETHER_RING_CLOSED)
            if _now(CLOCK_MONOTONIC_COARSE) - self._checked_ns > CHECK_NS:
                self._checked_ns = _now(CLOCK_MONOTONIC_COARSE)
                if not self.peer_alive:
                    closed = aether_ring_peer_closed(&self._end)
                    raise self._ended(AETHER_RING_CLOSED if closed else AETHER_RING_LINK)
        self._claimed = min(most, self._end.available)
        return self._claimed

    cdef object show(self, Py_ssize_t n):
        # Two in turn: who loops over batches still has the last one when the next is made.
        cdef Mapping memory = self._map
        cdef uint64_t position = self._end.position
        if not memory.point(<PyObject*> self._view, position, n, self._view_flags):
            self._view, self._other_view = self._other_view, self._view
            if not memory.point(<PyObject*> self._view, position, n, self._view_flags):
                self._view = memory.view(position, n, self._producer)
                self._view_flags = cnp.PyArray_FLAGS(self._view)
        return self._view

    cdef object offered(self, size_t most):
        self._enter(False)
        try:
            if self._end.available < most and not aether_ring_refresh(&self._end):
                raise self._ended(AETHER_RING_CORRUPT)
            if not self._end.available:
                return None
            self._claimed = min(most, self._end.available)
            return self.show(self._claimed)
        finally:
            give_turn(&self._turn)

    cdef bint glance(self, uint64_t need, int looks) except -1:
        cdef aether_ring_news news
        self._take()
        try:
            news = aether_ring_glance(&self._end, need, looks)
            if news == AETHER_RING_CORRUPT:
                raise self._ended(news)
            return news == AETHER_RING_READY
        finally:
            give_turn(&self._turn)

    cdef int advance(self, size_t n) except -1:
        if n > self._claimed or n == 0:
            raise ValueError(
                f"cannot {'commit' if self._producer else 'release'} {n} events: "
                f"{self._claimed} are {'reserved' if self._producer else 'peeked'}")
        cdef uint32_t asleep = aether_ring_advance(&self._end, n)
        if asleep:
            self._wake(asleep)
        self._claimed -= n
        if self._claimed == 0:
            self._map.forget()
        return 0

    cdef int _enter(self, bint producer) except -1:
        """Begin to use the end for what only one role does."""
        self._take()
        if self._producer != producer:
            give_turn(&self._turn)
            raise ValueError(
                "this end produces: reserve and commit" if self._producer
                else "this end consumes: peek and release")
        return 0

    cdef int _check_role(self, bint producer) except -1:
        self._enter(producer)
        give_turn(&self._turn)
        return 0

    cdef int _await(self, uint64_t need, object timeout) except -1:
        cdef aether_ring_news news
        cdef int64_t left = SLICE_NS, spin_ns = self._spin_ns
        cdef int64_t begun = _now(CLOCK_MONOTONIC), deadline = INT64_MAX
        cdef bint first = True
        if timeout is not None:
            if not timeout >= 0:
                raise ValueError(f"timeout must be 0 or more seconds, not {timeout}")
            deadline = begun + <int64_t> min(timeout * 1e9, 1e18)
        while True:
            if timeout is not None:
                left = max(min(deadline - _now(CLOCK_MONOTONIC), SLICE_NS), 0)
            with nogil:
                news = aether_ring_wait(
                    &self._end, need, self._news_fd, spin_ns, left, first)
            if news == AETHER_RING_READY:
                if self._spin_ns:  # else it never spins, and has nothing to learn
                    self._spin_ns = next_spin_ns(
                        self.policy, self._spin_ns, _now(CLOCK_MONOTONIC) - begun)
                return 0
            if news == AETHER_RING_CLOSED or news == AETHER_RING_CORRUPT:
                raise self._ended(news)
            first = False
            PyErr_CheckSignals()
            if news == AETHER_RING_LINK and not self.peer_alive:
                self._last_look(need)
                return 0
            if timeout is not None and _now(CLOCK_MONOTONIC) >= deadline:
                raise TimeoutError(f"nothing came through the ring in {timeout} s")
            if spin_ns != INT64_MAX:
                spin_ns = 0

    cdef int _last_look(self, uint64_t need) except -1:
        # The peer is dead, so all it did is visible now: this look is final.
        cdef aether_ring_news news = aether_ring_look(&self._end, need)
        if news == AETHER_RING_READY:
            return 0
        raise self._ended(AETHER_RING_LINK if news == AETHER_RING_PAUSE else news)

    cdef object _ended(self, aether_ring_news news):
        cdef uint64_t theirs = aether_ring_peer_position(&self._end)
        peer = "consumer" if self._producer else "producer"
        committed = self._end.position if self._producer else theirs
        consumed = theirs if self._producer else self._end.position
        if news == AETHER_RING_CORRUPT:
            return RingCorrupt(
                f"the {peer} claims to be at {theirs}, which cannot be: "
                f"this end is at {self._end.position} of {self._end.capacity}",
                committed, consumed)
        if news == AETHER_RING_CLOSED:
            return RingClosed(f"the {peer} closed the ring at {theirs}", committed, consumed)
        return PeerDied(
            f"the {peer} died: {committed} events committed, {consumed} consumed",
            committed, consumed)

    cdef void _wake(self, uint32_t asleep) noexcept:
        aether_ring_count_wakeup(&self._end)
        if asleep == AETHER_RING_THREAD:
            aether_ring_wake_thread(&self._end)
            return
        with nogil:
            wake_loop(self._wake_peer)

    cdef int _leave(self, bint goodbye) except -1:
        """Let go of everything, with the turn taken."""
        cdef Mapping memory = self._map  # stays mapped until the peer was woken
        if self._sleeper is not None:
            self._sleeper.check_thread()
        if goodbye:
            aether_ring_say_goodbye(&self._end)
            # Whoever watches the eventfd by a loop of its own is told as well.
            self._wake(AETHER_RING_LOOP)
        self._claimed = 0
        self._drop()
        # By now the link tells of it, which a thread that sleeps looks at when it wakes.
        aether_ring_asleep(&self._end)
        aether_ring_wake_thread(&self._end)
        return 0
