"""Handler dispatch of a routed batch: isolated, timed and counted."""

cimport numpy as cnp
from cpython.list cimport PyList_GET_SIZE
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free, malloc

from cython_core.clock cimport monotonic_ns
from cython_core.histogram cimport Histogram
from cython_core.routing.routed cimport Routed


cdef class Counts:
    """What is counted of the ticks of a bus, by topic and altogether.

    Parameters
    ----------
    topics : int

    Attributes
    ----------
    tick_ns, batch_events, waiting_events : Histogram
        Nanoseconds a tick, events a batch, and events that waited behind it.
    calls, handled, failed, handler_ns : list of int
        By topic: handler calls, events shown to handlers, calls that raised, and
        nanoseconds from call to return. As of when they are asked for. Native handlers of a tick
        are timed together, and each has its share of that by the processor's cycle counter.
    """

    def __cinit__(self, *args, **kwargs):
        # Here, so that a subclass that forgets `__init__` has them too.
        self.tick_ns, self.batch_events = Histogram(), Histogram()
        self.waiting_events = Histogram()
        self._calls, self._handled, self._failed, self._handler_ns = [], [], [], []

    def __init__(self, Py_ssize_t topics):
        free(self._since)
        self._topics = 0
        self._since = <topic_counts*> calloc(max(topics, 1), sizeof(topic_counts))
        if self._since == NULL:
            raise MemoryError(f"no memory for the counts of {topics} topics")
        self._topics = max(topics, 0)
        for counts in (self._calls, self._handled, self._failed, self._handler_ns):
            counts[:] = [0] * topics

    def __dealloc__(self):
        free(self._since)

    @property
    def calls(self):
        self.settle()
        return self._calls

    @property
    def handled(self):
        self.settle()
        return self._handled

    @property
    def failed(self):
        return self._failed

    @property
    def handler_ns(self):
        self.settle()
        return self._handler_ns

    cdef int settle(self) except -1:
        """Add to the lists what was counted since."""
        cdef Py_ssize_t topic
        cdef topic_counts since
        cdef double cycle_ns = 0
        if self._native_cycles:
            cycle_ns = <double> self._native_ns / <double> self._native_cycles
        self._native_ns = self._native_cycles = 0
        for topic in range(self._topics):
            since = self._since[topic]
            if since.calls:
                self._since[topic] = topic_counts(0, 0, 0, 0)
                self._calls[topic] += since.calls
                self._handled[topic] += since.handled
                self._handler_ns[topic] += since.handler_ns + <int64_t> (
                    <double> since.handler_cycles * cycle_ns)
        return 0


cdef class Calls:
    """Handlers of topics, in the order in which they are called.

    Parameters
    ----------
    handlers : tuple of (int, callable)
        Topic and handler.
    topics : int
        How many there are.

    Raises
    ------
    ValueError
        If a topic is out of range.
    """

    def __cinit__(self, tuple handlers not None, Py_ssize_t topics):
        cdef tuple call
        cdef Py_ssize_t topic, place = 0
        self._topics = <Py_ssize_t*> malloc(max(len(handlers), 1) * sizeof(Py_ssize_t))
        if self._topics == NULL:
            raise MemoryError(f"no memory for {len(handlers)} handlers")
        called = []
        self._most = -1
        for call in handlers:
            topic = call[0]
            if not 0 <= topic < topics:
                raise ValueError(f"topic {topic} is not among 0 to {topics - 1}")
            self._topics[place] = topic
            self._most = max(self._most, topic)
            place += 1
            called.append(call[1])
        self._handlers, self._count = tuple(called), place

    def __dealloc__(self):
        free(self._topics)

    cdef int call(self, Counts seen, bint whole, object failed, object batch, Routed routed,
                  int64_t began_ns, int64_t before_ns) except -1:
        """As `call_handlers`; what the clock showed last is the first call's start, unless 0."""
        cdef Py_ssize_t place, topic, start, stop
        cdef const int64_t* offsets = routed._c.offsets
        cdef int64_t after, before = before_ns or monotonic_ns()
        if self._most >= seen._topics:
            raise IndexError("list index out of range: the counts are of fewer topics")
        for place in range(self._count):
            topic = self._topics[place]
            start, stop = offsets[topic], offsets[topic + 1]
            if start == stop:
                continue
            _check(start, stop, routed)
            handler = self._handlers[place]
            try:
                handler(batch, routed.positions(start, stop - start))
            except (KeyboardInterrupt, SystemExit):
                raise
            except BaseException as error:
                failed(topic, handler, error)
            # The lists are the caller's.
            if min(PyList_GET_SIZE(seen._calls), PyList_GET_SIZE(seen._handled),
                   PyList_GET_SIZE(seen._handler_ns), seen._topics) <= topic:
                raise IndexError("list index out of range: the counts were shortened")
            after = monotonic_ns()
            seen._since[topic].calls += 1
            seen._since[topic].handled += stop - start
            seen._since[topic].handler_ns += after - before
            before = after
        if whole:
            seen.tick_ns.add(before - began_ns)
            seen.batch_events.add(routed._n)
        return 0

    cdef int show(self, object batch, Routed routed) except -1:
        """Call the handlers of topics that have events, and nothing else."""
        cdef Py_ssize_t place, start, stop
        cdef const int64_t* offsets = routed._c.offsets
        for place in range(self._count):
            start, stop = offsets[self._topics[place]], offsets[self._topics[place] + 1]
            if start != stop:
                _check(start, stop, routed)
                self._handlers[place](batch, routed.positions(start, stop - start))
        return 0


cdef inline int _check(Py_ssize_t start, Py_ssize_t stop, Routed routed) except -1:
    if not 0 <= start < stop <= routed._n:
        raise ValueError("the offsets of the routed batch were written to")
    return 0


def call_handlers(
    tuple handlers not None, Counts seen not None, bint whole, failed,
    batch, Routed routed not None, int64_t began_ns,
):
    """Call every handler whose topic has events, with the batch and their positions.

    Parameters
    ----------
    handlers : tuple of (int, callable)
        Topic and handler, in the order in which they are called.
    seen : Counts
        To which calls, events and times are added.
    whole : bool
        Whether the tick ends with the last of these calls; then its time is recorded, and the
        batch's size.
    failed : callable
        Called with topic, handler and error where a handler raised anything but
        KeyboardInterrupt or SystemExit. A CancelledError is the handler's own: nothing waits here.
    batch : object
        Handed on.
    routed : Routed
        Where the batch's events are.
    began_ns : int
        When the tick began, by `now_ns`.

    Raises
    ------
    ValueError
        If a topic is out of range, the offsets of `routed` were written to, or the tick
        began in the future.
    IndexError
        If `seen` is for fewer topics.
    Exception
        What `failed` raises.
    KeyboardInterrupt, SystemExit
        Of a handler: they are meant for the whole program.

    Notes
    -----
    One reading of the clock serves as a call's end and the next one's start, and the last
    as the tick's end.
    """
    Calls(handlers, routed.topics).call(seen, whole, failed, batch, routed, began_ns, 0)
