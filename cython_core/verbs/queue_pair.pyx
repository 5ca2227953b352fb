"""Reliable-connected queue pairs: from reset to ready, credits, and what failed."""

cimport cython
from cython_core.verbs.credit cimport CreditWords
from cython_core.verbs.ibverbs cimport *
from cython_core.verbs.process cimport aether_forks
from cython_core.verbs.transition cimport make, mark, timers, to_error, to_init, to_ready, to_reset
from libc.stdint cimport uintptr_t
from libc.string cimport memset

import os
import secrets

from cython_core.rdma_plan import plan
from cython_core.verbs.endpoint import Endpoint
from cython_core.verbs.errors import PartialPostError, RdmaError, completion_error
from cython_core.verbs.transition import check_limits, check_remote

cdef extern from "turn.h" nogil:
    bint take_turn "aether_turn_take"(int* turn)
    void give_turn "aether_turn_give"(int* turn)

cdef extern from "<endian.h>" nogil:
    uint32_t be32toh(uint32_t value)

STATES = ("reset", "init", "ready to receive", "ready", "drained", "send error", "error")
# Credit updates share the send queue with messages and are told apart by their id.
cdef uint64_t GRANT = <uint64_t> 1 << 63
cdef uint64_t MARK = <uint64_t> 1 << 62
cdef int GRANT_DEPTH = 16
cdef int GRANT_SIGNAL = 8
cdef int REAP = 64


cdef class QueuePair:
    """One reliable connection.

    It starts in the state ``init``, where receives may be posted: make the streams, exchange
    `endpoint`, then `connect`. After a fault: `reset`, restart the receive stream, exchange,
    connect.

    Parameters
    ----------
    domain : ProtectionDomain
        One a peer.
    send_depth, receive_depth : int
        Requests that each queue holds, at least 1.
    inline : int
        Bytes that a request shall carry by itself; `max_inline` tells what was granted.
    send_queue, receive_queue : CompletionQueue, optional
        Made to measure by default.
    timeout : int
        Acknowledgement timeout, 4.096 us x 2^timeout; 1 to 31.
    retries : int
        Retransmissions before RetryExceededError; 0 to 7, which is for ever on Soft-RoCE
        (Linux 6.1).
    rnr_retries : int
        Retries before ReceiverNotReadyError; 0 to 6, or 7 for ever.
    rnr_timer : int
        Code of the pause asked of a peer that finds no receive; 12 is 0.64 ms.

    Raises
    ------
    ValueError
        If a parameter is out of range.
    RdmaError
        If the device refuses.
    """

    def __cinit__(self):
        self.qp = NULL

    def __init__(
        self, ProtectionDomain domain not None, *, int send_depth=128, int receive_depth=128,
        int inline=64, CompletionQueue send_queue=None, CompletionQueue receive_queue=None,
        int timeout=14, int retries=6, int rnr_retries=6, int rnr_timer=12,
    ):
        if self.qp != NULL:
            raise RuntimeError("the queue pair is open")
        most = domain.device.max_work_requests - GRANT_DEPTH
        check_limits(
            send_depth=(send_depth, 1, most), receive_depth=(receive_depth, 1, most),
            inline=(inline, 0, 4096), timeout=(timeout, 1, 31), retries=(retries, 0, 7),
            rnr_retries=(rnr_retries, 0, 7), rnr_timer=(rnr_timer, 0, 31),
        )
        self.timeout, self.retries = timeout, retries
        self.rnr_retries, self.rnr_timer = rnr_retries, rnr_timer
        domain._retain()
        self.domain, self.forks = domain, aether_forks
        try:
            # Unsignalled requests complete too once the queue pair fails.
            self.own_send_queue = send_queue is None
            self.send_queue = send_queue or CompletionQueue(
                domain.device, send_depth + GRANT_DEPTH, batch=REAP
            )
            self.send_queue._retain()
            self.own_receive_queue = receive_queue is None
            self.receive_queue = receive_queue or CompletionQueue(domain.device, receive_depth)
            self.receive_queue._retain()
            self._create(send_depth, receive_depth, inline)
            self._initialise()
        except BaseException:
            self._free()
            raise

    def _create(self, int send_depth, int receive_depth, int inline):
        cdef ibv_qp_init_attr attributes
        self.credit = CreditWords(self.domain)
        memset(&attributes, 0, sizeof(attributes))
        attributes.send_cq = self.send_queue.cq
        attributes.recv_cq = self.receive_queue.cq
        attributes.cap.max_send_wr = send_depth + GRANT_DEPTH
        attributes.cap.max_recv_wr = receive_depth
        attributes.cap.max_inline_data = max(inline, <int> sizeof(uint64_t))
        self.qp = make(self.domain.pd, &attributes)
        self.send_depth = attributes.cap.max_send_wr - GRANT_DEPTH
        self.receive_depth = attributes.cap.max_recv_wr
        self.max_inline = attributes.cap.max_inline_data

    cdef int _initialise(self) except -1:
        to_init(self.qp, self.domain.device)
        self.psn = secrets.randbits(24)
        return 0

    cdef int _check(self) except -1:
        if self.qp == NULL:
            raise ValueError("the queue pair is closed")
        return self.domain.device._check()

    cdef int _enter(self) except -1:
        self._check()
        if not take_turn(&self.turn):
            raise RuntimeError("the queue pair is in use by another thread")
        return 0

    cdef void _leave(self) noexcept:
        give_turn(&self.turn)

    @property
    def number(self):
        """Queue pair number."""
        self._check()
        return self.qp.qp_num

    @property
    def state(self):
        """One of `STATES`, as the device tells."""
        cdef ibv_qp_attr attributes
        cdef ibv_qp_init_attr initial
        if self.qp == NULL:
            return "closed"
        self._check()
        if ibv_query_qp(self.qp, &attributes, IBV_QP_STATE, &initial):
            raise RdmaError("the queue pair does not answer")
        return STATES[attributes.qp_state]

    @property
    def mtu(self):
        """Packet payload in bytes: the minimum of both sides, once connected."""
        own = self.domain.device.mtu
        return own if self.remote is None else min(self.remote.mtu, own)

    def plan(self, batch, size, costs):
        """Return `cython_core.rdma_plan.plan` for this queue pair's depth and inline limit."""
        return plan(batch, size, costs, depth=self.send_depth, max_inline=self.max_inline)

    def endpoint(self, memory=None):
        """Return what the peer must know.

        Parameters
        ----------
        memory : RdmaBuffer, optional
            Where the peer shall write; registered with `remote_write`.

        Returns
        -------
        Endpoint
        """
        self._check()
        if memory is not None and memory.domain is not self.domain:
            raise ValueError("the memory is of another protection domain")
        device = self.domain.device
        return Endpoint(
            number=self.qp.qp_num, psn=self.psn, gid=device.gid, lid=device.lid, mtu=device.mtu,
            address=memory.ptr if memory is not None else 0,
            length=memory.length if memory is not None else 0,
            key=memory.rkey if memory is not None else 0,
            credit_address=<uintptr_t> &self.credit.words.granted, credit_key=self.credit.mr.rkey,
            granted=self.into.posted,
            delivered=<object> self.into.received if self.receiving else -1,
        )

    def connect(self, remote):
        """Connect to the peer whose `endpoint` this is; sending may start when both have.

        An interrupted stream goes on from the first message that the peer has not got.

        Raises
        ------
        ValueError
            If the MTU is none of the standard ones, or the peer's count cannot be true.
        RdmaError
            If the device refuses.
        """
        check_remote(remote)
        position = self.out.completed if remote.delivered < 0 else remote.delivered
        if not self.out.completed <= position <= self.out.posted:
            raise ValueError(
                f"the peer counts {position} messages, outside the {self.out.completed} completed "
                f"to {self.out.posted} posted"
            )
        cdef timers times = timers(self.timeout, self.retries, self.rnr_retries, self.rnr_timer)
        self._enter()
        try:
            self.remote = remote
            to_ready(self.qp, self.domain.device, self.psn, remote, times)
            self.credit.words.granted = remote.granted
            self.out.posted = self.out.completed = position
            self.credit.request.remote_addr = remote.credit_address
            self.credit.request.rkey = remote.credit_key
            self.grant.told = self.into.posted
        finally:
            self._leave()

    def reset(self):
        """Go back to ``init`` with a new PSN: what was queued is gone, positions stay.

        Afterwards restart the receive stream, exchange endpoints and connect again.
        """
        self._enter()
        try:
            self._take()
            to_reset(self.qp)
            self._take()
            self.into.live = self.aborted = self.unmarked = False
            self.grant.posted = self.grant.completed = 0
            self.out.abandoned = self.out.signalled - self.out.completions
            memset(&self.failure, 0, sizeof(fault))
            self._initialise()
        finally:
            self._leave()

    def abort(self):
        """Go to the error state: all that is queued on either side is flushed.

        May be called from any thread: calls that wait in another one end in FlushedError.
        """
        self._check()
        self.aborting += 1
        try:
            to_error(self.qp)
        finally:
            self.aborting -= 1
        if self.aborted:
            return  # marked where it was first: what came later is flushed
        self.marked = self.out.posted
        # Unsignalled requests that were acknowledged leave no trace, those that were not are
        # flushed. A last request, flushed behind all others, tells the one from the other.
        self.unmarked = not mark(self.qp, MARK)
        self.aborted = True

    def _take(self):
        """Count the completions that are left on both sides, faults included, without raising."""
        cdef int i, count = self.send_queue._poll(REAP)
        while count > 0:
            for i in range(count):
                self._sort(&self.send_queue.wc[i])
            count = self.send_queue._poll(REAP)
        # What the peer saw acknowledged must be counted here, or its account and ours differ.
        while self.receiving:
            count = self.receive_queue._poll(REAP)
            for i in range(count):
                if self.receive_queue.wc[i].status == IBV_WC_SUCCESS:
                    self._arrived(&self.receive_queue.wc[i])
                else:
                    self.into.flushed += self.receive_queue.wc[i].status == IBV_WC_WR_FLUSH_ERR
            if count <= 0:
                break

    @cython.nonecheck(False)  # whoever calls has checked
    cdef void _arrived(self, const ibv_wc* wc) noexcept nogil:
        """Count a message, and keep what came with it until its slot is given back."""
        self.into.immediates[self.into.received % self.into.slots] = be32toh(wc.imm_data)
        self.into.received += 1

    @cython.nonecheck(False)  # whoever calls has checked
    cdef void _sort(self, const ibv_wc* wc) noexcept nogil:
        cdef uint64_t ahead
        if wc.wr_id & GRANT:
            if wc.status == IBV_WC_SUCCESS:
                self.grant.completed = wc.wr_id & ~GRANT
                return
        elif wc.status == IBV_WC_SUCCESS:
            ahead = (wc.wr_id + self.out.slots - self.out.completed % self.out.slots)
            self.out.completed += ahead % self.out.slots + 1
            self.out.completions += 1
            return
        elif wc.wr_id & MARK:
            if self.failure.status == 0:
                # What was posted after the mark is behind it, and flushed.
                self.out.completed = max(self.out.completed, self.marked)
                self.failure = fault(wc.status, wc.vendor_err, self.out.completed, False)
            return
        elif self.failure.status == 0:
            # Requests complete in order: all before the first to fail are done.
            ahead = (wc.wr_id + self.out.slots - self.out.completed % self.out.slots)
            self.out.completed += ahead % self.out.slots
        if wc.status == IBV_WC_WR_FLUSH_ERR:
            self.out.flushed += 1
        if self.failure.status == 0:
            self.failure.status = wc.status
            self.failure.vendor_error = wc.vendor_err
            self.failure.position = self.out.completed

    @cython.nonecheck(False)  # whoever calls has checked
    cdef int _reap(self) except -1 nogil:
        """Take what has completed of the send queue; raise at the first fault."""
        cdef int i, count = self.send_queue._poll(REAP)
        if count < 0:
            with gil:
                raise RdmaError("the send completion queue cannot be read")
        for i in range(count):
            self._sort(&self.send_queue.wc[i])
        if self.unmarked and count == 0 and self.failure.status == 0:
            # Nothing may be flushed: who waits must be told all the same.
            self.failure = fault(IBV_WC_WR_FLUSH_ERR, 0, self.out.completed, False)
        if self.failure.status:
            with gil:
                self._take()
                self._fail()
        return count

    cdef int _fail(self) except -1:
        raise completion_error(
            self.failure.status, ibv_wc_status_str(self.failure.status).decode(),
            self.failure.vendor_error, self.failure.position,
            "receive" if self.failure.receiving else "send",
        )

    @cython.nonecheck(False)  # whoever calls has checked
    cdef int _tell(self) except -1 nogil:
        """Write the total of posted receives to the peer, unless the last telling is in hand."""
        cdef ibv_send_wr* bad = NULL
        cdef uint64_t most = <uint64_t> GRANT_DEPTH
        cdef int error
        if self.credit.request.remote_addr == 0 or self.grant.told == self.into.posted:
            return 0
        if self.grant.posted - self.grant.completed >= most:
            self._reap()
        if self.grant.posted - self.grant.completed >= most:
            return 0
        self.credit.words.telling = self.into.posted
        self.credit.request.wr_id = GRANT | (self.grant.posted + 1)
        self.credit.request.send_flags = 0
        if self.max_inline >= <int> sizeof(uint64_t):
            self.credit.request.send_flags = IBV_SEND_INLINE
        if (self.grant.posted + 1) % GRANT_SIGNAL == 0:
            self.credit.request.send_flags |= IBV_SEND_SIGNALED
        error = ibv_post_send(self.qp, &self.credit.request, &bad)
        if error:
            with gil:
                raise PartialPostError(f"cannot post a credit: {os.strerror(error)}")
        self.grant.posted += 1
        self.grant.told = self.into.posted
        return 0

    cdef int _free(self) noexcept:
        cdef int failed = 0
        if self.forks != aether_forks:
            self.qp = NULL  # see process.pxd
            return 0
        if self.qp != NULL:
            failed = ibv_destroy_qp(self.qp)
            self.qp = NULL
        if self.credit is not None:
            failed |= self.credit._free()
        for queue in (self.receive_queue, self.send_queue):
            if queue is not None:
                (<CompletionQueue> queue)._release()
        if self.domain is not None:
            self.domain._release()
        return failed

    def close(self):
        """Destroy the queue pair, and with it all requests in flight; idempotent."""
        if self.qp == NULL:
            return
        if self.forks == aether_forks:
            self._enter()
            self._leave()
            if self.aborting:
                raise RuntimeError("another thread aborts the queue pair")
        self._free()
        if self.own_receive_queue:
            self.receive_queue.close()
        if self.own_send_queue:
            self.send_queue.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __dealloc__(self):
        if self.qp != NULL:
            self._free()
