"""Receivers that wrap or replace another one: pass on, repeat, verify."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from aethermodel.bus.fabrics.protocol import Batch, EndOfStream, Receiver
from cython_core import EVENT, RecordType, now_ns
from cython_core import verify as verify_checksums
from cython_core.probes.checked import CheckedStream
from cython_core.probes.repeated import RepeatedBatch


class Passing:
    """All but `receive` and `release` of a receiver that passes on another's batches.

    Parameters
    ----------
    receiver : Receiver
        Stays open: whoever made it closes it.
    """

    def __init__(self, receiver: Receiver) -> None:
        self.label = receiver.label
        self.copies = receiver.copies
        self._receiver = receiver

    @property
    def waiting(self) -> int:
        """Events that wait in the receiver."""
        return self._receiver.waiting

    def close(self) -> None:
        """Leave the receiver open for the next run."""


class Repeated(RepeatedBatch):
    """Hands out one batch a number of times: nothing is moved, so that only the rest is timed.

    Parameters
    ----------
    batch : numpy.ndarray
    times : int

    Attributes
    ----------
    seconds : float
        From the first `receive` to the end.
    events : int
        Of the batch.
    """

    label = "loopback"
    copies = 0

    # Overriding `receive` alone would have a bus ask by that only.
    ready = RepeatedBatch.ready

    def __init__(self, batch: Batch, times: int) -> None:
        super().__init__(batch, times)
        self.seconds = 0.0

    async def receive(self) -> Batch:
        """Return the batch; EndOfStream after the last time."""
        batch = self.begin()
        if batch is None:
            self.seconds = (now_ns() - self.began_ns) / 1e9
            raise EndOfStream
        return batch

    def close(self) -> None:
        """Do nothing."""


class OutOfSequenceError(RuntimeError):
    """An event is missing, double, damaged or out of order."""


class Checked(CheckedStream):
    """Passes on a given number of batches of another receiver, then ends.

    The sequence of every event is read and compared, or of the very first one alone where whoever
    takes the batches compares each with the one before. A batch's latency runs from the
    time that its sender wrote into it, which is when it was *meant* to go, to the
    return of its last handler: a late sender makes it longer, never shorter.

    Parameters
    ----------
    receiver : Receiver
        Stays open.
    batches : int
        How many to pass on.
    first : int
        Sequence of the first event; each further one is one more.
    lap : int
        Where the numbers start again from 0, as those of a pool that is sent over and
        over do; 0: never.
    verify : bool
        Also verify every event's checksum.
    more : callable, optional
        Asked once `batches` have been passed on: returns how many further ones to; 0: none.
    released : callable, optional
        Called with the time of each release, in nanoseconds of `cython_core.now_ns`.
    every : bool
        Compare every event, not the very first alone.
    record : RecordType
        What the events are, with a number in each.

    Attributes
    ----------
    latency_ns : Histogram
        Empty of records that have no time.
    next : int
        Sequence of the event that comes next.
    began_ns, ended_ns : int
        Meant time of the first batch, and when the last one was released.
    """

    def __init__(
        self,
        receiver: Receiver,
        batches: int,
        first: int = 0,
        lap: int = 0,
        verify: bool = False,
        more: Callable[[], int] | None = None,
        released: Callable[[int], None] | None = None,
        every: bool = True,
        record: RecordType = EVENT,
    ) -> None:
        inspect = self._verify if verify else None
        wrong = partial(_out_of_sequence, _highest(record))
        super().__init__(receiver, batches, first, lap, every, inspect, released, wrong, record)
        self.label = receiver.label
        self.copies = receiver.copies
        self._receiver = receiver
        self._more = more

    # Overriding `receive` alone would have a bus ask by that only.
    ready = CheckedStream.ready

    async def receive(self) -> Batch:
        """Return the next batch, checked.

        Raises
        ------
        EndOfStream
            After as many batches as were asked for.
        OutOfSequenceError
            If an event is not the one that must come next.
        """
        if not self.left and self._more:
            self.left = self._more()
        if not self.left:
            raise EndOfStream
        return self.check(await self._receiver.receive())

    def _verify(self, batch: Batch) -> None:
        if len(bad := verify_checksums(batch)):
            raise OutOfSequenceError(f"event {self.next + bad[0]} was damaged on its way")

    def close(self) -> None:
        """Leave the receiver open for the next run."""

    async def take(self, batches: int) -> None:
        """Take so many as a bus does, which also looks how many events wait behind each."""
        for _ in range(batches):
            if self.ready() is None:
                await self.receive()
            _ = self.waiting
            self.release()


def _highest(record: RecordType) -> int:
    """Highest number that a record has room for."""
    return int(2 ** (8 * record.sequence_bytes) - 1)


def _out_of_sequence(highest: int, batch: Batch, first: int, place: int) -> OutOfSequenceError:
    came, wanted = batch["sequence"][place], (first + place) & highest
    return OutOfSequenceError(f"event {wanted} should come, event {came} came")
