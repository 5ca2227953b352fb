"""RDMA writes of whole batches, each to the same place in the peer's memory."""

from cython_core.verbs.ibverbs cimport *
from cython_core.verbs.memory cimport RdmaBuffer
from cython_core.verbs.queue_pair cimport QueuePair
from libc.stdint cimport uint32_t

cdef extern from "<endian.h>" nogil:
    uint32_t htobe32(uint32_t value)


cdef class BatchStream(SendStream):
    """A stream of RDMA WRITEs with immediate between two memories that are images of each other.

    `place` says where a message lies, `flush` posts all that were placed. What fits goes
    inline. For a ring's batches: the ring's memory is mapped twice in a row, so that a
    batch across its end is still one message.

    Parameters
    ----------
    queue_pair : QueuePair
    memory : RdmaBuffer
        What messages are read from.
    slots : int
        Requests prebuilt, a multiple of `signal_every`.
    list_length, signal_every, window, start : int
        As for `SendStream`.

    Attributes
    ----------
    placed : int
        Messages placed since the stream began, flushed or not.
    """

    def __init__(
        self, QueuePair queue_pair not None, RdmaBuffer memory not None, *, int slots,
        int list_length=1, int signal_every=1, window=None, start=0,
    ):
        SendStream.__init__(
            self, queue_pair, memory, kind="write-immediate", size=1, stride=0, slots=slots,
            list_length=list_length, signal_every=signal_every, window=window, inline=False,
            start=start,
        )
        self.numbered = False  # the immediate is the caller's
        self.placed = queue_pair.out.posted

    def aim(self, remote, offset=0):
        """Say which memory of the peer's is the image of this one.

        Raises
        ------
        IndexError
            If the peer exposes nothing there.
        """
        SendStream.aim(self, remote, offset)
        self.remote = remote.address + offset
        self.remote_length = remote.length - offset

    def place(self, uint64_t offset, uint64_t length, uint32_t immediate):
        """Make the next message: `length` bytes at `offset`, here and there.

        Parameters
        ----------
        offset, length : int
            Bytes; a message of length 0 brings its immediate alone.
        immediate : int
            32 bits for the peer.

        Raises
        ------
        IndexError
            If the bytes do not lie within both memories.
        BufferError
            If `list_length` messages wait for `flush`, or every slot is in flight.
        """
        cdef QueuePair qp = self.queue_pair
        cdef ibv_send_wr* request
        cdef ibv_sge* piece
        cdef uint64_t slot, start
        self._ready()
        try:
            if self.placed - qp.out.posted >= <uint64_t> self.list_length:
                raise BufferError("a whole list is placed: flush it first")
            if self.placed - qp.out.completed >= <uint64_t> self.slots:
                raise BufferError("every slot is in flight")
            start = self.memory._at(offset, length)
            if offset > self.remote_length or length > self.remote_length - offset:
                raise IndexError(
                    f"{length} bytes at {offset} exceed the peer's {self.remote_length}"
                )
            slot = self.placed % <uint64_t> self.slots
            request, piece = &(<ibv_send_wr*> self.requests)[slot], &self.pieces[slot]
            piece.addr = start
            piece.length = length
            request.num_sge = 1 if length else 0
            request.remote_addr = self.remote + offset
            request.imm_data = htobe32(immediate)
            request.send_flags &= ~<unsigned int> IBV_SEND_INLINE
            if length <= <uint64_t> qp.max_inline:
                request.send_flags |= IBV_SEND_INLINE
            self.placed += 1
        finally:
            qp._leave()

    def flush(self, *, bint finish=False, double timeout=10.0):
        """Post what was placed, as one list; waits for room as `SendStream.send` does.

        Parameters
        ----------
        finish : bool
            Whether the last one asks for a completion even where it is not the k-th.
        timeout : float
            Seconds.
        """
        self.send(self.placed - self.queue_pair.out.posted, finish=finish, timeout=timeout)

    @property
    def pending(self):
        """Messages placed and not posted."""
        return self.placed - self.queue_pair.out.posted
