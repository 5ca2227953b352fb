"""One batch handed out again and again, for measuring: nothing is moved, and no frame of Python."""

from cython_core.clock cimport monotonic_ns
from libc.stdint cimport int64_t


cdef class RepeatedBatch:
    """Hands out one batch a number of times, as a receiver does that always has one.

    Parameters
    ----------
    batch : numpy.ndarray
    times : int

    Attributes
    ----------
    waiting : int
        Events that wait: none are ever told of.
    events : int
        Of the batch.
    left : int
        Times still to hand it out.
    began_ns : int
        When it was first asked for by `begin`; 0 before that.
    """

    cdef readonly int64_t left, began_ns
    cdef readonly Py_ssize_t waiting, events
    cdef object _batch

    def __init__(self, batch, int64_t times):
        self._batch, self.left, self.events = batch, times, len(batch)

    def ready(self):
        """Return the batch; None before `begin` and after the last time."""
        if not self.left or not self.began_ns:
            return None
        self.left -= 1
        return self._batch

    def begin(self):
        """Note when the first batch is asked for, and return it; None if there is none."""
        if not self.began_ns:
            self.began_ns = monotonic_ns()
        return self.ready()

    def release(self):
        """Do nothing: the batch stays."""
