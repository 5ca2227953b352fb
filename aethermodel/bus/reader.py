"""Reader: drains one receiver into a bus until its end or until stopped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from aethermodel.bus.fabrics.protocol import EndOfStream, Receiver
from aethermodel.bus.instruments import Instruments
from cython_core.ticks.intake import Intake
from cython_core.ticks.operation import turn
from cython_core.ticks.tick import Tick

#: Ticks in a row before the loop's other tasks have their turn, which costs what a few handlers do.
TICKS_A_TURN = 4


class _Owner(Protocol):
    """What a reader needs of the bus that it belongs to, see `aethermodel.bus.bus.Bus`."""

    waits: bool
    instruments: Instruments
    ticks: Tick
    record: Any

    @property
    def cancelled(self) -> bool: ...

    async def handle(self, batch: Any, first: int | None, handled: Callable[[], None]) -> None: ...

    def lose(self, label: str, error: Exception, events: int = 0) -> None: ...

    def lose_events(self, events: int) -> None: ...

    def interrupted(self, label: str, events: int) -> None: ...


class Reader(Intake):
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
        bus: _Owner,
        receiver: Receiver,
        ended: Callable[[Reader], None],
        *,
        numbered: bool = False,
    ) -> None:
        super().__init__(receiver, bus.instruments, numbered, bus.record.itemsize)
        self._ended = ended
        self._bus = bus
        self._task: asyncio.Task[None] | None = None
        self._idle = False  # between batches, waiting for the next
        self._done = False  # told to stop with nothing left: its task is cancelled for that

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to drain, as a task of the group."""
        self._task = tasks.create_task(self._drain())

    def stop(self) -> None:
        """Handle what waits at this moment, and end; idempotent."""
        if self.left is None:
            self.left = self.receiver.waiting
            if self._task and self._idle and not self.left:
                self._done = True
                self._task.cancel()  # it waits for what is not to come any more

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
            bus.lose(receiver.label, error, self.held)
        finally:
            if left:
                bus.lose_events(self.held + receiver.waiting)
            try:
                receiver.close()
            except OSError:
                pass
            except Exception as error:
                bus.lose(receiver.label, error)
            self._ended(self)

    async def _take_all(self) -> None:
        """Take batch after batch, until nothing is left of what was to be taken."""
        bus, receiver = self._bus, self.receiver
        ticks = 0
        while self.left is None or self.left > 0:
            # What is there is taken in native code, unless handlers are awaited.
            ticks += 0 if bus.waits else self.drain(bus.ticks, TICKS_A_TURN - ticks)
            if ticks >= TICKS_A_TURN:
                ticks = 0
                await turn()  # producers and other readers want theirs
                continue
            if self.left is not None and self.left <= 0:
                break
            self._idle = True
            batch = await receiver.receive()
            self._idle = False
            if bus.waits:
                first = self.taken(batch)
                await bus.handle(batch, first, self._handled)
                self.done()
            else:
                self.handle(bus.ticks, batch)
            del batch
            ticks += 1

    def _go_on(self) -> None:
        """Lose no more than the batch in hand to a cancellation that did not come from the bus.

        A sync handler runs in this very task: one that cancels "its" task would end the reader,
        and with it the stream, without a word.
        """
        assert self._task
        self._task.uncancel()
        self._idle = False
        self._bus.interrupted(self.receiver.label, self.held)
        self.held = 0
        if self.out:
            self.out = False
            self.receiver.release()

    def _handled(self) -> None:
        self.held = 0
