"""Single-producer single-consumer ring of fixed-size records between two processes.

The producer reserves, writes in place and commits with one store; the consumer
peeks, reads in place and releases with one store. Nothing is copied, no lock is
taken, and no system call is made unless the other end sleeps.
"""

import socket as _socket

from libc.string cimport memcpy

from cython_core.events.record_type cimport records_pointer
from cython_core.ring.attachment cimport give_turn
from cython_core.ring.end cimport End
from cython_core.events.record_type import record_type
from cython_core.ring.handle import RingHandle, make_ends
from cython_core.ring.rendezvous import find
from cython_core.ring.shared_memory import MOST_BYTES
from cython_core.ticks.ring_batches import RingBatches
from cython_core.ticks.ring_wait import sleeping


cdef class Ring(End):
    """One end of a ring: the producer's or the consumer's.

    An end belongs to one process, and to one thread at a time. Make a ring with
    `create`, pass `handle` to the other process and `attach` there.

    Parameters
    ----------
    handle : RingHandle
        The end to open; spent by this.
    policy : {"spin-then-wait", "spin", "wait"}
        How this end waits: ``spin`` never sleeps (lowest latency, one core),
        ``wait`` sleeps at once, ``spin-then-wait`` spins 50 us first, or 200 us where its
        last sleep was over by then.

    Attributes
    ----------
    role : {"producer", "consumer"}
    policy : str
    record : RecordType
        What the ring holds.

    Raises
    ------
    ValueError
        If the handle is spent, the policy unknown, or the memory not a ring.

    Notes
    -----
    A view of reserved or peeked events stays valid memory for as long as it is
    held, even after `close`; what it shows is yours until commit or release.

    Examples
    --------
    >>> producer, consumer = Ring.pair(1024)
    >>> view = producer.reserve(3)
    >>> view["sequence"] = [0, 1, 2]
    >>> producer.commit()
    >>> consumer.peek()["sequence"].tolist()
    [0, 1, 2]
    >>> consumer.release()
    """

    @classmethod
    def create(cls, capacity, *, str role="producer", str policy="spin-then-wait", record=None):
        """Make a ring and open one end of it; `handle` then gives the other.

        Parameters
        ----------
        capacity : int
            Events, a power of two from 1 to 2**31.
        role : {"producer", "consumer"}
            Which end to open here.
        policy : {"spin-then-wait", "spin", "wait"}
            How this end waits.
        record : RecordType, numpy.dtype or int, optional
            What the ring holds, as for `record_type`; the 64-byte event by default. A handle that
            is inherited or pickled says it; who gets one over a socket or by name must say it.

        Returns
        -------
        Ring

        Raises
        ------
        ValueError
            On another capacity, role or policy, or what is no type of records.
        OSError
            If memory or descriptors do not suffice, be it the host's or the container's.
        """
        if role not in ("producer", "consumer"):
            raise ValueError(f"role must be producer or consumer, not {role!r}")
        mine, theirs = make_ends(capacity, record_type(record))
        if role == "consumer":
            mine, theirs = theirs, mine
        ring = cls(mine, policy=policy)
        (<Ring> ring)._handle = theirs
        return ring

    @classmethod
    def pair(cls, capacity, *, str policy="spin-then-wait", record=None):
        """Make a ring and open both ends here: for two threads, or a test.

        Returns
        -------
        (Ring, Ring)
            Producer and consumer.
        """
        producer = cls.create(capacity, policy=policy, record=record)
        return producer, cls(producer.handle(), policy=policy)

    @classmethod
    def attach(cls, source, *, str policy="spin-then-wait", most_bytes=MOST_BYTES, record=None):
        """Open the end that another process hands over.

        Parameters
        ----------
        source : RingHandle, socket.socket or str
            A handle, a connected Unix socket to receive one from, or an offered name.
        policy : {"spin-then-wait", "spin", "wait"}
            How this end waits.
        most_bytes : int
            The largest ring to open from a socket or a name, in bytes of its events; 1 GiB by
            default. A handle that came from the parent process brings no limit.
        record : RecordType, numpy.dtype or int, optional
            What the ring holds, where the handle does not say it; its size must be the ring's.

        Returns
        -------
        Ring

        Raises
        ------
        PermissionError
            If the other process, or the name, is not of this user.
        ValueError
            If what is found is not an end of a ring, or of one too large.
        OSError
            If there is nobody, or not in time.
        """
        if isinstance(source, _socket.socket):
            source = RingHandle.receive(source, most_bytes)
        elif not isinstance(source, RingHandle):
            source = find(source, RingHandle.receive)
            source.most_bytes = most_bytes
        if record is not None:
            source.record = record_type(record)
        return cls(source, policy=policy)

    def handle(self):
        """Return the other end, unopened, to pass to the process that will open it.

        Raises
        ------
        ValueError
            If this end did not create the ring, or has given the other end away.
        """
        self._check_open()
        if self._handle is None:
            raise ValueError("the other end was given away already")
        handle, self._handle = self._handle, None
        return handle

    # ---- the producer's side

    def reserve(self, Py_ssize_t n, *, timeout=None):
        """Wait until there is room, and return it to write into.

        Parameters
        ----------
        n : int
            Events, 1 to `capacity`.
        timeout : float, optional
            Seconds; for ever by default, 0 not at all.

        Returns
        -------
        numpy.ndarray
            Shape ``(n,)``, dtype of the `record`, writable, contiguous: the ring's own
            memory, holding what it held a lap ago. Unseen by the consumer until `commit`.

        Raises
        ------
        TimeoutError
            If there was no room in time.
        RingClosed, PeerDied, RingCorrupt
            If the consumer closed, died, or wrote nonsense.
        ValueError
            If `n` is out of range, the ring closed or this end a consumer.
        """
        self._enter(True)
        try:
            if n < 1 or <size_t> n > self._end.capacity:
                raise ValueError(f"n must be 1 to {self._end.capacity}, not {n}")
            self.claim(n, n, timeout)
            return self.show(n)
        finally:
            give_turn(&self._turn)

    def commit(self, n=None):
        """Let the consumer see the first `n` reserved events (all by default).

        What is left of the reservation stays reserved.

        Raises
        ------
        ValueError
            If fewer than `n` are reserved, or none.
        """
        self._enter(True)
        try:
            self.advance(self._claimed if n is None else n)
        finally:
            give_turn(&self._turn)

    def write(self, events, *, timeout=None):
        """Copy a batch into the ring and commit it.

        For events that exist elsewhere already; what can be made in place is better
        made in what `reserve` returns. (numpy assigns structured arrays field by
        field, so ``reserve(n)[:] = events`` takes some ten times as long as this.)

        Parameters
        ----------
        events : numpy.ndarray
            Shape ``(N,)``, dtype of the `record`, contiguous. A batch of more than
            `capacity` events goes in pieces of that.
        timeout : float, optional
            Seconds to wait for the room of one piece; for ever by default.

        Raises
        ------
        TimeoutError
            If there was no room in time; `counters` tells what was committed before.
        RingClosed, PeerDied, RingCorrupt
            If the consumer closed, died, or wrote nonsense.
        ValueError
            If `events` is no batch, the ring closed or this end a consumer.
        """
        cdef Py_ssize_t n = 0, piece
        cdef const char* source
        cdef size_t size = self._end.event_bytes
        self._enter(True)
        try:
            keeper = records_pointer(events, self.record, &source, &n)  # noqa: F841 (its memory stays)
            while n:
                piece = min(<size_t> n, self._end.capacity)
                self.claim(piece, piece, timeout)
                with nogil:
                    memcpy(self._end.data + (self._end.position & self._end.mask) * size, source,
                           piece * size)
                self.advance(piece)
                source += piece * size
                n -= piece
        finally:
            give_turn(&self._turn)

    def memory(self):
        """Return the memory of all events, to register with a device that writes into it.

        Whoever writes there keeps to what is reserved: nothing checks it.

        Returns
        -------
        numpy.ndarray of uint8
            The events' bytes, mapped twice in a row: a batch across the end of the ring is
            contiguous. It holds the memory, also after `close`.

        Raises
        ------
        ValueError
            If the ring is closed or this end a consumer.
        """
        self._enter(True)
        try:
            return self._map.whole()
        finally:
            give_turn(&self._turn)

    async def room(self, n=1):
        """Wait on the running event loop until `n` events can be reserved.

        Raises
        ------
        RingClosed, PeerDied, RingCorrupt
            If the consumer closed, died, or wrote nonsense.
        ValueError
            As `reserve`.
        """
        self._check_role(True)
        if not 1 <= n <= self._end.capacity:
            raise ValueError(f"n must be 1 to {self._end.capacity}, not {n}")
        await self.sleep(n)

    def sleep(self, need=1):
        """Sleep on the running event loop until `need` events are available.

        Returns
        -------
        awaitable
            Which raises RingClosed, PeerDied or RingCorrupt if they never will be, and
            RuntimeError if another task sleeps on this end, or a loop of another thread watches
            it.
        """
        return sleeping(self, need)

    # ---- the consumer's side

    def peek(self, n=None, *, timeout=None):
        """Wait until there is an event, and return what is there.

        Parameters
        ----------
        n : int, optional
            Most events to return, at least 1; all that are committed by default.
        timeout : float, optional
            Seconds; for ever by default, 0 not at all.

        Returns
        -------
        numpy.ndarray
            Shape ``(m,)``, 1 <= m <= n, dtype of the `record`, read-only, contiguous: the
            ring's own memory. The producer may overwrite it after `release`.

        Raises
        ------
        TimeoutError
            If nothing came in time.
        RingClosed, PeerDied
            If all was consumed and the producer has closed or died.
        RingCorrupt
            If the producer wrote a position that cannot be true.
        ValueError
            If `n` is below 1, the ring closed or this end a producer.
        """
        cdef size_t most = self._end.capacity
        if n is not None:
            if n < 1:
                raise ValueError(f"n must be at least 1, not {n}")
            most = min(n, most) if most else 1
        self._enter(False)
        try:
            most = self.claim(1, most, timeout)
            return self.show(most)
        finally:
            give_turn(&self._turn)

    def release(self, n=None):
        """Give the first `n` peeked events (all by default) back to the producer.

        Raises
        ------
        ValueError
            If fewer than `n` are peeked, or none.
        """
        self._enter(False)
        try:
            self.advance(self._claimed if n is None else n)
        finally:
            give_turn(&self._turn)

    def batches(self, most=65_536):
        """Iterate over batches of at most `most` events, with ``for`` or ``async for``.

        A batch is released when the loop comes back for the next one; a batch left by
        ``break`` or an exception is not, and the next `peek` sees it again. The end of
        the stream ends the loop; a producer's death raises `PeerDied` after the last
        committed event.
        """
        return RingBatches(self, most)

    def __iter__(self):
        return iter(self.batches())

    def __aiter__(self):
        return self.batches().__aiter__()


RingHandle.open_as(Ring)
