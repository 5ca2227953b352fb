"""Turns of a server under full load: answer a batch, gather the next, as the model is told to."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import numpy as np
from scoring_server import Batcher, Waiting, listening

CLIENT = str(Path(__file__).with_name("scoring_client.py"))
# A client that is silent for so long is gone.
_SILENCE_SECONDS = 20.0
#: In flight beside a batch: a client that sends at random must not let the server wait.
MORE = 128


class Turns:
    """A server whose batches are taken one by one, with more requests in flight than it takes."""

    def __init__(self, batcher: Batcher, client: Process) -> None:
        self._batcher, self._client = batcher, client
        self._taken: list[Waiting] = []
        self._size = 0
        self.scores: np.ndarray | None = None

    async def turn(self, count: int) -> list[bytes]:
        """Answer the batch before, and return the next one's requests."""
        if count != self._size:
            await self._resize(count)
        self._answer()
        self._taken = await self._batcher.take(count)
        return [one.body for one in self._taken]

    def _answer(self) -> None:
        scores, self.scores = self.scores, None
        if scores is None or len(scores) != len(self._taken):
            scores = np.full(len(self._taken), 0.5)
        self._batcher.answer(self._taken, scores.tolist())
        self._taken = []

    async def drain(self) -> None:
        """Answer all that waits."""
        self._answer()
        while len(self._batcher):
            waiting = await self._batcher.take(len(self._batcher))
            self._batcher.answer(waiting, [0.5] * len(waiting))
        await asyncio.sleep(0)

    async def _resize(self, count: int) -> None:
        """Bring the requests in flight to as many and some more, and take as many."""
        self._answer()
        assert self._client.stdin and self._client.stdout
        flying = count + MORE
        self._client.stdin.write(f"{flying}\n".encode())
        heard = asyncio.ensure_future(self._client.stdout.readline())
        async with asyncio.timeout(_SILENCE_SECONDS):
            while not heard.done():
                if len(self._batcher) > flying or self._size > count:
                    waiting = await self._batcher.take(1, 0.001) if len(self._batcher) else []
                    self._batcher.answer(waiting, [0.5] * len(waiting))
                await asyncio.sleep(0)
            while len(self._batcher) < flying:
                await asyncio.sleep(0)
        if not heard.result():
            raise ConnectionError("the client's process has ended")
        self._size = count
        self._taken = await self._batcher.take(count)


@contextmanager
def apart(client: int, server: int = 0) -> Iterator[None]:
    """Give a client a core that its server has not, as on two hosts; where there are two.

    Schedulers have both on one core for seconds, though the other is idle.

    Parameters
    ----------
    client, server : int
        Numbers of processes; 0 is this one.
    """
    cores = sorted(os.sched_getaffinity(server)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < 2:
        yield
        return
    os.sched_setaffinity(client, cores[-1:])
    os.sched_setaffinity(server, cores[:-1])
    try:
        yield
    finally:
        os.sched_setaffinity(server, cores)


@asynccontextmanager
async def under_load() -> AsyncIterator[Turns]:
    """Start the server here and a client in a process of its own."""
    batcher = Batcher()
    async with listening(batcher) as port:
        client = await asyncio.create_subprocess_exec(
            sys.executable, CLIENT, "hold", str(port), stdin=PIPE, stdout=PIPE
        )
        turns = Turns(batcher, client)
        try:
            with apart(client.pid):
                yield turns
        finally:
            client.terminate()
            await client.wait()
            await turns.drain()
