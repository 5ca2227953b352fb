"""Outlet: one connection to the receiver, made anew after an interruption."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aethermodel.bus.fabrics.verbs.connection import Connection, ring_capacity
from aethermodel.bus.fabrics.verbs.exchange import Exchange
from aethermodel.bus.fabrics.verbs.ledger import Ledger
from cython_core import RecordType, Ring
from cython_core.verbs import BatchStream, Endpoint

#: Requests that may be in flight.
REQUESTS = 128


@dataclass(frozen=True)
class Outlet:
    """What a sender sends by; made in a thread.

    Attributes
    ----------
    connection : Connection
    stream : BatchStream
        Aimed at the receiver's ring.
    rings : (Ring, Ring)
        Both ends of this side's ring; they outlive the connection, as `ledger` does.
    ledger : Ledger
    granted : int
        Batches for which the receiver has taken precautions from the start.
    """

    connection: Connection
    stream: BatchStream
    rings: tuple[Ring, Ring]
    ledger: Ledger
    granted: int

    @classmethod
    def first(
        cls, exchange: Exchange, device: str | None, p: int, k: int, record: RecordType
    ) -> Outlet:
        """Connect, with lists of `p` batches of which one in `k` is signalled."""
        connection = Connection(device, sends=REQUESTS)
        try:
            own = replace(connection.queue_pair.endpoint(), record_bytes=record.itemsize)
            remote = exchange.swap(own)
            if p > remote.granted:
                raise ValueError(f"lists of {p} exceed the receiver's {remote.granted} receives")
            rings = Ring.pair(ring_capacity(remote, record), record=record)
            try:
                ledger = Ledger()
                stream = _aimed(connection, rings[0], ledger, remote, p, k)
                connection.connect(exchange, own, remote)
            except BaseException:
                for end in rings:
                    end.abort()
                raise
        except BaseException:
            connection.close()
            raise
        return cls(connection, stream, rings, ledger, remote.granted)

    def again(self, exchange: Exchange, timeout: float) -> Outlet:
        """Connect through the same device once more, from the first batch that did not arrive."""
        connection = Connection(self.connection.device.name, sends=REQUESTS)
        try:
            endpoint = connection.queue_pair.endpoint()
            own = replace(endpoint, record_bytes=self.rings[0].record.itemsize)
            remote = exchange.swap(own, timeout)
            p, k = self.stream.list_length, self.stream.signal_every
            stream = _aimed(connection, self.rings[0], self.ledger, remote, p, k)
            connection.connect(exchange, own, remote)
        except BaseException:
            connection.close()
            raise
        return replace(self, connection=connection, stream=stream)


def _aimed(
    connection: Connection, ring: Ring, ledger: Ledger, remote: Endpoint, p: int, k: int
) -> BatchStream:
    ledger.arrive(remote.delivered)
    stream = BatchStream(
        connection.queue_pair,
        connection.register(ring),
        slots=REQUESTS,
        list_length=p,
        signal_every=k,
        start=remote.delivered,
    )
    connection.keep(stream)
    stream.aim(remote)
    return stream
