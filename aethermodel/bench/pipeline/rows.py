"""Rows of the pipeline benchmark: the same messages, moved in seven ways."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from time import process_time
from typing import Literal, NamedTuple, cast, get_args

from pydantic import BaseModel, ConfigDict, Field

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.fabrics import FABRICS, CrossingFabric, Fabric, FabricKind
from aethermodel.labels import FabricLabel
from aethermodel.measure.harness.asyncio_queue import move_singly
from aethermodel.measure.harness.bus_run import Move, Moved, across, drain, moved, tallied
from aethermodel.measure.harness.event_loops import EventLoop
from aethermodel.measure.harness.handlers import Tally
from aethermodel.measure.harness.processes.producer_process import Crossing
from aethermodel.measure.harness.producer_task import DEPTH, POOL, numbered_pool, produce
from aethermodel.measure.harness.receivers import Checked
from aethermodel.measure.host.rdma_devices import label_here
from cython_core import Histogram, now_ns, rdma_available

Kind = Literal["naive", "mocked", "loopback", "shm", "shm-fused", "tcp", "verbs"]
KINDS: tuple[Kind, ...] = get_args(Kind)
# The fabric of each row that is not called as its fabric is.
_FABRICS: dict[str, Fabric] = {"naive": "loopback", "mocked": "loopback", "shm-fused": "shm"}


def fabric_of_row(kind: Kind) -> FabricKind:
    """Return the fabric that a row's batches move over."""
    return FABRICS[cast(Fabric, _FABRICS.get(kind, kind))]


def available_kinds() -> tuple[Kind, ...]:
    """Return the rows that this host can run: some need a device."""
    device, _ = rdma_available()
    return tuple(kind for kind in KINDS if device or not fabric_of_row(kind).needs_device)


class Row(BaseModel):
    """One row.

    Attributes
    ----------
    kind : {"naive", "mocked", "loopback", "shm", "shm-fused", "tcp", "verbs"}
        One message at a time through an asyncio.Queue; the specification's mocked core;
        the real core in one process; the same from another process by ring, by TCP or by verbs.
        ``shm-fused``: by ring, with sequences compared as events are routed and not before.
    event_loop : {"asyncio", "uvloop"}
    batch_size, topics : int
        Messages a batch, and topics, each with a handler.
    simd : str, optional
        Variant that the kernels run as, in the producer too; the one that is chosen at import.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    event_loop: EventLoop
    batch_size: int = Field(10_000, ge=1, le=2**22)
    topics: int = Field(16, ge=1, le=65_536)
    simd: str | None = None

    @property
    def fused(self) -> bool:
        """Whether sequences are compared in the router's own pass."""
        return self.kind == "shm-fused"

    @property
    def crossing(self) -> CrossingFabric | None:
        """What the events come by from a producer process; None without one."""
        return cast(CrossingFabric, fabric_of_row(self.kind).name) if self.crosses else None

    @property
    def crosses(self) -> bool:
        """Whether the producer is a process of its own."""
        return fabric_of_row(self.kind).crosses

    @property
    def label(self) -> FabricLabel:
        """Provenance label of the row's figures; of verbs, that of the device that is there."""
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
    elif row.kind == "loopback":
        yield Opened(_in_process(row), partial(_in_process, row))
    else:
        assert row.crossing
        crossing = await Crossing.open(row.crossing, row.batch_size, row.topics)
        move = partial(across, crossing, row.batch_size, row.topics, fused=row.fused)
        try:
            yield Opened(move(), move)
        finally:
            crossing.close()


def _in_process(row: Row, released: Callable[[int], None] | None = None) -> Move:
    pool = numbered_pool(row.batch_size, row.topics)

    async def move(batches: int, interval_ns: int) -> Moved:
        tally = Tally()
        bus, fabric = tallied(tally, row.batch_size, row.topics), Loopback(DEPTH)
        checked = Checked(fabric, batches, lap=POOL * row.batch_size, released=released)
        before = process_time()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(produce(fabric, pool, batches, interval_ns))
            await drain(bus, checked)
        spent = process_time() - before
        return moved(batches * row.batch_size, checked, bus, tally, spent, float("nan"))

    return move


def _mocked(row: Row) -> Move:
    # Here, as they bring SymPy: the other rows' processes do not wait for it.
    from aethermodel.measure.harness.handlers import mocked_core
    from aethermodel.published.specification import load_specification

    pool = numbered_pool(row.batch_size, row.topics)
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
