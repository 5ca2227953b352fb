"""Rows of the pipeline benchmark: the same messages, moved in seven ways and by peers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from time import process_time
from typing import Literal, NamedTuple, cast, get_args

from pydantic import BaseModel, ConfigDict, Field

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.fabrics import FABRICS, CrossingFabric, Fabric, FabricKind, FabricLabel
from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.measure.harness.asyncio_queue import BatchesQueued, move_singly
from aethermodel.measure.harness.batch_pool import numbered_record
from aethermodel.measure.harness.bus_run import Move, Moved, across, drain, moved, tallied
from aethermodel.measure.harness.event_loops import EventLoop
from aethermodel.measure.harness.handlers import Tally
from aethermodel.measure.harness.processes.producer_process import Crossing
from aethermodel.measure.harness.producer_task import DEPTH, POOL, numbered_pool, produce
from aethermodel.measure.harness.receivers import Checked
from aethermodel.measure.host.rdma_devices import label_here
from aethermodel.measure.transports import lacking
from cython_core import Histogram, now_ns, rdma_available

OwnKind = Literal["naive", "mocked", "loopback", "shm", "shm-fused", "tcp", "verbs"]
PeerKind = Literal[
    "asyncio-queue",
    "shared-memory",
    "iceoryx2",
    "faster-fifo",
    "multiprocessing-queue",
    "pyzmq",
    "redis-streams",
]
Kind = Literal[OwnKind, PeerKind]
KINDS: tuple[OwnKind, ...] = get_args(OwnKind)
RowLabel = FabricLabel | Literal["unix-socket", "kernel-pipe"]


class Peer(NamedTuple):
    """What a user might take instead of the bus's own fabrics.

    Attributes
    ----------
    transport : str
        Of `TRANSPORTS`, from a process of its own; empty: within the process.
    label : str
        What moves the bytes.
    """

    transport: str
    label: RowLabel


PEERS: dict[str, Peer] = {
    "asyncio-queue": Peer("", "loopback"),
    "shared-memory": Peer("shared_memory + numpy", "shared-memory"),
    "iceoryx2": Peer("iceoryx2", "shared-memory"),
    "faster-fifo": Peer("faster-fifo", "shared-memory"),
    "multiprocessing-queue": Peer("multiprocessing.Queue", "kernel-pipe"),
    "pyzmq": Peer("pyzmq", "unix-socket"),
    "redis-streams": Peer("Redis Streams", "unix-socket"),
}
# The fabric of each row that is not called as its fabric is.
_FABRICS: dict[str, Fabric] = {"naive": "loopback", "mocked": "loopback", "shm-fused": "shm"}


def fabric_of_row(kind: Kind) -> FabricKind:
    """Return the fabric that a row's batches move over; of a peer's, the one that it is like."""
    if peer := PEERS.get(kind):
        return FABRICS["shm" if peer.transport else "loopback"]
    return FABRICS[cast(Fabric, _FABRICS.get(kind, kind))]


def carries_records(kind: Kind) -> bool:
    """Whether a row's messages may have other sizes than 64 bytes.

    Not objects one by one, the specification's core, a check in the router's own pass, or peers.
    """
    return kind in ("loopback", "shm", "tcp", "verbs")


def available_kinds(record_bytes: int = EVENT_BYTES) -> tuple[Kind, ...]:
    """Return the rows that this host can run: some need a device."""
    device, _ = rdma_available()
    return tuple(
        kind
        for kind in KINDS
        if (device or not fabric_of_row(kind).needs_device)
        and (record_bytes == EVENT_BYTES or carries_records(kind))
    )


def lacking_peers() -> dict[Kind, str]:
    """Return the peers that cannot run here, and what each lacks."""
    found = {kind: lacking(peer.transport) for kind, peer in PEERS.items() if peer.transport}
    return {cast(Kind, kind): reason for kind, reason in found.items() if reason}


def available_peers() -> tuple[Kind, ...]:
    """Return the peers that can run here."""
    without = lacking_peers()
    return tuple(kind for kind in get_args(PeerKind) if kind not in without)


class Row(BaseModel):
    """One row.

    Attributes
    ----------
    kind : {"naive", "mocked", "loopback", "shm", "shm-fused", "tcp", "verbs"} or one of `PEERS`
        One message at a time through an asyncio.Queue; the specification's mocked core;
        the real core in one process; the same from another process by ring, by TCP or by verbs.
        ``shm-fused``: by ring, with sequences compared as events are routed and not before.
        A peer brings the batches; they are checked, routed and handled as the others are.
    event_loop : {"asyncio", "uvloop"}
    batch_size, topics : int
        Messages a batch, and topics, each with a handler.
    record_bytes : int
        Of each message; others than 64 of those kinds that `carries_records` names.
    simd : str, optional
        Variant that the kernels run as, in the producer too; the one that is chosen at import.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    event_loop: EventLoop
    batch_size: int = Field(10_000, ge=1, le=2**22)
    topics: int = Field(16, ge=1, le=65_536)
    record_bytes: int = Field(EVENT_BYTES, ge=8, le=65_536, multiple_of=8)
    simd: str | None = None

    @property
    def peer(self) -> Peer | None:
        """What brings the batches instead of a fabric of ours; None where one of those does."""
        return PEERS.get(self.kind)

    @property
    def fused(self) -> bool:
        """Whether sequences are compared in the router's own pass."""
        return self.kind == "shm-fused"

    @property
    def crossing(self) -> CrossingFabric | None:
        """What the events come by from a producer process; None without one."""
        if self.peer or not self.crosses:
            return None
        return cast(CrossingFabric, fabric_of_row(self.kind).name)

    @property
    def crosses(self) -> bool:
        """Whether the producer is a process of its own."""
        return fabric_of_row(self.kind).crosses

    @property
    def label(self) -> RowLabel:
        """Provenance label of the row's figures; of verbs, that of the device that is there."""
        if self.peer:
            return self.peer.label
        if self.kind == "mocked":
            return "simulated"
        return label_here(fabric_of_row(self.kind).name)


class Opened(NamedTuple):
    """A row that is ready to run.

    Attributes
    ----------
    move : Move
    seen : callable, optional
        Makes such a move whose releases are told to what it is given; None of rows whose batches
        are not released one by one.
    """

    move: Move
    seen: Callable[[Callable[[int], None]], Move] | None = None


@asynccontextmanager
async def opened(row: Row) -> AsyncIterator[Opened]:
    """Make ready all that a row needs; its producer's process ends with the context."""
    if row.kind == "naive":
        yield Opened(_naive(row))
    elif row.kind == "mocked":
        yield Opened(_mocked(row))
    elif row.kind in ("loopback", "asyncio-queue"):
        yield Opened(_in_process(row), partial(_in_process, row))
    elif row.peer:
        with _peer_crossing(row, row.peer) as opened_peer:
            yield opened_peer
    else:
        assert row.crossing
        sizes = row.batch_size, row.topics
        crossing = await Crossing.open(row.crossing, *sizes, record_bytes=row.record_bytes)
        move = partial(across, crossing, row.batch_size, row.topics, fused=row.fused)
        try:
            yield Opened(move(), move)
        finally:
            crossing.close()


@contextmanager
def _peer_crossing(row: Row, peer: Peer) -> Iterator[Opened]:
    from aethermodel.measure.transports.crossing import TransportCrossing

    size = (row.batch_size, row.topics)
    crossing = TransportCrossing.by(peer.transport, peer.label, *size)
    move = partial(across, crossing, *size)
    try:
        with crossing.watched():
            yield Opened(move(), move)
    finally:
        crossing.close()


def _in_process(row: Row, released: Callable[[int], None] | None = None) -> Move:
    pool, record = _pool_of(row), numbered_record(row.record_bytes)

    async def move(batches: int, interval_ns: int) -> Moved:
        tally = Tally()
        bus = tallied(tally, row.batch_size, row.topics, record=record)
        fabric = BatchesQueued(DEPTH) if row.peer else Loopback(DEPTH)
        lap = POOL * row.batch_size
        checked = Checked(fabric, batches, lap=lap, released=released, record=record)
        before = process_time()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(produce(fabric, pool, batches, interval_ns))
            await drain(bus, checked)
        spent = process_time() - before
        return moved(batches * row.batch_size, checked, bus, tally, spent, float("nan"))

    return move


def _pool_of(row: Row) -> list[Batch]:
    return numbered_pool(row.batch_size, row.topics, row.record_bytes)


def _mocked(row: Row) -> Move:
    # Here, as they bring SymPy: the other rows' processes do not wait for it.
    from aethermodel.measure.harness.handlers import mocked_core
    from aethermodel.published.specification import load_specification

    pool = _pool_of(row)
    core = mocked_core(load_specification())

    async def move(batches: int, interval_ns: int) -> Moved:
        fabric, tick_ns = Loopback(DEPTH), Histogram()
        checked = Checked(fabric, batches, lap=POOL * row.batch_size)
        before = process_time()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(produce(fabric, pool, batches, interval_ns))
            for _ in range(batches):
                batch = await checked.receive()
                start = now_ns()
                core(batch)
                tick_ns.record(now_ns() - start)
                checked.release()
                await asyncio.sleep(0)
        spent = process_time() - before
        seconds = (checked.ended_ns - checked.began_ns) / 1e9
        messages = batches * row.batch_size
        return Moved(messages, seconds, spent, float("nan"), checked.latency_ns, tick_ns)

    return move


def _naive(row: Row) -> Move:
    async def move(batches: int, interval_ns: int) -> Moved:
        latency_ns, before = Histogram(), process_time()
        # One message a turn: the interval of a batch is that of its messages together.
        messages = batches * row.batch_size
        seconds = await move_singly(messages, row.topics, interval_ns / row.batch_size, latency_ns)
        spent = process_time() - before
        return Moved(messages, seconds, spent, float("nan"), latency_ns, Histogram())

    return move
