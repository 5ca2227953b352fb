"""How long one batch takes from commit in one process to peek in another."""

import asyncio
import multiprocessing
from multiprocessing.connection import Connection
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from cython_core.ring import Ring
from cython_core.ring_handoff import Policy, RingHandle
from cython_core.timing import now_ns

Waiting = Literal["spin", "wait", "asyncio", "uvloop", "asyncio spinning", "uvloop spinning"]


def handoff(
    batches: int = 10_000, *, n: int = 1, waiting: Waiting = "spin", gap_ns: int = 20_000
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
    waiting : {"spin", "wait", "asyncio", "uvloop", "asyncio spinning", "uvloop spinning"}
        How the consumer waits: without sleeping, asleep until its eventfd is written, or either
        of these by an event loop (spinning: for 50 us, then asleep).
    gap_ns : int
        Pause between batches; long enough for a consumer that sleeps to fall asleep.

    Returns
    -------
    numpy.ndarray of int64, shape (batches,)
        Nanoseconds on the monotonic clock, from just before commit to just after peek,
        two clock readings from Python included.
    """
    hear, tell = multiprocessing.Pipe(duplex=False)
    policy: Policy = "spin" if waiting == "spin" else "wait"
    if waiting.endswith("spinning"):
        policy = "spin-then-wait"
    capacity = max(1024, 1 << (n - 1).bit_length())
    with Ring.create(capacity, role="consumer", policy=policy) as ring:
        with ring.handle() as handle:
            child = multiprocessing.get_context("spawn").Process(
                target=_commit, args=(handle, batches, n, gap_ns, tell)
            )
            child.start()
        received = np.zeros(batches, dtype=np.int64)
        if waiting in ("spin", "wait"):
            for i in range(batches):
                ring.peek()
                received[i] = now_ns()
                ring.release()
        else:
            with asyncio.Runner(loop_factory=_loop_factory(waiting)) as runner:
                runner.run(_receive(ring, received))
        committed: npt.NDArray[np.int64] = hear.recv()
        child.join()
    return received - committed


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


def _commit(handle: RingHandle, batches: int, n: int, gap_ns: int, tell: Connection) -> None:
    committed = np.zeros(batches, dtype=np.int64)
    with handle.attach(policy="spin") as ring:
        for i in range(batches):
            until = now_ns() + gap_ns
            while now_ns() < until or ring.available < ring.capacity:
                pass
            ring.reserve(n)["sequence"] = i
            committed[i] = now_ns()
            ring.commit()
    tell.send(committed)
