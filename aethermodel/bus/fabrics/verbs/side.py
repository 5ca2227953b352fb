"""Base class of both sides of a verbs stream: interruption and reconnection.

Both give up their queue pair, count what came through, meet over the exchange and connect a
new one: from reset to ready to send, with a new PSN, receives and keys, so that nothing of
the old one can be mistaken for the new. The receiver tells how many messages it has, and the
sender sends again from there. A removed device takes the same way, through the one that
comes back under its name.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Generic, Protocol, TypeVar

from aethermodel.bus.fabrics.verbs.connection import Connection
from aethermodel.bus.fabrics.verbs.exchange import GRACE, Exchange
from aethermodel.bus.fabrics.verbs.recovery import FINAL, Recovery, verdict
from cython_core.ring.loop_watch import Watch
from cython_core.verbs.errors import DeviceRemovedError, PeerDiedError, RdmaError

#: Seconds between looks at the device in use: not every driver tells that it is removed.
LOOK = 0.25


class Connected(Protocol):
    """What a side has once it is connected: a stream, and what carries it."""

    @property
    def connection(self) -> Connection:
        """Closed with the side."""


Made = TypeVar("Made", bound=Connected)


class Side(ABC, Generic[Made]):
    """One side of a connection, on the event loop that it was made on.

    Parameters
    ----------
    exchange : Exchange
        Closed with this object, as `connection` is.
    connection : Connection
    recovery : Recovery

    Attributes
    ----------
    connection : Connection
        The one in use; after a recovery, another.
    """

    def __init__(self, exchange: Exchange, connection: Connection, recovery: Recovery) -> None:
        self.label = connection.label
        self._exchange = exchange
        self.connection = connection
        self._recovery = recovery
        self._open = True
        self._listening = self._recovering = False
        self._loop = asyncio.get_running_loop()
        self._watch = Watch(self._loop)

    @abstractmethod
    def _poll(self) -> object:
        """Take completions of the stream."""

    @abstractmethod
    def _count(self) -> int:
        """Note what has gone through, and return how many messages that are in all."""

    @abstractmethod
    def _again(self, seconds: float) -> Made:
        """Connect again, in a thread; each message of the exchange may take so long."""

    @abstractmethod
    def _go_on(self, made: Made) -> None:
        """Go on with what `_again` made."""

    @abstractmethod
    def _fail(self, failure: Exception) -> None:
        """End the stream."""

    def _listen(self) -> None:
        """Learn of the peer's death, of its wish to connect again, and of the device's removal."""
        self._listening = True
        self._watch.add(self._exchange.fileno(), self._interrupted)
        self._looking = self._loop.call_later(LOOK, self._look)

    def _stop_listening(self) -> None:
        if not self._listening:
            return
        self._listening = False
        self._watch.close()
        self._looking.cancel()

    def _look(self) -> None:
        """A port that is down may come up before anything is lost: that is no fault yet."""
        try:
            self.connection.look()
        except DeviceRemovedError as fault:
            self._interrupted(fault)
            return
        except RdmaError:
            pass
        self._looking = self._loop.call_later(LOOK, self._look)

    def _interrupted(self, fault: RdmaError | None = None) -> None:
        """Count what went through, which is final, and connect again where that may help."""
        if not self._open or self._recovering:
            return
        self._stop_listening()
        met = self.connection.retire(self._poll)
        # What is wrong stays wrong; the peer may hang up for it, and be the first to know.
        fault = met if isinstance(met, FINAL) else self.connection.cause(fault)
        messages = self._count()
        if not self._open:  # all is there
            return
        if not self._exchange.ended() and self._recovery.allows(fault, messages):
            self.connection.close()
            self._recovering = True
            self._task = self._loop.create_task(self._recover(fault))
        elif not isinstance(fault, FINAL) and self._exchange.ended(GRACE):
            self._fail(PeerDiedError("the peer hung up"))
        else:
            words = "the peer connects again, which recover_within=0 rules out"
            self._fail(fault or ConnectionAbortedError(words))

    async def _recover(self, fault: RdmaError | None) -> None:
        try:
            made = await self._recovery.run(self._again, self._exchange.ended)
        except asyncio.CancelledError:
            self._hang_up()
            raise
        except Exception as error:
            self._recovering = False
            if self._open:
                self._fail(verdict(fault, error))
            else:
                self._hang_up()
            return
        self._recovering = False
        self.connection = made.connection
        if self._open:
            self._go_on(made)
        else:  # closed in the meantime
            self._hang_up()

    def _hang_up(self) -> None:
        self.connection.close()
        if self._recovering:  # in a thread, which is thus told
            self._exchange.hang_up()
        else:
            self._exchange.close()
