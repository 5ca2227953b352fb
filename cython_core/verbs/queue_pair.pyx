"""Reliable-connected queue pairs: from reset to ready, credits, and what failed."""

from cython_core.verbs.account cimport GRANT_DEPTH, MARK, REAP, Account, fault
from cython_core.verbs.completion cimport CompletionQueue
from cython_core.verbs.streams.credit cimport CreditWords
from cython_core.verbs.ibverbs cimport *
from cython_core.verbs.process cimport aether_forks
from cython_core.verbs.transition cimport make, mark, timers, to_error, to_init, to_ready, to_reset
from libc.stdint cimport uintptr_t
from libc.string cimport memset

import os
import secrets

from cython_core.rdma.posting_plan import plan
from cython_core.verbs.endpoint import Endpoint
from cython_core.verbs.errors import RdmaError
from cython_core.verbs.transition import check_limits, check_remote

cdef extern from "turn.h" nogil:
    bint take_turn "aether_turn_take"(int* turn)
    void give_turn "aether_turn_give"(int* turn)

STATES = ("reset", "init", "ready to receive", "ready", "drained", "send error", "error")


cdef class QueuePair(Account):
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
        """Return `cython_core.rdma.posting_plan.plan` for this queue pair's depth and inline limit."""
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
