"""Send stream: requests prebuilt once, posted in lists, one signalled in k."""

cimport cython
from cython_core.clock cimport monotonic_seconds
from cython_core.verbs.ibverbs cimport *
from cython_core.verbs.memory cimport RdmaBuffer
from cython_core.verbs.process cimport aether_forks
from cython_core.verbs.queue_pair cimport QueuePair
from cython_core.verbs.streams.stream cimport Stream
from cython_core.verbs.waiting cimport pause
from libc.stdint cimport int64_t, uint32_t

import os

from cython_core.verbs.errors import PartialPostError

cdef extern from * nogil:
    """
    #define AETHER_ACQUIRE(word) __atomic_load_n(word, __ATOMIC_ACQUIRE)
    """
    uint64_t AETHER_ACQUIRE(const uint64_t* word)

cdef extern from "<endian.h>" nogil:
    uint32_t htobe32(uint32_t value)

KINDS = {
    "send": IBV_WR_SEND,
    "write": IBV_WR_RDMA_WRITE,
    "write-immediate": IBV_WR_RDMA_WRITE_WITH_IMM,
}


cdef class SendStream(Stream):
    """A stream of messages of one size, each with its slot in local memory.

    Message i (its *position*, counted from 0) is read from slot ``i % slots`` and, if
    written by RDMA, lands in the peer's slot of the same number. A slot may be filled
    again when its message has completed. One request a slot is built once, linked in a
    ring; a post cuts p of them out of the ring, so that nothing is built while sending.

    Parameters
    ----------
    queue_pair : QueuePair
        Carries one sending stream at a time.
    memory : RdmaBuffer
        Holds the slots; of the queue pair's domain.
    kind : str
        ``"send"``, ``"write"`` or ``"write-immediate"``; the immediate tells how many
        messages there are, this one included, modulo 2^32.
    size : int
        Bytes a message, at least 1.
    slots : int
        A multiple of `signal_every`.
    stride : int, optional
        Bytes from one slot to the next on both sides, by default `size`; 0 sends every
        message from and to the same place.
    list_length : int
        Requests that one post hands over: p.
    signal_every : int
        One request in so many asks for a completion: k.
    window : int, optional
        Most messages in flight, at least p + k - 1; by default as many as slots and
        send queue allow. A larger one than the send queue ends in PartialPostError.
    inline : bool, optional
        Whether requests carry the bytes themselves; by default where they fit.
    credits : bool, optional
        Whether to wait for the peer's receives; by default all but plain writes do.
    start : int
        Position of the first message.

    Raises
    ------
    ValueError
        If the parameters do not fit each other.
    """

    def __init__(
        self, QueuePair queue_pair not None, RdmaBuffer memory not None, *, str kind="send",
        int size, int slots, stride=None, int list_length=16, int signal_every=16, window=None,
        inline=None, credits=None, start=0,
    ):
        self._new(queue_pair, memory)
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, not {kind!r}")
        for name, value in (
            ("size", size), ("slots", slots), ("list_length", list_length),
            ("signal_every", signal_every),
        ):
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")
        if slots % signal_every:
            raise ValueError(f"{slots} slots are not a multiple of signal_every {signal_every}")
        if window is None:
            window = min(slots, queue_pair.send_depth)
        if not list_length + signal_every - 1 <= window <= slots:
            raise ValueError(
                f"window must be list_length + signal_every - 1 = {list_length + signal_every - 1} "
                f"to {slots} (slots), not {window}"
            )
        if inline is None:
            inline = size <= queue_pair.max_inline
        if inline and size > queue_pair.max_inline:
            raise ValueError(f"{size} bytes exceed the inline limit {queue_pair.max_inline}")
        if queue_pair.sending:
            raise ValueError("the queue pair has a sending stream")
        cdef uint64_t first = start
        self.stride = size if stride is None else stride
        self.extent = (slots - 1) * self.stride + size
        memory._at(0, self.extent)
        self._allocate(slots, sizeof(ibv_send_wr))
        self.queue_pair, self.memory, self.kind = queue_pair, memory, kind
        self.size, self.slots, self.window = size, slots, window
        self.list_length, self.signal_every = list_length, signal_every
        self.inline = inline
        self.credits = kind != "write" if credits is None else credits
        self.numbered = kind == "write-immediate"
        self.aimed = kind == "send"
        self._build()
        memory._retain()
        queue_pair.out.slots = slots
        queue_pair.out.posted = queue_pair.out.completed = first
        queue_pair.sending = True
        self.closed = False

    def _build(self):
        cdef uint64_t base = self.memory._at(0, 1)
        cdef uint32_t lkey = self.memory.mr.lkey
        cdef int opcode = KINDS[self.kind]
        cdef unsigned int flags = IBV_SEND_INLINE if self.inline else 0
        cdef int i
        cdef ibv_send_wr* requests = <ibv_send_wr*> self.requests
        cdef ibv_send_wr* request
        for i in range(self.slots):
            self.pieces[i].addr = base + <uint64_t> i * self.stride
            self.pieces[i].length = self.size
            self.pieces[i].lkey = lkey
            request = &requests[i]
            request.wr_id = i
            request.next = &requests[(i + 1) % self.slots]
            request.sg_list = &self.pieces[i]
            request.num_sge = 1
            request.opcode = opcode
            request.send_flags = flags
            if (i + 1) % self.signal_every == 0:
                request.send_flags |= IBV_SEND_SIGNALED

    def aim(self, remote, offset=0):
        """Say where writes land: `slots` slots in the peer's memory from `offset` (bytes).

        Raises
        ------
        IndexError
            If they do not lie within what the peer exposes.
        """
        cdef int i
        cdef uint64_t base
        cdef uint32_t key = remote.key
        cdef ibv_send_wr* requests = <ibv_send_wr*> self.requests
        if offset < 0 or offset + self.extent > remote.length:
            raise IndexError(f"{self.extent} bytes at {offset} exceed the peer's {remote.length}")
        base = remote.address + offset
        self._enter()
        for i in range(self.slots):
            requests[i].remote_addr = base + <uint64_t> i * self.stride
            requests[i].rkey = key
        self.aimed = True
        self.queue_pair._leave()

    def _ready(self):
        self._enter()
        if not self.aimed or self.queue_pair.remote is None:
            self.queue_pair._leave()
            raise ValueError("not connected, or writes not aimed at the peer's memory")

    @cython.nonecheck(False)  # whoever calls has checked
    cdef uint64_t _room(self, QueuePair qp) noexcept nogil:
        """How many messages may be posted now."""
        cdef uint64_t room = <uint64_t> self.window - (qp.out.posted - qp.out.completed)
        cdef uint64_t credit
        if self.credits:
            credit = AETHER_ACQUIRE(&qp.credit.words.granted) - qp.out.posted
            # A peer that lies about its receives harms its own messages only.
            if <int64_t> credit < 0:
                credit = 0
            if credit < room:
                room = credit
        return room

    @cython.nonecheck(False)  # whoever calls has checked
    cdef int _post(self, QueuePair qp, uint64_t count, bint last) except -1 nogil:
        """Hand over one list; if `last`, its tail asks for a completion in any case."""
        cdef uint64_t position = qp.out.posted
        cdef uint64_t slots = <uint64_t> self.slots
        cdef uint64_t k = <uint64_t> self.signal_every
        cdef uint64_t end = position + count
        cdef ibv_send_wr* requests = <ibv_send_wr*> self.requests
        cdef ibv_send_wr* head = &requests[position % slots]
        cdef ibv_send_wr* tail = &requests[(end - 1) % slots]
        cdef ibv_send_wr* following = tail.next
        cdef ibv_send_wr* bad = NULL
        cdef ibv_send_wr* request = head
        cdef unsigned int flags = tail.send_flags
        cdef uint64_t i
        cdef int error
        if self.numbered:
            for i in range(position + 1, end + 1):
                request.imm_data = htobe32(<uint32_t> i)
                request = request.next
        if last:
            tail.send_flags |= IBV_SEND_SIGNALED
        tail.next = NULL
        error = ibv_post_send(qp.qp, head, &bad)
        tail.next = following
        tail.send_flags = flags
        qp.out.posts += 1
        if error:
            # All before `bad` are live: the device has been told of them.
            end = position + (bad.wr_id + slots - head.wr_id) % slots
        qp.out.posted = end
        qp.out.signalled += end // k - position // k
        if error:
            with gil:
                raise PartialPostError(
                    f"the device took {end - position} of {count} requests: {os.strerror(error)}",
                    posted=end - position,
                )
        if last and end % k:
            qp.out.signalled += 1
        return 0

    @cython.nonecheck(False)  # whoever calls has checked
    cdef int _late(self, QueuePair qp, bint credits) except -1 nogil:
        with gil:
            what = "credits (does the peer release?)" if credits else "room in the send queue"
            raise TimeoutError(
                f"no {what}: {qp.out.posted} messages posted, {qp.out.completed} completed"
            )

    @cython.nonecheck(False)  # whoever calls has checked
    cdef int _send(self, QueuePair qp, uint64_t count, bint finish, double seconds) except -1 nogil:
        cdef uint64_t target = qp.out.posted + count
        cdef uint64_t p = <uint64_t> self.list_length
        cdef uint64_t window = <uint64_t> self.window
        cdef uint64_t want, idle = 0
        cdef double deadline = monotonic_seconds() + seconds
        while qp.out.posted < target:
            want = min(p, target - qp.out.posted)
            while self._room(qp) < want:
                if qp._reap() == 0 and pause(&idle, deadline):
                    self._late(qp, window - (qp.out.posted - qp.out.completed) >= want)
            self._post(qp, want, finish and qp.out.posted + want == target)
        return 0

    def send(self, count, *, bint finish=True, double timeout=10.0):
        """Post `count` messages in lists, waiting for room and credits, without the GIL.

        Parameters
        ----------
        count : int
            Messages; their slots are filled.
        finish : bool
            Whether the last one asks for a completion even where it is not the k-th.
        timeout : float
            Seconds that the whole may take.

        Raises
        ------
        CompletionError
            Of the subclass that names the fault; `completed` tells what is certain.
        PartialPostError
            If the device took only part of a list; `posted` counts that part.
        TimeoutError
            If room or credits do not come; the messages posted stay posted.
        """
        cdef uint64_t messages
        if count < 0:
            raise ValueError(f"cannot send {count} messages")
        messages = count
        self._ready()
        try:
            if self.queue_pair.failure.status:
                self.queue_pair._fail()
            with nogil:
                self._send(self.queue_pair, messages, finish, timeout)
        finally:
            self.queue_pair._leave()

    def drain(self, *, double timeout=10.0):
        """Wait until all that asks for a completion has completed.

        Raises
        ------
        CompletionError
            Of the subclass that names the fault.
        TimeoutError
            If it takes longer than `timeout` seconds.
        """
        cdef QueuePair qp = self.queue_pair
        cdef uint64_t idle = 0
        cdef double deadline = monotonic_seconds() + timeout
        self._ready()
        try:
            if qp.failure.status:
                qp._fail()
            with nogil:
                while qp.out.completions + qp.out.abandoned < qp.out.signalled:
                    if qp._reap() == 0 and pause(&idle, deadline):
                        self._late(qp, False)
        finally:
            qp._leave()

    def poll(self):
        """Take what has completed, without blocking, and return `completed`.

        Raises
        ------
        CompletionError
            Of the subclass that names the fault.
        """
        self._enter()
        try:
            with nogil:
                self.queue_pair._reap()
        finally:
            self.queue_pair._leave()
        return self.queue_pair.out.completed

    @property
    def posted(self):
        """Messages handed to the device: the next message's position."""
        return self.queue_pair.out.posted

    @property
    def completed(self):
        """Messages known to have arrived; their slots may be filled again."""
        return self.queue_pair.out.completed

    @property
    def granted(self):
        """Messages that the peer allows in all, as it last told."""
        self.queue_pair._check()
        return AETHER_ACQUIRE(&self.queue_pair.credit.words.granted)

    @property
    def room(self):
        """Messages that could be posted now."""
        self.queue_pair._check()
        return self._room(self.queue_pair)

    @property
    def counters(self):
        """Exact counts since the stream began.

        Returns
        -------
        dict of str to int
            ``posts`` (calls of ``ibv_post_send``), ``signalled``, ``completions``
            (successful), ``flushed``.
        """
        cdef QueuePair qp = self.queue_pair
        return {
            "posts": qp.out.posts,
            "signalled": qp.out.signalled,
            "completions": qp.out.completions,
            "flushed": qp.out.flushed,
        }

    def close(self):
        """Let the memory go; idempotent.

        Raises
        ------
        BufferError
            While messages are in flight on an open queue pair.
        """
        cdef QueuePair qp = self.queue_pair
        if self.closed:
            return
        if qp.qp != NULL and qp.forks == aether_forks:
            self._enter()
            qp._take()
            qp._leave()
            if qp.out.completions + qp.out.abandoned < qp.out.signalled and qp.failure.status == 0:
                raise BufferError("messages are in flight: drain the stream, or close the queue pair")
        qp.sending = False
        self._let_go()
