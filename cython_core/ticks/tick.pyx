"""Tick of a bus: one batch routed, and its topics' handlers called."""

from libc.stdint cimport int64_t

from cython_core.clock cimport monotonic_ns
from cython_core.routing.dispatch cimport Calls, Counts
from cython_core.routing.native cimport NativeCalls
from cython_core.routing.routed cimport Routed
from cython_core.routing.router cimport routed_of
from cython_core.routing.simd cimport route_kernel


cdef class Tick:
    """Routes batches, one at a time, and calls handlers.

    Parameters
    ----------
    routed : Routed
        Routed into; its topics are the bus's.
    seen : Counts
    failed : callable
        As in `cython_core.call_handlers`.
    refused : callable
        Given a batch that could not be routed, and why.
    gap : callable
        Given the sequence that was expected at first, the batch, and where another one came.
    record : RecordType, optional
        What the records are; the 64-byte event, or what each batch's dtype says.

    Attributes
    ----------
    routed : Routed
    """

    def __init__(self, Routed routed not None, Counts seen not None, failed, refused, gap,
                 record=None):
        self.routed, self._seen, self._record = routed, seen, record
        self._failed, self._refused, self._gap = failed, refused, gap
        self.call(())

    def call(self, tuple handlers not None, bint whole=True, NativeCalls natives=None):
        """Call these from the next tick on.

        Parameters
        ----------
        handlers : tuple of (int, callable)
            Topic and handler, in order.
        whole : bool
            As in `cython_core.call_handlers`.
        natives : NativeCalls, optional
            Called before them, in one go, without the interpreter lock.

        Raises
        ------
        ValueError
            If a topic is out of range.
        """
        self._calls, self._whole = Calls(handlers, self.routed.topics), whole
        self._natives = natives

    def note_routes(self, list nanoseconds=None):
        """From the next tick on, append what each routing takes: from the tick's begin, by the clock.

        Parameters
        ----------
        nanoseconds : list of int, optional
            Appended to; without one, nothing is noted any more. One reading of the clock
            (`cython_core.clock_cost_ns`) is within each.
        """
        self._route_ns = nanoseconds

    cpdef bint run(self, batch, first=None) except -1:
        """Route one batch and call its handlers.

        Parameters
        ----------
        batch : numpy.ndarray or Arrow record batch
        first : int, optional
            The sequence that its first event should have, where sequences are compared.

        Returns
        -------
        bool
            False if the batch could not be routed: whoever is told has it counted.

        Raises
        ------
        ValueError
            If a handler or another thread calls it while a batch's handlers are called.
        Exception
            As `cython_core.call_handlers`.
        """
        _refuse_if(self._busy)
        cdef int64_t began_ns = monotonic_ns(), before_ns = 0
        cdef Routed routed = self.routed
        cdef Calls calls
        cdef NativeCalls natives
        try:
            routed_of(batch, routed.topics, routed, 1, route_kernel(None), first, self._record)
        except Exception as error:  # a columnar batch may raise whatever it likes
            self._refused(batch, error)
            return False
        self._busy = True
        try:
            if self._route_ns is not None:
                self._route_ns.append(monotonic_ns() - began_ns)
            if first is not None and routed.gap >= 0:
                self._gap(first, batch, routed.gap)
            calls, natives = self._calls, self._natives  # a handler may register another meanwhile
            if natives is not None:
                before_ns = natives.run(self._seen, self._failed, batch, routed)
            calls.call(self._seen, self._whole, self._failed, batch, routed, began_ns, before_ns)
        finally:
            self._busy = False
        return True


cdef inline int _refuse_if(bint busy) except -1:
    """What was routed serves one batch at a time: another one's handlers would see its places."""
    if busy:
        raise ValueError("a tick within a tick: the batch's handlers are still being called")
    return 0


cdef class PlainTick:
    """Routes batches and calls handlers: nothing is isolated, counted or timed.

    Parameters
    ----------
    routed : Routed
        Routed into.

    Attributes
    ----------
    routed : Routed
    """

    def __init__(self, Routed routed not None):
        self.routed = routed
        self.call(())

    def call(self, tuple handlers not None):
        """Call these from the next tick on; as `Tick.call`."""
        self._calls = Calls(handlers, self.routed.topics)

    def note_routes(self, list nanoseconds=None):
        """As `Tick.note_routes`."""
        self._route_ns = nanoseconds

    def tick(self, batch):
        """Route one batch and call the handler of every topic that has events."""
        _refuse_if(self._busy)
        cdef Calls calls = self._calls
        cdef Routed routed = self.routed
        cdef int64_t began_ns = 0 if self._route_ns is None else monotonic_ns()
        routed_of(batch, routed.topics, routed, 1, route_kernel(None), None, None)
        if self._route_ns is not None:
            self._route_ns.append(monotonic_ns() - began_ns)
        self._busy = True
        try:
            calls.show(batch, routed)
        finally:
            self._busy = False
