"""Queue of batches between tasks of one event loop, bounded."""

from cython_core.events.record cimport aether_event, batch_pointer
from cython_core.ticks.operation cimport Operation, wait_for

cimport numpy as cnp

from asyncio import get_running_loop

cnp.import_array()

cdef enum:
    FIRST_PLACES = 8


cdef class BatchQueue:
    """Bounded queue of batches; `send` and `receive` wait only where they must.

    Parameters
    ----------
    depth : int
        Batches that may wait. At least 1.
    policy : {"block", "drop-oldest", "fail"}
        What `send` does where so many wait.
    ended : type of Exception
        What `receive` raises after the last batch.
    backlogged : type of Exception
        What `send` raises where nothing more fits and the policy is ``fail``.

    Attributes
    ----------
    waiting : int
        Events that wait.
    dropped : int
        Events dropped by ``drop-oldest``.
    ended : bool
        Whether it takes nothing more.
    """

    def __init__(self, Py_ssize_t depth, str policy, ended, backlogged):
        if depth < 1:
            raise ValueError(f"queue depth must be at least 1, not {depth}")
        self.depth = depth
        self.policy = policy
        self._ended_error, self._backlogged = ended, backlogged
        self._batches = [None] * (2 * FIRST_PLACES)
        self._mask = FIRST_PLACES - 1
        self._sleepers = []  # producers for room, the consumer for news

    @property
    def full(self):
        """Whether nothing more fits."""
        return self._count >= self.depth

    def __len__(self):
        return self._count

    def send(self, batch):
        """Hand over one batch; the producer keeps it unchanged until it was consumed.

        Raises
        ------
        Backlogged
            If nothing more fits and the policy is ``fail``.
        ValueError
            After `end` or `close`, also while it waits for room; the batch was not sent.
        """
        cdef Sending sending = Sending.__new__(Sending)
        sending.queue, sending.batch = self, batch
        return sending

    def receive(self):
        """Take the oldest batch; waits for one.

        Raises
        ------
        EndOfStream
            After the last one, if the producer ended.
        """
        cdef Receiving receiving = Receiving.__new__(Receiving)
        receiving.queue = self
        return receiving

    def ready(self):
        """Take the oldest batch if there is one, else None."""
        return self.take() if self._count else None

    def refuse(self):
        """Take nothing more; producers that wait for room are told. Idempotent."""
        self.ended = True
        self.wake()

    def release(self):
        """Do nothing: whoever holds the batch keeps it alive."""

    def close(self):
        """Drop what waits, and refuse what comes; idempotent."""
        self.refuse()
        while self._count:
            self.take()

    cdef bint fits(self) except -1:
        """Whether a batch may be put in now, once the policy was followed; or else it blocks."""
        while self._count >= self.depth and not self.ended:
            if self.policy == "block":
                return False
            if self.policy == "fail":
                raise self._backlogged(f"{self.depth} batches wait already")
            self.dropped += <Py_ssize_t> self._batches[2 * self._first + 1]
            self.take()
        if self.ended:
            raise ValueError("this loopback has ended and takes nothing more")
        return True

    cdef int put(self, object batch, Py_ssize_t events) except -1:
        cdef Py_ssize_t place
        if self._count > self._mask:
            self._grow()
        place = 2 * ((self._first + self._count) & self._mask)
        self._batches[place], self._batches[place + 1] = batch, events
        self._count += 1
        self.waiting += events
        if self._sleepers:
            self.wake()
        return 0

    cdef object take(self):
        cdef Py_ssize_t place = 2 * self._first
        batch = self._batches[place]
        self._batches[place] = None
        self.waiting -= <Py_ssize_t> self._batches[place + 1]
        self._first = (self._first + 1) & self._mask
        self._count -= 1
        if self._sleepers:
            self.wake()
        return batch

    cdef int _grow(self) except -1:
        cdef Py_ssize_t start = 2 * self._first
        self._batches = self._batches[start:] + self._batches[:start]
        self._batches += [None] * len(self._batches)
        self._first = 0
        self._mask = 2 * self._mask + 1
        return 0

    cdef object sleeper(self):
        """A future that is done when something was put in or taken, or the end came."""
        sleeper = get_running_loop().create_future()
        self._sleepers.append(sleeper)
        return sleeper

    cdef int wake(self) except -1:
        # All of them: each looks again for itself, and none is forgotten if one was cancelled.
        sleepers, self._sleepers = self._sleepers, []
        for sleeper in sleepers:
            if not sleeper.done():
                sleeper.set_result(None)
        return 0


cdef class Sending(Operation):
    cdef BatchQueue queue
    cdef object batch

    cdef object attempt(self):
        if not self.queue.fits():
            return wait_for(self, self.queue.sleeper())
        self.queue.put(self.batch, len(self.batch))


cdef class Receiving(Operation):
    cdef BatchQueue queue

    cdef object attempt(self):
        if self.queue._count:
            return self.queue.take()
        if self.queue.ended:
            raise self.queue._ended_error
        return wait_for(self, self.queue.sleeper())


cdef class Publishing(Operation):
    """Puts a batch in if it is one, fits, and the loop is the right one; else calls a coroutine.

    See `publishing`.
    """

    cdef BatchQueue queue
    cdef object batch, home, otherwise
    cdef Py_ssize_t capacity

    cdef object attempt(self):
        cdef aether_event* first
        cdef Py_ssize_t events = 0
        cdef BatchQueue queue = self.queue
        if self.otherwise is None:
            return None  # the coroutine has returned
        if (
            queue._count < queue.depth and not queue.ended
            and isinstance(self.batch, cnp.ndarray)
            and self.home.loop is get_running_loop()
        ):
            try:
                keeper = batch_pointer(self.batch, &first, &events)  # noqa: F841
            except ValueError:
                events = 0  # the coroutine says what is wrong
            if 0 < events <= self.capacity:
                queue.put(self.batch, events)
                return None
        otherwise, self.otherwise = self.otherwise, None
        return wait_for(self, otherwise(self.batch))


def publishing(BatchQueue queue not None, batch, Py_ssize_t capacity, home, otherwise):
    """Return what to await so that a batch is sent.

    Parameters
    ----------
    queue : BatchQueue
    batch : numpy.ndarray
    capacity : int
        Most events a batch.
    home : object
        Its ``loop`` is the one that the queue is of.
    otherwise : callable
        Given the batch, returns a coroutine that sends it, where this cannot: it must wait, is
        called on another loop, or the batch is not plain records. It says what is wrong.
    """
    cdef Publishing one = Publishing.__new__(Publishing)
    one.queue, one.batch, one.capacity = queue, batch, capacity
    one.home, one.otherwise = home, otherwise
    return one
