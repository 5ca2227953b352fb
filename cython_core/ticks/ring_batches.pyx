"""Iterator over a ring's batches, by ``for`` or ``async for``: no frame of Python a batch."""

from cython_core.ring.end cimport End
from cython_core.ticks.operation cimport wait_for
from cython_core.ticks.ring_wait cimport Waiting

from cython_core.ring.errors import RingClosed
from cython_core.ticks.operation import turn


cdef class RingBatches:
    """Batches of a ring; see `Ring.batches`.

    Parameters
    ----------
    ring : Ring
        A consumer's end.
    most : int
        Most events a batch, and most to hand out before the event loop gets a turn.

    Raises
    ------
    ValueError
        If the ring is closed or a producer's end, or `most` below 1.
    """

    def __init__(self, End ring not None, most):
        if most < 1:
            raise ValueError(f"most must be at least 1, not {most}")
        ring._check_role(False)
        self._ring = ring
        self._most = self._left = min(most, ring.capacity)

    cdef int _take_back(self) except -1:
        if self._handed_out and self._ring._claimed:
            self._ring.release()
        self._handed_out = False
        return 0

    cdef object _take(self):
        batch = self._ring.offered(self._most)
        if batch is None:  # another task took it
            batch = self._ring.peek(self._most, timeout=0)
        self._left -= self._ring._claimed
        self._handed_out = True
        return batch

    def __iter__(self):
        return self

    def __next__(self):
        self._take_back()
        try:
            batch = self._ring.peek(self._most)
        except RingClosed:
            raise StopIteration from None
        self._handed_out = True
        return batch

    def __aiter__(self):
        return self

    def __anext__(self):
        cdef NextBatch taking = NextBatch.__new__(NextBatch)
        taking._ring, taking._need, taking._batches = self._ring, 1, self
        return taking


cdef class NextBatch(Waiting):
    """Takes the next batch, and waits for it where there is none."""

    cdef object attempt(self):
        cdef RingBatches batches = self._batches
        try:
            if self._sleeper is None and not self._turned:  # it has not waited
                batches._take_back()
                if self._ring.glance(1, 0):
                    if batches._left > 0:
                        return batches._take()
                    self._turned = True
                    return wait_for(self, turn())  # others on this loop want to run as well
            if not self._turned:
                waits = Waiting.attempt(self)
                if self._inner is not None:
                    return waits
            batches._left = batches._most
            return batches._take()
        except RingClosed:
            raise StopAsyncIteration from None
