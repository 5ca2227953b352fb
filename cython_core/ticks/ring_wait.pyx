"""Wait of a task of an event loop for events of a ring, or for room in it.

The loop watches the ring's eventfd for as long as the ring is open, which costs nothing while
nobody sleeps: the peer writes it only after `Ring.arm`, once. A task that sleeps goes on within the
loop's callback, and only afterwards the wake-up is read back.
"""

from libc.stdint cimport int64_t, uint64_t

from cython_core.clock cimport monotonic_ns
from cython_core.ring.attachment cimport ring_drain
from cython_core.ring.end cimport End, aether_ring_end
from cython_core.ticks.direct_future cimport DirectFuture
from cython_core.ticks.operation cimport Operation, wait_for

from asyncio import get_running_loop

from cython_core.ring.loop_watch import Watch
from cython_core.ring.spin_policy import LONGER_NS, next_spin_ns
from cython_core.ticks.operation import turn

cdef extern from "<sched.h>" nogil:
    int sched_yield()

cdef extern from "ring.h" nogil:
    void aether_ring_disarm(aether_ring_end*)

cdef int64_t LONGEST_NS = LONGER_NS
# Looks in a row, about a microsecond: a turn of the loop costs as much.
cdef int LOOKS = 32
# A turn of the loop that took longer had work for others, whom looks in a row would hold up.
cdef int64_t BUSY_NS = 5_000


cdef class Sleeper:
    """Lets one task at a time sleep on one event loop until a ring has enough events.

    Parameters
    ----------
    ring : Ring
    loop : asyncio.AbstractEventLoop
        asyncio's own or uvloop's.
    """

    def __init__(self, End ring not None, loop):
        self.loop = loop
        self._ring = ring
        self._watch = Watch(loop)
        self._news = ring.link.fileno()
        self._watch.add(ring.fileno(), self._on_wakeup)
        self._watch.add(self._news, self._on_news)
        self._on_news()

    def _on_wakeup(self):
        self._untaken = True
        self._resume()
        self.take_back()

    cdef int take_back(self) except -1:
        """Read the wake-up back: before an end is armed anew, or the loop would call again."""
        if self._untaken:
            self._untaken = False
            if self._ring._map is not None:
                ring_drain(self._ring._wake_fd)
        return 0

    def _on_news(self):
        if not self._ring.peer_alive:
            self._watch.remove(self._news)
            self._resume()

    cdef int _resume(self) except -1:
        cdef DirectFuture future = self._future  # which the task lets go of
        if future is not None:
            future.finish()
        return 0

    def check_thread(self):
        """Refuse what would reach into the event loop of another thread while it runs.

        Raises
        ------
        RuntimeError
            In such a thread.
        """
        if self._watch.elsewhere:
            raise RuntimeError(
                "an event loop that runs in another thread watches this end of the ring: close it "
                "there"
            )

    def close(self):
        """Stop watching, and let a task that sleeps find the ring closed."""
        self._watch.close()
        if self._future is not None and self._watch.ours and not self.loop.is_closed():
            self._future.finish_later()


cdef class Waiting(Operation):
    """Waits until events are available: looks again for as long as its ring spins, then sleeps.

    That is 50 us, or 200 where its last sleep was over by then. Between its looks the loop's other
    tasks take their turns, and other threads of this core theirs. Where the ring's policy is ``wait`` it sleeps at once.
    """

    cdef object attempt(self):
        cdef int looks
        try:
            if self._sleeper is None:
                self._begin()
            elif self._sleeper._future is not None:
                self._sleeper._future = None
                if self._ring._map is not None:
                    aether_ring_disarm(&self._ring._end)
            if self._until_ns:
                looks = LOOKS if monotonic_ns() - self._left_ns < BUSY_NS else 0
                if self._ring.glance(self._need, looks):
                    self._finish()
                    return None
                # On the peer's own core its batch comes only when it runs: else each waits for the
                # other's time to be over, and the kernel leaves them there for seconds.
                with nogil:
                    sched_yield()
                self._left_ns = monotonic_ns()
                if self._left_ns < self._until_ns:
                    return wait_for(self, turn())
                self._until_ns = 0
            self._sleeper.take_back()
            if self._ring.arm(self._need):
                self._sleeper._future = future = DirectFuture(self._sleeper.loop)
                return wait_for(self, future)
            if self._begun_ns:
                self._ring._spin_ns = next_spin_ns(
                    self._ring.policy, self._ring._spin_ns, monotonic_ns() - self._begun_ns)
        except BaseException:
            self._finish()
            raise
        self._finish()

    cdef int _begin(self) except -1:
        loop = get_running_loop()
        cdef End ring = self._ring
        cdef Sleeper sleeper = ring._sleeper
        ring._check_open()
        if sleeper is None or sleeper.loop is not loop:
            if sleeper is not None:
                sleeper.check_thread()
                sleeper.close()
            ring._sleeper = sleeper = Sleeper(ring, loop)
        if sleeper._waiter is not None:
            raise RuntimeError("another task waits on this end of the ring")
        self._sleeper, sleeper._waiter = sleeper, self
        if ring.policy != "wait":
            self._begun_ns = self._left_ns = monotonic_ns()
            # One that never sleeps where it blocks sleeps here: the loop has other tasks.
            self._until_ns = self._begun_ns + min(ring._spin_ns, <int64_t> LONGEST_NS)
        return 0

    cdef int _finish(self) except -1:
        cdef Sleeper sleeper = self._sleeper
        if sleeper is not None and sleeper._waiter is self:
            sleeper._waiter = None
            if sleeper._future is not None:
                sleeper._future = None
                if self._ring._map is not None:
                    aether_ring_disarm(&self._ring._end)
        return 0

    def throw(self, kind, value=None, traceback=None):
        try:
            return Operation.throw(self, kind, value, traceback)
        except BaseException:
            self._finish()
            raise

    def close(self):
        Operation.close(self)
        self._finish()


def sleeping(End ring not None, uint64_t need=1):
    """Return what to await until `need` events are available; see `Ring.sleep`."""
    cdef Waiting waiting = Waiting.__new__(Waiting)
    waiting._ring, waiting._need = ring, need
    return waiting
