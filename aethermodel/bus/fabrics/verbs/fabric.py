"""Verbs fabric: the device writes each committed batch into the remote consumer's ring.

Both sides have a ring of one size, images of each other. A batch goes as one RDMA WRITE with
immediate from its place in the sender's ring to the same place in the receiver's; the
immediate is its number of events, 0 at the end of the stream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel.bus.fabrics.shm import ShmReceiver
from aethermodel.bus.fabrics.verbs.listener import Listener
from aethermodel.bus.fabrics.verbs.received_batches import Arrivals
from aethermodel.bus.fabrics.verbs.sender import VerbsSender
from cython_core import Ring, record_type

if TYPE_CHECKING:
    from cython_core.events.record_type import Record

__all__ = ["VerbsListener", "VerbsReceiver", "VerbsSender"]


class VerbsReceiver(ShmReceiver):
    """The consumer's side: batches are views of the memory that the device wrote to.

    Parameters
    ----------
    arrivals : Arrivals
        What fills the ring; closed with this.
    ring : cython_core.Ring
        The consumer's end; `close` closes it.
    most : int
        Most events a batch.

    Attributes
    ----------
    label : {"soft-roce", "rdma-nic"}
    arrivals : Arrivals

    Raises
    ------
    ValueError
        If the ring is a producer's end or `most` below 1.
    """

    copies = 0

    def __init__(self, arrivals: Arrivals, ring: Ring, most: int = 65_536) -> None:
        super().__init__(ring, most)
        self.arrivals = arrivals
        self.label = arrivals.label

    def close(self) -> None:
        """Let go of the ring and hang up; idempotent."""
        super().close()
        self.arrivals.close()


class VerbsListener:
    """Takes connections of senders that know the secret.

    Parameters
    ----------
    secret : bytes
        Known to both sides, at least 16 bytes, never sent.
    port : int
        Of the exchange over TCP; 0 lets the system choose.
    host : str
        Loopback by default; another address exposes the exchange to that network.
    capacity : int
        Events a ring, a power of two, at least 64. Its memory is pinned, and counts twice
        (128 bytes an event of 64) against the memlock limit.
    receives : int
        Batches that may be on their way or unreleased.
    most : int
        Most events a batch that `VerbsReceiver.receive` returns.
    device : str, optional
        Name of the RDMA device; by default the first with an active port.
    recover_within : float
        Seconds that a fault may last, such as a cut wire or a removed device, before it
        ends the stream; 0 makes the first one final.
    record : RecordType, numpy.dtype or int, optional
        What is received, as for `cython_core.record_type`; the 64-byte event by default.

    Attributes
    ----------
    port : int
    """

    def __init__(
        self,
        secret: bytes,
        port: int = 0,
        host: str = "127.0.0.1",
        *,
        capacity: int = 16_384,
        receives: int = 64,
        most: int = 65_536,
        device: str | None = None,
        recover_within: float = 10.0,
        record: Record | None = None,
    ) -> None:
        self._listener = Listener(secret, host, port)
        self._capacity, self._receives, self._most = capacity, receives, most
        self._device, self._recover_within = device, recover_within
        self._record = record_type(record)
        self.port = self._listener.port

    async def accept(self, timeout: float = 30.0) -> VerbsReceiver:
        """Return the receiver of the next sender.

        Raises
        ------
        TimeoutError
            If none that knows the secret comes within `timeout` seconds.
        RdmaError
            If there is no device, or it refuses.
        ValueError
            If capacity, receives, most or recover_within do not do.
        """
        producer, consumer = Ring.pair(self._capacity, record=self._record)
        try:
            return VerbsReceiver(await self.land(producer, timeout), consumer, self._most)
        except BaseException:
            consumer.abort()
            producer.abort()
            raise

    async def land(self, ring: Ring, timeout: float = 30.0) -> Arrivals:
        """Let the next sender write into a ring whose consumer may be in another process.

        Parameters
        ----------
        ring : cython_core.Ring
            The producer's end; its consumer peeks and releases as over shared memory.
        timeout : float
            Seconds.

        Raises
        ------
        TimeoutError, RdmaError, ValueError
            As `accept`.
        """
        exchange = await self._listener.arrival(timeout)
        return await Arrivals.land(
            exchange,
            ring,
            receives=self._receives,
            device=self._device,
            recover_within=self._recover_within,
        )

    def close(self) -> None:
        """Take no more connections; those that are there go on."""
        self._listener.close()
