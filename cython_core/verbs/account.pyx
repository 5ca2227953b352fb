"""Account of a queue pair: posted, completed, and the first fault, by position."""

cimport cython
from cython_core.verbs.ibverbs cimport *
from libc.stdint cimport uint32_t, uint64_t

import os

from cython_core.verbs.errors import PartialPostError, RdmaError, completion_error

cdef extern from "<endian.h>" nogil:
    uint32_t be32toh(uint32_t value)


cdef class Account:
    """Base of `QueuePair`: the counts of both directions, and of the credits told."""

    cdef int _take(self) except -1:
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
        return 0

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
