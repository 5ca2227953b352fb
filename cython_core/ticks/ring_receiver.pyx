"""Receiver of a ring's batches, as a bus takes them: no frame of Python a batch."""

from libc.stddef cimport size_t

from cython_core.ring.end cimport End
from cython_core.ticks.ring_wait cimport Waiting

from cython_core.ring.errors import PeerDied, RingClosed


cdef class RingReceiver:
    """The consumer's side of a ring: batches are views of the ring's own memory.

    Parameters
    ----------
    ring : cython_core.Ring
        A consumer's end; `close` closes it.
    most : int
        Most events a batch.
    ended : type of Exception
        What `receive` raises after the last batch.
    lost : type of Exception
        What it raises after the last batch of a producer that died, with the reason.

    Raises
    ------
    ValueError
        If the ring is a producer's end or `most` below 1.

    Notes
    -----
    A batch's view is pointed at the next batch, if nobody kept it.
    """

    def __init__(self, End ring not None, Py_ssize_t most, ended, lost):
        if ring._producer:
            raise ValueError("a receiver needs the consumer's end of the ring")
        if most < 1:
            raise ValueError(f"a batch holds at least 1 event, not {most}")
        self._ring, self._most = ring, most
        self._ended, self._lost = ended, lost

    @property
    def waiting(self):
        """Events that wait in the ring behind those received; 0 once it is closed."""
        return 0 if self._ring._map is None else self._ring.available - self._ring._claimed

    def ready(self):
        """Return the oldest events if there are any, else None; as `receive`.

        Raises
        ------
        cython_core.RingCorrupt
            If the producer wrote a position that cannot be true.
        """
        return self._ring.offered(self._most)

    def receive(self):
        """Return the oldest events, at most `most`, read-only and in place; waits for them.

        Raises
        ------
        EndOfStream
            If all was received and the producer closed.
        SenderLost
            If all was received and the producer died.
        cython_core.RingCorrupt
            If the producer wrote a position that cannot be true.
        """
        cdef Receiving receiving = Receiving.__new__(Receiving)
        receiving._ring, receiving._need = self._ring, 1
        receiving._receiver = self
        return receiving

    def release(self):
        """Give the events back to the producer, who may then overwrite them."""
        self._ring.release()

    def close(self):
        """Let go of the ring, released or not; idempotent."""
        if self._ring._claimed:
            self._ring.abort()
        self._ring.close()


cdef class Receiving(Waiting):
    cdef RingReceiver _receiver

    cdef object attempt(self):
        cdef RingReceiver receiver = self._receiver
        try:
            if self._sleeper is None:  # it has not waited
                batch = self._ring.offered(receiver._most)
                if batch is not None:
                    return batch
            waits = Waiting.attempt(self)
            return self._ring.offered(receiver._most) if self._inner is None else waits
        except RingClosed:
            raise receiver._ended from None
        except PeerDied as error:
            raise receiver._lost(str(error)) from None
