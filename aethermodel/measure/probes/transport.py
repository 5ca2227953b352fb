"""Transport probe: batches from one process to another, every event routed."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from pydantic import field_validator, model_validator

from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.measure.harness.batch_pool import make_pool
from aethermodel.measure.harness.processes.child_processes import end, hear, lost, start, watched
from aethermodel.measure.probes.settings import RecordSettings, setting
from aethermodel.measure.transports import TRANSPORTS, Transport
from cython_core import PeerDied, Routed, now_ns, route
from cython_core.probes.bandwidth import time_read

_PARTING_SECONDS = 2.0
# Bytes of the smallest standard record that has a sequence.
_LEAST_NUMBERED = 24


class Settings(RecordSettings):
    """By which transport; ``none`` routes the same pool within one process.

    Attributes
    ----------
    transport : str
    routed : bool
        Else the consumer only reads a word of every event: what fetching the lines costs,
        from where the producer left them.
    """

    transport: str = setting(..., f"by what: {' | '.join(TRANSPORTS)} | none, in one process")
    routed: bool = setting(True, "the consumer routes every event, else it only reads a word")

    @field_validator("transport")
    @classmethod
    def _known(cls, transport: str) -> str:
        if transport != "none" and transport not in TRANSPORTS:
            raise ValueError(f"no transport {transport!r}; there are {', '.join(TRANSPORTS)}")
        return transport

    @model_validator(mode="after")
    def _carries_them(self) -> Settings:
        if self.record_bytes == EVENT_BYTES:
            return self
        if self.record_bytes < _LEAST_NUMBERED:
            raise ValueError(f"records of {_LEAST_NUMBERED} bytes or more have a number to check")
        if self.transport != "none" and not TRANSPORTS[self.transport].any_record:
            raise ValueError(f"{self.transport} carries events of 64 bytes here, no other records")
        return self


class OutOfOrderError(RuntimeError):
    """A batch was lost, doubled or damaged on its way."""


def prepare(settings: Settings) -> Callable[[int], float]:
    """Time from the producer's first send until the consumer verified the last batch.

    The producer numbers each batch in its first event; the consumer routes all events
    and checks the number and topic 0's total.
    """
    pool = _pool(settings)
    out = Routed(settings.batch_size, settings.topics)
    expected = [float(route(batch, settings.topics, out=out).total[0]) for batch in pool]

    def verify(batch: Any, i: int) -> None:
        route(batch, settings.topics, out=out)
        if batch["sequence"][0] != i or out.total[0] != expected[i % len(pool)]:
            raise OutOfOrderError(f"batch {i} arrived as {batch['sequence'][0]}, or damaged")

    def look(batch: Any, i: int) -> None:
        time_read([batch], 1)
        if batch["sequence"][0] != i:
            raise OutOfOrderError(f"batch {i} arrived as {batch['sequence'][0]}")

    take = verify if settings.routed else look

    if settings.transport == "none":
        return _within_one_process(pool, take)
    kind = TRANSPORTS[settings.transport]
    sizes = (settings.batch_size, settings.record_bytes)
    transport = kind(*sizes[: 1 + kind.any_record])
    ours, theirs = Pipe()
    with theirs:
        child = start(_produce, settings, transport.handle(), theirs)

    def timed(loops: int) -> float:
        try:
            ours.send(loops)
        except BrokenPipeError:
            raise lost(child) from None
        # Not every transport tells of its peer's death.
        try:
            with watched(child):
                for i in range(loops):
                    take(transport.receive(), i)
                    transport.release()
                ended = now_ns()
        except (PeerDied, EOFError):
            raise lost(child) from None
        began: int = hear(ours, child)
        return (ended - began) / 1e9

    # The producer ends when its pipe does; then the transport lets go.
    weakref.finalize(timed, _finish, ours, child, transport)
    hear(ours, child)  # it has joined
    transport.joined()
    return timed


def _pool(settings: Settings) -> list[Any]:
    sizes = (settings.batch_size, settings.topics, settings.pool)
    return make_pool(*sizes, record_bytes=settings.record_bytes)


def _within_one_process(
    pool: list[Any], verify: Callable[[Any, int], None]
) -> Callable[[int], float]:
    def timed(loops: int) -> float:
        began = now_ns()
        for i in range(loops):
            batch = pool[i % len(pool)]
            batch["sequence"][0] = i
            verify(batch, i)
        return (now_ns() - began) / 1e9

    return timed


def _finish(orders: Connection, child: BaseProcess, transport: Transport) -> None:
    orders.close()
    end(child, _PARTING_SECONDS)  # in the middle of a sample it waits for who takes nothing more
    transport.close()


def _produce(settings: Settings, handle: Any, orders: Connection) -> None:
    sender = TRANSPORTS[settings.transport].join(handle)
    pool = _pool(settings)
    first = [batch["sequence"][:1] for batch in pool]
    orders.send("joined")
    try:
        while True:
            loops = orders.recv()
            began = now_ns()
            for i in range(loops):
                at = i % len(pool)
                first[at][0] = i
                sender.send(pool[at])
            orders.send(began)
    except EOFError:
        sender.close()
