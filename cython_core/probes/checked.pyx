"""Check of a stream's batches, for measuring: each event's number, and each batch's latency."""

from libc.stdint cimport int64_t, uint64_t

from libc.string cimport memcpy

from cython_core.clock cimport monotonic_ns
from cython_core.events.record cimport aether_event, batch_pointer
from cython_core.events.record_type cimport RecordType, records_pointer
from cython_core.histogram cimport Histogram

from cython_core.events.sequence import first_gap
from cython_core.ticks.intake import ready_of


cdef class CheckedStream:
    """Passes on a receiver's batches, checked; without a frame of Python where one is ready.

    Parameters
    ----------
    receiver : Receiver
        As `aethermodel.bus.fabrics.protocol` has it.
    batches : int
        How many to pass on.
    first : int
        Sequence of the first event.
    lap : int
        Where the numbers start again from 0; 0: never.
    every : bool
        Compare every event, not the very first alone.
    inspect : callable, optional
        Called with each batch as well.
    released : callable, optional
        Called with the time of each release.
    wrong : callable
        Given a batch, its first number and the place where another event came: returns what is
        raised.
    record : RecordType, optional
        What its events are, with a number in each; the 64-byte event by default. Without room for
        a time there is no latency, and what began is counted from when this was made.

    Attributes
    ----------
    latency_ns : Histogram
        From the time in a batch's first event to its release.
    next : int
        Sequence that comes next.
    left : int
        Batches still to pass on.
    began_ns, ended_ns : int
        Time in the first batch, and of the last release.
    """

    cdef readonly object latency_ns
    cdef readonly uint64_t next
    cdef public int64_t left
    cdef readonly int64_t began_ns, ended_ns
    cdef object _receiver, _ready, _release, _inspect, _released, _wrong
    cdef uint64_t _lap
    cdef int64_t _meant_ns
    cdef bint _every, _compared
    cdef RecordType _record

    def __init__(self, receiver, int64_t batches, uint64_t first, uint64_t lap, bint every,
                 inspect, released, wrong, RecordType record=None):
        self._record = None if record is None or record.event else record
        if self._record is not None and self._record.time_offset < 0:
            self.began_ns = monotonic_ns()
        self.latency_ns = Histogram()
        self.next, self.left, self._lap, self._every = first, batches, lap, every
        self._receiver, self._release = receiver, receiver.release
        self._ready = ready_of(receiver)
        self._inspect, self._released, self._wrong = inspect, released, wrong

    @property
    def waiting(self):
        """Events that wait in the receiver."""
        return self._receiver.waiting

    def ready(self):
        """Return the next batch, checked, if it is there, else None; None as well at the end."""
        if self._ready is None or not self.left:
            return None
        batch = self._ready()
        return None if batch is None else self.check(batch)

    def check(self, batch):
        """Return a batch that came, checked; raises what `wrong` returns."""
        cdef aether_event* events
        cdef const char* first
        cdef Py_ssize_t n = 0
        if self._record is None:
            keeper = batch_pointer(batch, &events, &n)  # its memory stays
        else:
            keeper = records_pointer(batch, self._record, &first, &n)  # noqa: F841
        if not n:
            raise ValueError("a batch without events has no number")
        if self._every or not self._compared:
            self._compared = True
            place = first_gap(batch if self._every else batch[:1], self.next, self._record)
            if place >= 0:
                raise self._wrong(batch, self.next, place)
        if self._inspect is not None:
            self._inspect(batch)
        self.left -= 1
        self.next += <uint64_t> n
        if self.next == self._lap:
            self.next = 0
        if self._record is None:
            self._meant_ns = <int64_t> events[0].timestamp_ns
        elif self._record.time_offset >= 0:
            memcpy(&self._meant_ns, first + self._record.time_offset, 8)
        if not self.began_ns:
            self.began_ns = self._meant_ns
        return batch

    def release(self):
        """Release the batch, and count its latency."""
        self._release()
        self.ended_ns = monotonic_ns()
        if self._record is None or self._record.time_offset >= 0:
            (<Histogram> self.latency_ns).add(self.ended_ns - self._meant_ns)
        if self._released is not None:
            self._released(self.ended_ns)
