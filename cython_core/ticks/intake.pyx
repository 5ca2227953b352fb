"""Intake of one receiver: what of it is in hand, and its batches handed to ticks."""

from libc.stdint cimport uint64_t

from cython_core.events.record cimport aether_event, batch_pointer
from cython_core.routing.dispatch cimport Counts
from cython_core.ticks.tick cimport Tick


def ready_of(receiver):
    """Return a receiver's `ready`; None if its `receive` was overridden and `ready` was not."""
    for names in (getattr(receiver, "__dict__", {}), *map(vars, type(receiver).__mro__)):
        if "ready" in names:
            return receiver.ready
        if "receive" in names:
            return None
    return getattr(receiver, "ready", None)


cdef class Intake:
    """Takes a receiver's batches, and knows what was taken and is not handled yet.

    Parameters
    ----------
    receiver : Receiver
        As `aethermodel.bus.fabrics.protocol` has it. One with `ready`, which returns the oldest
        batch if it is there and else None, is asked for it without an await.
    seen : Counts
        Where the events that wait behind each batch are recorded.
    numbered : bool
        Whether sequences are to be compared, from the first event's on.
    record_bytes : int
        Size of a record.

    Attributes
    ----------
    receiver : Receiver
    left : int or None
        Events still to take, once told to stop.
    held : int
        Events of the batch that is being handled.
    out : bool
        Whether a batch is to be released.
    """

    def __init__(self, receiver, Counts seen not None, bint numbered=False,
                 Py_ssize_t record_bytes=sizeof(aether_event)):
        self.receiver, self._seen, self._numbered = receiver, seen, numbered
        self._copied = receiver.copies * record_bytes
        self._ready = ready_of(receiver)
        self._release = receiver.release

    cdef object take(self, batch):
        """Take note of a batch that came; return the sequence that it should begin with."""
        cdef Py_ssize_t events = len(batch)
        cdef aether_event* pointer
        cdef Py_ssize_t n = 0
        cdef uint64_t first
        self.out = True
        self.held = events
        if self.left is not None:
            self.left -= events
        self._seen.waiting_events.add(self.receiver.waiting)
        if self._copied:
            (<object> self._seen).copied_bytes += self._copied * events
        if not self._numbered:
            return None
        if not events:
            return 0
        keeper = batch_pointer(batch, &pointer, &n)  # noqa: F841 (its memory stays)
        if not n:
            raise ValueError("a batch without events has no ends")
        first = self._next if self._known else pointer[0].sequence
        self._next, self._known = pointer[n - 1].sequence + 1, True
        return first

    def taken(self, batch):
        """Take note of a batch that came.

        Returns
        -------
        int or None
            The sequence that it should begin with, where sequences are compared.

        Raises
        ------
        ValueError
            If they are, and this is no batch.
        """
        return self.take(batch)

    def done(self):
        """Release what was taken."""
        self.held = 0
        self.out = False
        self._release()

    def handle(self, Tick tick not None, batch):
        """Have a tick handle a batch that came, and release it.

        Raises
        ------
        Exception
            As `Tick.run`; or what the receiver raises.
        """
        self.pass_on(tick, batch)

    cdef int pass_on(self, Tick tick, object batch) except -1:
        first = self.take(batch)
        tick.run(batch, first)
        self.held = 0
        self.out = False
        self._release()
        return 0

    def drain(self, Tick tick not None, Py_ssize_t most):
        """Have a tick handle batch after batch, as many as are there.

        Parameters
        ----------
        tick : Tick
        most : int
            Not more than so many.

        Returns
        -------
        int
            How many were.
        """
        cdef Py_ssize_t ticks = 0
        if self._ready is None:
            return 0
        # A handler may register one that is awaited: from then on a tick is not all.
        while ticks < most and tick._whole and (self.left is None or self.left > 0):
            batch = self._ready()
            if batch is None:
                break
            self.pass_on(tick, batch)
            batch = None  # or the receiver could not use the view again
            ticks += 1
        return ticks
