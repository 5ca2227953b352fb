"""Receive stream: receives posted in lists, with credits against overruns."""

cimport cython
cimport numpy as cnp

from cython_core.clock cimport monotonic_seconds
from cython_core.verbs.account cimport fault
from cython_core.verbs.ibverbs cimport *
from cython_core.verbs.memory cimport RdmaBuffer
from cython_core.verbs.process cimport aether_forks
from cython_core.verbs.queue_pair cimport QueuePair
from cython_core.verbs.streams.stream cimport Stream
from cython_core.verbs.waiting cimport pause
from libc.stdint cimport uint32_t

import os

import numpy as np

from cython_core.verbs.errors import PartialPostError, RdmaError

cnp.import_array()


cdef class ReceiveStream(Stream):
    """A stream of received messages, each with its slot, in the order they were sent.

    Message i takes slot ``i % slots``. Every slot is posted from the start; `release`
    gives slots back, which tells the peer of new credits.

    Parameters
    ----------
    queue_pair : QueuePair
        Carries one receiving stream at a time, with a receive queue of its own.
    memory : RdmaBuffer, optional
        At least ``slots * size`` bytes, registered with `local_write`. None where
        messages are written with immediate: they bring their own address.
    size : int
        Bytes of the longest message; 0 without `memory`.
    slots : int
        Receives kept posted, up to the queue pair's ``receive_depth``; at least the
        sender's list_length + `release_every` - 1, or it waits for ever.
    release_every : int
        Slots that are given back with one post and one credit.
    start : int
        Position of the first message: where an earlier connection left off.
    held : int
        Messages before `start` that are yet to be released.

    Raises
    ------
    ValueError
        If the parameters do not fit each other.

    Attributes
    ----------
    immediates : numpy.ndarray of uint32, shape (slots,)
        What message i brought as its immediate, at ``i % slots``, until it is released;
        undefined where it brought none.
    """

    def __init__(
        self, QueuePair queue_pair not None, *, RdmaBuffer memory=None, int size=0, int slots,
        int release_every=16, start=0, held=0,
    ):
        self._new(queue_pair, memory)
        if queue_pair.receiving:
            raise ValueError("the queue pair has a receiving stream")
        if not 1 <= slots <= queue_pair.receive_depth:
            raise ValueError(f"slots must be 1 to {queue_pair.receive_depth}, not {slots}")
        if not 1 <= release_every <= slots:
            raise ValueError(f"release_every must be 1 to {slots} (slots), not {release_every}")
        if queue_pair.receive_queue.users > 1:
            raise ValueError("the receive completion queue is shared")
        if not 0 <= held <= min(slots, start):
            raise ValueError(f"held must be 0 to {min(slots, start)}, not {held}")
        if memory is None and size:
            raise ValueError("without memory the size is 0")
        if memory is not None:
            if size < 1:
                raise ValueError(f"size must be at least 1, not {size}")
            memory._at(0, <uint64_t> slots * <uint64_t> size)
        self._allocate(slots, sizeof(ibv_recv_wr))
        # numpy owns the memory: a caller may keep the array after the stream is closed.
        self.immediates = np.zeros(slots, dtype=np.uint32)
        self.queue_pair, self.memory = queue_pair, memory
        self.size, self.slots, self.release_every = size, slots, release_every
        cdef uint64_t first = start
        cdef uint64_t oldest = start - held
        cdef ibv_recv_wr* requests = <ibv_recv_wr*> self.requests
        cdef int i
        for i in range(slots):
            requests[i].wr_id = i
            requests[i].next = &requests[(i + 1) % slots]
            if memory is not None:
                self.pieces[i].addr = memory._at(<uint64_t> i * <uint64_t> size, size)
                self.pieces[i].length = size
                self.pieces[i].lkey = memory.mr.lkey
                requests[i].sg_list = &self.pieces[i]
                requests[i].num_sge = 1
        queue_pair._enter()
        try:
            queue_pair.into.posted = queue_pair.into.received = first
            queue_pair.into.released = oldest
            queue_pair.into.slots = slots
            self._kept = self.immediates  # two references: one alone may be resized
            queue_pair.into.immediates = <uint32_t*> cnp.PyArray_DATA(self.immediates)
            self._post(queue_pair)
        finally:
            queue_pair._leave()
        if memory is not None:
            memory._retain()
        queue_pair.receiving = True
        self.closed = False

    @cython.nonecheck(False)  # whoever calls has checked
    cdef int _post(self, QueuePair qp) except -1 nogil:
        """Post every free slot as one list."""
        cdef uint64_t slots = <uint64_t> self.slots
        cdef uint64_t end = qp.into.released + slots
        cdef ibv_recv_wr* requests = <ibv_recv_wr*> self.requests
        cdef ibv_recv_wr* head = &requests[qp.into.posted % slots]
        cdef ibv_recv_wr* tail = &requests[(end - 1) % slots]
        cdef ibv_recv_wr* following = tail.next
        cdef ibv_recv_wr* bad = NULL
        cdef uint64_t live
        cdef int error
        if qp.into.posted == end:
            return 0
        tail.next = NULL
        error = ibv_post_recv(qp.qp, head, &bad)
        tail.next = following
        qp.into.posts += 1
        qp.into.live = True
        if error:
            live = (bad.wr_id + slots - head.wr_id) % slots
            qp.into.posted += live
            with gil:
                raise PartialPostError(
                    f"the device took {live} receives: {os.strerror(error)}", posted=live
                )
        qp.into.posted = end
        return 0

    @cython.nonecheck(False)  # whoever calls has checked
    cdef int _poll(self, QueuePair qp, int most) except -1 nogil:
        cdef int count, i
        if qp.failure.status:
            with gil:
                qp._fail()
        count = qp.receive_queue._poll(most)
        if count < 0:
            with gil:
                raise RdmaError("the receive completion queue cannot be read")
        if count == 0:
            if qp.aborted and qp.into.posted != qp.into.received:
                return 0  # what is posted is about to be flushed, and tells the exact count
            # A credit that cannot be told is how a receiver meets a lost peer.
            if qp.grant.posted != qp.grant.completed or qp.aborted:
                qp._reap()
            # The last telling may have had to wait for earlier ones.
            qp._tell()
            return 0
        for i in range(count):
            if qp.receive_queue.wc[i].status != IBV_WC_SUCCESS:
                with gil:
                    self._failed(i, count)
            qp._arrived(&qp.receive_queue.wc[i])
        return count

    def _failed(self, int first, int count):
        """Count the flushed receives, and raise what made the queue pair fail."""
        cdef QueuePair qp = self.queue_pair
        cdef const ibv_wc* wc = &qp.receive_queue.wc[first]
        cdef fault met = fault(wc.status, wc.vendor_err, qp.into.received, True)
        cdef int i
        for i in range(first, count):
            qp.into.flushed += qp.receive_queue.wc[i].status == IBV_WC_WR_FLUSH_ERR
        # Flushed receives are a consequence: the cause is on the send side, if it is known.
        qp._take()
        if met.status != IBV_WC_WR_FLUSH_ERR or qp.failure.status in (0, IBV_WC_WR_FLUSH_ERR):
            qp.failure = met
        qp._fail()

    @cython.nonecheck(False)  # whoever calls has checked
    cdef int _release(self, QueuePair qp, uint64_t count) except -1 nogil:
        qp.into.released += count
        if qp.into.released + self.slots - qp.into.posted >= <uint64_t> self.release_every:
            self._post(qp)
        return qp._tell()

    def poll(self, int most=0):
        """Take what has arrived, without blocking and without the GIL.

        Parameters
        ----------
        most : int
            Limit; 0 and more than the completion queue's batch mean that batch.

        Returns
        -------
        int
            New messages; the first rows of `completions` describe them until the next
            poll, and they stay in their slots until released.

        Raises
        ------
        CompletionError
            Of the subclass that names the fault.
        """
        cdef int batch = len(self.queue_pair.receive_queue.completions)
        cdef int count
        if most < 0:
            raise ValueError(f"cannot take {most} messages")
        self._enter()
        try:
            with nogil:
                count = self._poll(self.queue_pair, most if 0 < most < batch else batch)
        finally:
            self.queue_pair._leave()
        return count

    def release(self, count):
        """Give the oldest `count` received slots back; the peer may fill them.

        Raises
        ------
        ValueError
            If fewer have been received and not released.
        """
        cdef QueuePair qp = self.queue_pair
        cdef uint64_t slots
        if not 0 <= count <= qp.into.received - qp.into.released:
            raise ValueError(
                f"cannot release {count} of {qp.into.received - qp.into.released} messages"
            )
        slots = count
        self._enter()
        try:
            with nogil:
                self._release(qp, slots)
        finally:
            qp._leave()

    def wait(self, int count, *, double timeout=10.0):
        """Wait until at least `count` messages have arrived and not been released.

        Returns
        -------
        int
            How many there are.

        Raises
        ------
        ValueError
            If that is more than there are slots.
        CompletionError
            Of the subclass that names the fault.
        TimeoutError
            If they do not come within `timeout` seconds.
        """
        cdef QueuePair qp = self.queue_pair
        cdef uint64_t wanted, idle = 0
        cdef double deadline = monotonic_seconds() + timeout
        cdef int batch = len(qp.receive_queue.completions)
        if not 0 <= count <= self.slots:
            raise ValueError(f"cannot wait for {count} messages in {self.slots} slots")
        wanted = count
        self._enter()
        try:
            with nogil:
                while qp.into.received - qp.into.released < wanted:
                    if self._poll(qp, batch) == 0 and pause(&idle, deadline):
                        with gil:
                            raise TimeoutError(
                                f"{qp.into.received - qp.into.released} of {count} messages came"
                            )
        finally:
            qp._leave()
        return qp.into.received - qp.into.released

    def consume(self, count, *, double timeout=10.0):
        """Take and release `count` messages in native code, without looking at them.

        Raises
        ------
        CompletionError
            Of the subclass that names the fault; `received` tells how far it came.
        TimeoutError
            If they do not come within `timeout` seconds.
        """
        cdef QueuePair qp = self.queue_pair
        cdef uint64_t wanted, ready, idle = 0
        cdef double deadline = monotonic_seconds() + timeout
        cdef int batch = len(qp.receive_queue.completions)
        if count < 0:
            raise ValueError(f"cannot consume {count} messages")
        self._enter()
        try:
            wanted = qp.into.released + <uint64_t> count
            with nogil:
                while qp.into.released < wanted:
                    ready = min(qp.into.received, wanted) - qp.into.released
                    if ready:
                        self._release(qp, ready)
                    elif self._poll(qp, batch) == 0 and pause(&idle, deadline):
                        with gil:
                            raise TimeoutError(
                                f"{wanted - qp.into.released} of {count} messages have not come"
                            )
        finally:
            qp._leave()

    def restart(self):
        """After `QueuePair.reset`: post every slot that holds no unreleased message."""
        self._enter()
        try:
            self.queue_pair.into.posted = self.queue_pair.into.received
            self._post(self.queue_pair)
        finally:
            self.queue_pair._leave()

    @property
    def completions(self):
        """The last poll's completions, of `COMPLETION_DTYPE`."""
        return self.queue_pair.receive_queue.completions

    @property
    def received(self):
        """Messages received since the stream began."""
        return self.queue_pair.into.received

    @property
    def untold(self):
        """Credits that the peer has not been told of: earlier tellings are on their way.

        `poll` tells it, once they have arrived.
        """
        return self.queue_pair.into.posted - self.queue_pair.grant.told

    @property
    def released(self):
        """Messages whose slots were given back."""
        return self.queue_pair.into.released

    @property
    def counters(self):
        """Exact counts: ``posts`` (of receives), ``granted``, ``credits`` (told), ``flushed``."""
        cdef QueuePair qp = self.queue_pair
        return {
            "posts": qp.into.posts,
            "granted": qp.into.posted,
            "credits": qp.grant.posted,
            "flushed": qp.into.flushed,
        }

    def close(self):
        """Let the memory go; idempotent.

        Raises
        ------
        BufferError
            While the queue pair is open and not reset: its receives point here.
        """
        if self.closed:
            return
        cdef QueuePair qp = self.queue_pair
        if qp.qp != NULL and qp.forks == aether_forks and qp.into.live:
            raise BufferError("receives are posted: close or reset the queue pair first")
        qp.receiving = False
        self._let_go()

    def __dealloc__(self):
        if not self.closed and self.queue_pair is not None:
            self.queue_pair.receiving = False  # else it would note what came in freed memory
