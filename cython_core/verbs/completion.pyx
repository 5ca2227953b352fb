"""Completion queues: many at a time, without the GIL and without an object for each."""

cimport numpy as cnp
from cython_core.verbs.ibverbs cimport *
from cython_core.verbs.process cimport aether_forks
from libc.errno cimport EAGAIN, EINTR, errno
from libc.stddef cimport size_t
from posix.fcntl cimport F_GETFL, F_SETFL, O_NONBLOCK, fcntl

import os

import numpy as np

from cython_core.verbs.errors import RdmaError

cnp.import_array()

cdef extern from "turn.h" nogil:
    bint take_turn "aether_turn_take"(int* turn)
    void give_turn "aether_turn_give"(int* turn)

cdef extern from *:
    """
    #define AETHER_WC(field) offsetof(struct ibv_wc, field)
    """
    size_t WC_ID "AETHER_WC(wr_id)"
    size_t WC_STATUS "AETHER_WC(status)"
    size_t WC_OPCODE "AETHER_WC(opcode)"
    size_t WC_VENDOR "AETHER_WC(vendor_err)"
    size_t WC_BYTES "AETHER_WC(byte_len)"
    size_t WC_IMMEDIATE "AETHER_WC(imm_data)"
    size_t WC_QP "AETHER_WC(qp_num)"
    size_t WC_FLAGS "AETHER_WC(wc_flags)"

# Of a failed completion only id, status, vendor_error and queue_pair are valid. The
# immediate is big-endian, as on the wire.
COMPLETION_DTYPE = np.dtype(
    {
        "names": [
            "id", "status", "opcode", "vendor_error", "bytes", "immediate", "queue_pair", "flags",
        ],
        "formats": ["u8", "i4", "i4", "u4", "u4", ">u4", "u4", "u4"],
        "offsets": [
            WC_ID, WC_STATUS, WC_OPCODE, WC_VENDOR, WC_BYTES, WC_IMMEDIATE, WC_QP, WC_FLAGS,
        ],
        "itemsize": sizeof(ibv_wc),
    }
)


cdef class CompletionQueue:
    """A queue of completions, polled into one array that is allocated once.

    Parameters
    ----------
    device : Device
    capacity : int
        Completions that the queue must hold: a full send and receive queue, since a
        failing queue pair completes every request, signalled or not.
    notify : bool
        Whether the queue can wake a waiting thread or event loop through `fileno`.
    batch : int
        Most completions that one poll returns.

    Attributes
    ----------
    capacity : int
        What the device granted; at least what was asked for.
    completions : numpy.ndarray of COMPLETION_DTYPE, shape (batch,)
        The first n are those of the last `poll` that returned n.
    """

    def __cinit__(self):
        self.cq = NULL
        self.channel = NULL
        self.wc = NULL

    def __init__(self, Device device not None, int capacity, *, bint notify=False, int batch=256):
        if self.cq != NULL:
            raise RuntimeError("the completion queue is open")
        device._retain()
        self.device = device
        self.forks = aether_forks
        try:
            if not 1 <= capacity <= device.max_completions:
                raise ValueError(f"capacity must be 1 to {device.max_completions}, not {capacity}")
            if not 1 <= batch <= 65_536:
                raise ValueError(f"batch must be 1 to 65536, not {batch}")
            # numpy owns the memory: a caller may keep the array after the queue is closed.
            self.completions = np.zeros(batch, dtype=COMPLETION_DTYPE)
            self._kept = self.completions  # two references: one alone may be resized
            self.wc = <ibv_wc*> cnp.PyArray_DATA(self.completions)
            if notify:
                self.channel = ibv_create_comp_channel(device.context)
                if self.channel == NULL:
                    raise RdmaError(f"no completion channel: {os.strerror(errno)}")
                fcntl(self.channel.fd, F_SETFL, fcntl(self.channel.fd, F_GETFL) | O_NONBLOCK)
            self.cq = ibv_create_cq(device.context, capacity, NULL, self.channel, 0)
            if self.cq == NULL:
                raise RdmaError(f"no completion queue of {capacity}: {os.strerror(errno)}")
        except BaseException:
            self._free()
            device._release()
            raise
        self.capacity = self.cq.cqe

    cdef int _check(self) except -1:
        if self.cq == NULL:
            raise ValueError("the completion queue is closed")
        return self.device._check()

    cdef int _retain(self) except -1:
        self._check()
        self.users += 1
        return 0

    cdef void _release(self) noexcept:
        self.users -= 1

    cdef int _poll(self, int most) noexcept nogil:
        return ibv_poll_cq(self.cq, most, self.wc)

    def poll(self, int most=0):
        """Take up to `most` completions (default and limit: ``batch``) without blocking.

        Returns
        -------
        int
            How many; they are the first of `completions`, until the next poll.
        """
        cdef int count, batch
        self._check()
        batch = <int> cnp.PyArray_DIM(self.completions, 0)
        if most < 0:
            raise ValueError(f"cannot take {most} completions")
        if not take_turn(&self.turn):
            raise RuntimeError("another thread polls this completion queue")
        with nogil:
            count = self._poll(most if 0 < most < batch else batch)
        give_turn(&self.turn)
        if count < 0:
            raise RdmaError("the completion queue cannot be read")
        return count

    def fileno(self):
        """Return the descriptor that becomes readable after `arm` at the next completion.

        Raises
        ------
        ValueError
            If the queue was made without `notify`.
        """
        self._check()
        if self.channel == NULL:
            raise ValueError("the completion queue was made without notify")
        return self.channel.fd

    def arm(self):
        """Ask for one notification at the next completion.

        Poll once more afterwards and before waiting: a completion that came between
        the last poll and this call notifies nobody.
        """
        self.fileno()
        if ibv_req_notify_cq(self.cq, 0):
            raise RdmaError(f"cannot arm the completion queue: {os.strerror(errno)}")

    def acknowledge(self):
        """Take the notifications that have come, without blocking, and return how many."""
        cdef ibv_cq* which = NULL
        cdef void* user = NULL
        cdef int count = 0
        self.fileno()
        while ibv_get_cq_event(self.channel, &which, &user) == 0:
            count += 1
        if errno != EAGAIN and errno != EINTR:
            raise RdmaError(f"the completion channel cannot be read: {os.strerror(errno)}")
        if count:
            ibv_ack_cq_events(self.cq, count)
        return count

    cdef int _free(self) noexcept:
        cdef int failed = 0
        if self.forks != aether_forks:
            self.cq, self.channel = NULL, NULL  # see process.pxd
        if self.cq != NULL:
            failed = ibv_destroy_cq(self.cq)
            self.cq = NULL
        if self.channel != NULL:
            failed |= ibv_destroy_comp_channel(self.channel)
            self.channel = NULL
        self.wc = NULL
        return failed

    def close(self):
        """Destroy the queue; a second call does nothing.

        Raises
        ------
        BufferError
            While a queue pair uses it.
        """
        if self.cq == NULL:
            return
        if self.forks != aether_forks:
            self._free()
            return
        if self.turn:
            raise BufferError("another thread polls this completion queue")
        if self.users:
            raise BufferError(f"the completion queue is in use by {self.users} queue pairs")
        # Destruction waits for every notification to be acknowledged.
        if self.channel != NULL:
            self.acknowledge()
        self._free()
        self.device._release()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __dealloc__(self):
        if self.cq != NULL:
            self._free()
            self.device._release()
