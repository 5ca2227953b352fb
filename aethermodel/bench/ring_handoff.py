"""Handoff latency: one batch from commit in one process to the consumer in another."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import select
import sys
from collections.abc import Callable
from multiprocessing import reduction
from multiprocessing.connection import Connection
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from aethermodel.measure.harness.event_loops import available_loops
from aethermodel.measure.harness.processes.child_processes import start, watched
from aethermodel.measure.host import affinity
from aethermodel.processes import ChildError
from cython_core import PeerDied, Ring, RingHandle, now_ns
from cython_core.ring.errors import RingError
from cython_core.ring.handle import Policy

# A consumer that is so late may be gone.
_LATE_NS = 100_000_000

# What disturbs the host comes and goes: each way has its turn so many times.
_ROUNDS = 3

Waiting = Literal[
    "spin",
    "wait",
    "asyncio",
    "uvloop",
    "asyncio spinning",
    "uvloop spinning",
    "kernel",
    "kernel epoll",
]
_ONE = (1).to_bytes(8, sys.byteorder)
_SPINNING: dict[str, Waiting] = {"asyncio": "asyncio spinning", "uvloop": "uvloop spinning"}


def handoff_latencies(batches: int) -> dict[str, dict[str, Any]]:
    """Time single handoffs, each batch alone, by every way of waiting.

    Parameters
    ----------
    batches : int
        Handoffs a way.

    Returns
    -------
    dict
        By way of waiting: ``p50_seconds``, ``p99_seconds``, ``batches``; and where the consumer
        is asleep ``over_kernel``, the median by that of the kernel's own wake-up, and of event
        loops ``over_kernel_epoll``, by that of a bare epoll: each of its calmest round.

    Raises
    ------
    ChildError
        If the other process dies.
    """
    affinity.take("loop")
    ways: list[Waiting] = ["kernel", "kernel epoll", "spin", "wait"]
    loops = available_loops()
    for loop in loops:
        ways += [loop, _SPINNING[loop]]
    rounds: dict[str, list[npt.NDArray[np.int64]]] = {way: [] for way in ways}
    each = -(-batches // _ROUNDS)
    for _ in range(_ROUNDS):
        for way in ways:
            try:
                rounds[way].append(handoff(each, waiting=way)[each // 10 :])
            except PeerDied as error:
                raise ChildError(f"one-way handoff, {way}: {error}") from None
    found: dict[str, dict[str, Any]] = {}
    calmest: dict[str, float] = {}
    for name, samples in rounds.items():
        p50, p99 = np.percentile(np.concatenate(samples) / 1e9, [50, 99])
        found[name] = {"p50_seconds": float(p50), "p99_seconds": float(p99), "batches": batches}
        calmest[name] = min(float(np.median(of_round)) for of_round in samples)
    for asleep in ("wait", *loops):
        found[asleep]["over_kernel"] = calmest[asleep] / calmest["kernel"]
        if asleep in loops:
            found[asleep]["over_kernel_epoll"] = calmest[asleep] / calmest["kernel epoll"]
    return found


def handoff(
    batches: int = 10_000,
    *,
    n: int = 1,
    waiting: Waiting = "spin",
    gap_ns: int = 20_000,
) -> npt.NDArray[np.int64]:
    """Time the one-way handoff of single batches between two processes.

    The producer reads the clock, commits and waits until the ring is empty again and
    `gap_ns` is over: each batch is alone, none queues behind another.

    Parameters
    ----------
    batches : int
        Samples.
    n : int
        Events a batch.
    waiting : str
        One of `Waiting`. How the consumer waits: without sleeping (``spin``), asleep until it is
        woken, or either of these by an event loop (spinning: for 50 µs, then asleep). ``kernel``:
        in a read of an eventfd that the producer writes itself, which is what the kernel's own
        wake-up takes. ``kernel epoll``: in an epoll that watches it, as an event loop is, and then
        read.
    gap_ns : int
        Pause between batches; long enough for a consumer that sleeps to fall asleep.

    Returns
    -------
    numpy.ndarray of int64, shape (batches,)
        Nanoseconds on the monotonic clock, from just before commit to just after peek,
        two clock readings from Python included.

    Raises
    ------
    PeerDied
        If the producer dies.
    """
    hear, tell = multiprocessing.Pipe(duplex=False)
    policy: Policy = "spin" if waiting == "spin" else "wait"
    if waiting.endswith("spinning"):
        policy = "spin-then-wait"
    wake = os.eventfd(0) if waiting.startswith("kernel") else -1
    capacity = max(1024, 1 << (n - 1).bit_length())
    with hear, contextlib.ExitStack() as stack:
        ring = stack.enter_context(Ring.create(capacity, role="consumer", policy=policy))
        if wake >= 0:
            stack.callback(os.close, wake)
        with tell, ring.handle() as handle:
            child = start(_commit, handle, batches, n, gap_ns, tell, Eventfd(wake))
        stack.callback(child.join)  # which ends when the ring does
        stack.callback(ring.abort)
        received = np.zeros(batches, dtype=np.int64)
        if wake >= 0:
            with watched(child):
                _read(ring, wake, received, polled=waiting == "kernel epoll")
        elif waiting in ("spin", "wait"):
            for i in range(batches):
                ring.peek()
                received[i] = now_ns()
                ring.release()
        else:
            with asyncio.Runner(loop_factory=_loop_factory(waiting)) as runner:
                runner.run(_receive(ring, received))
        try:
            committed: npt.NDArray[np.int64] = hear.recv()
        except EOFError:
            raise PeerDied("the producer died") from None
    return received - committed


class Eventfd:
    """An eventfd that goes to a child; pickled while that is started.

    Parameters
    ----------
    descriptor : int
        -1: there is none.
    """

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor

    def __reduce__(self) -> tuple[Callable[[Any], Eventfd], tuple[Any]]:
        return _received, (reduction.DupFd(self.descriptor) if self.descriptor >= 0 else None,)


def _received(duplicate: Any) -> Eventfd:
    return Eventfd(duplicate.detach() if duplicate else -1)


def _read(ring: Ring, wake: int, received: npt.NDArray[np.int64], *, polled: bool) -> None:
    with select.epoll() as epoll:
        if polled:  # else it would be told as well
            epoll.register(wake, select.EPOLLIN)
        for i in range(len(received)):
            if polled:
                epoll.poll()
            os.read(wake, 8)
            received[i] = now_ns()
            ring.peek()
            ring.release()


async def _receive(ring: Ring, received: npt.NDArray[np.int64]) -> None:
    i = 0
    async for _ in ring:
        received[i] = now_ns()
        i += 1


def _loop_factory(waiting: Waiting) -> Any:
    if waiting.startswith("asyncio"):
        return asyncio.new_event_loop
    import uvloop

    return uvloop.new_event_loop


def _commit(
    handle: RingHandle, batches: int, n: int, gap_ns: int, tell: Connection, wake: Eventfd
) -> None:
    committed = np.zeros(batches, dtype=np.int64)
    # A consumer that goes away early needs no samples, and hears no more.
    with contextlib.suppress(RingError, BrokenPipeError):
        with handle.attach(policy="spin") as ring:
            for i in range(batches):
                until = now_ns() + gap_ns
                while (now := now_ns()) < until or ring.available < ring.capacity:
                    if now > until + _LATE_NS and not ring.peer_alive:
                        return
                ring.reserve(n)["sequence"] = i
                if wake.descriptor >= 0:  # the batch only tells that it was read
                    ring.commit()
                    committed[i] = now_ns()
                    os.write(wake.descriptor, _ONE)
                else:
                    committed[i] = now_ns()
                    ring.commit()
        tell.send(committed)
