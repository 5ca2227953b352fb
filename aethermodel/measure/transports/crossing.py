"""Crossing by a transport: a producer process sends by it, a bus takes what comes."""

from __future__ import annotations

import asyncio
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Self

from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.measure.harness.processes.child_processes import (
    end,
    hear,
    start,
    until_hang_up,
    watched,
)
from aethermodel.measure.harness.processes.producer_process import Crossing, serve
from aethermodel.measure.transports import TRANSPORTS
from aethermodel.measure.transports.protocol import Transport
from cython_core import number

_PARTING_SECONDS = 2.0


class TransportReceiver:
    """Receiver of a bus that waits as the transport does: nothing else runs meanwhile.

    Parameters
    ----------
    transport : Transport
    label : str
        What moves the bytes.
    """

    copies = 1
    waiting = 0

    def __init__(self, transport: Transport, label: str) -> None:
        self.label = label
        self.release = transport.release
        self.close = transport.close
        self._take = transport.receive

    async def receive(self) -> Batch:
        """Return the next batch."""
        return self._take()


class TransportCrossing(Crossing):
    """The consumer's hold of a producer process that sends by a transport."""

    @classmethod
    def by(cls, name: str, label: str, batch_size: int, topics: int) -> Self:
        """Start a producer process.

        Parameters
        ----------
        name : str
            Of `TRANSPORTS`.
        label : str
            What moves the bytes.
        batch_size, topics : int
            Of the batches that it sends.

        Raises
        ------
        ImportError
            If what the transport needs is not installed.
        """
        transport = TRANSPORTS[name](batch_size)
        ours, theirs = Pipe()
        child = None
        try:
            with theirs:
                child = start(_serve, name, transport.handle(), batch_size, topics, theirs)
            hear(ours, child)  # it has joined
            transport.joined()
        except BaseException:
            ours.close()
            if child is not None:
                end(child, _PARTING_SECONDS)
            transport.close()
            raise
        return cls(TransportReceiver(transport, label), child, ours)

    def close(self) -> None:
        """End the producer, then let go of the transport."""
        self._orders.close()
        end(self._child, _PARTING_SECONDS)
        self.receiver.close()

    def watched(self) -> Any:
        """Return a context in which the producer's death ends whatever is waited for.

        Not every transport tells of it.
        """
        return watched(self._child)


def _serve(name: str, handle: Any, batch_size: int, topics: int, orders: Connection) -> None:
    with until_hang_up(orders):
        sender = TRANSPORTS[name].join(handle)
        orders.send("joined")
        made = make_batch(batch_size, topics, seed=0)

        async def send(first: int, meant_ns: int, events: int | None = None) -> None:
            batch = made[:events]
            number(batch, first, meant_ns)
            sender.send(batch)

        asyncio.run(serve(orders, batch_size, send))
        sender.close()
