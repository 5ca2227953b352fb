"""Reader: drains one receiver into a bus until its end or until stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from aethermodel.bus.fabrics.protocol import Batch, EndOfStream, Receiver
from cython_core import ends

if TYPE_CHECKING:
    from aethermodel.bus.bus import Bus

# How many sequences there are: they begin again after the last.
_SEQUENCES = 2**64
#: Ticks in a row before the loop's other tasks have their turn, which costs what a few handlers do.
TICKS_A_TURN = 4


class Reader:
    """One of the producers that a bus takes in.

    Parameters
    ----------
    bus : Bus
    receiver : Receiver
    ended : callable
        Called with this reader when nothing more will come.
    numbered : bool
        Let the bus compare sequences, from the first event's on.

    Attributes
    ----------
    receiver : Receiver
    """

    def __init__(
        self,
        bus: Bus,
        receiver: Receiver,
        ended: Callable[[Reader], None],
        *,
        numbered: bool = False,
    ) -> None:
        self.receiver = receiver
        self._numbered = numbered
        self._next: int | None = None  # the sequence that comes next, once the first came
        self._ended = ended
        self._bus = bus
        self._copies = receiver.copies
        self._task: asyncio.Task[None] | None = None
        self._idle = False  # between batches, waiting for the next
        self._left: int | None = None  # events still to handle, once told to stop
        self._done = False  # told to stop with nothing left: its task is cancelled for that
        self._held = 0  # events of the batch that is being handled
        self._out = False  # whether a batch is to be released

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to drain, as a task of the group."""
        self._task = tasks.create_task(self._drain())

    def stop(self) -> None:
        """Handle what waits at this moment, and end; idempotent."""
        if self._left is None:
            self._left = self.receiver.waiting
            if self._task and self._idle and not self._left:
                self._done = True
                self._task.cancel()  # it waits for what is not to come any more

    def _first(self, batch: Batch) -> int:
        """Return the sequence that this batch should begin with; go on from the last that came."""
        if not len(batch):
            return 0
        came, last = ends(batch)
        first = came if self._next is None else self._next
        self._next = (last + 1) % _SEQUENCES
        return first

    async def _drain(self) -> None:
        bus, receiver = self._bus, self.receiver
        left = True
        try:
            while True:
                try:
                    await self._take_all()
                    break
                except EndOfStream:
                    break
                except asyncio.CancelledError:
                    if self._done:
                        break
                    if bus.cancelled:
                        raise
                    self._go_on()
            left = False
        except Exception as error:
            left = False
            bus.lose(receiver.label, error, self._held)
        finally:
            if left:
                bus.lose_events(self._held + receiver.waiting)
            try:
                receiver.close()
            except OSError:
                pass
            except Exception as error:
                bus.lose(receiver.label, error)
            self._ended(self)

    async def _take_all(self) -> None:
        """Take batch after batch, until nothing is left of what was to be taken."""
        bus, receiver, copies = self._bus, self.receiver, self._copies
        seen = bus.instruments
        record_waiting = seen.waiting_events.record
        ticks = 0
        while self._left is None or self._left > 0:
            self._idle = True
            batch = await receiver.receive()
            self._idle = False
            self._out = True
            self._held = events = len(batch)
            if self._left is not None:
                self._left -= events
            record_waiting(receiver.waiting)
            if copies:
                seen.copied_bytes += copies * bus.record.itemsize * events
            first = self._first(batch) if self._numbered else None
            if bus.waits:
                await bus.handle(batch, first, self._handled)
            else:
                bus.tick(batch, first)
            self._held = 0
            self._out = False
            receiver.release()
            del batch
            ticks += 1
            if ticks % TICKS_A_TURN == 0:
                await asyncio.sleep(0)  # producers and other readers want their turn

    def _go_on(self) -> None:
        """Lose no more than the batch in hand to a cancellation that did not come from the bus.

        A sync handler runs in this very task: one that cancels "its" task would end the reader,
        and with it the stream, without a word.
        """
        assert self._task
        self._task.uncancel()
        self._idle = False
        self._bus.interrupted(self.receiver.label, self._held)
        self._held = 0
        if self._out:
            self._out = False
            self.receiver.release()

    def _handled(self) -> None:
        self._held = 0
