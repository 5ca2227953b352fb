"""Scoring server: HTTP requests, gathered so that one call of the model answers many.

``python scoring_server.py BATCH WAIT``: at most so many requests by one call, the oldest of which
waited at most so many seconds. It writes its port, and ends with its standard input.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from aiohttp import web
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

FEATURES, TREES, ROWS = 16, 30, 1000
# A turn reads the sockets, one runs the handlers, one brings their requests here.
_TURNS = 3
Score = Callable[[Sequence[bytes]], np.ndarray]


@cache
def trained() -> RandomForestClassifier:
    """Return the model: a forest, trained on data that is made from a seed."""
    features, classes = make_classification(ROWS, FEATURES, random_state=1)
    return RandomForestClassifier(TREES, max_depth=6, random_state=1).fit(features, classes)


def score(bodies: Sequence[bytes]) -> np.ndarray:
    """Return the probability for each request, a JSON list of features."""
    rows = np.array([json.loads(body) for body in bodies], np.float32)
    return trained().predict_proba(rows)[:, 1]


@dataclass
class Waiting:
    """A request that waits for its score."""

    body: bytes
    since: float
    score: asyncio.Future[float]


@dataclass
class Batcher:
    """Requests that wait, taken in batches."""

    _queue: deque[Waiting] = field(default_factory=deque)
    _least: int = 0
    _enough: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._queue)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request once its batch was scored."""
        body = await request.read()
        loop = asyncio.get_running_loop()
        waiting = Waiting(body, loop.time(), loop.create_future())
        self._queue.append(waiting)
        if len(self._queue) >= self._least:
            self._go_on()
        return web.Response(text=f"{await waiting.score:.6f}")

    async def take(self, most: int, wait: float = float("inf")) -> list[Waiting]:
        """Return the requests that wait: `most`, or as many as came while the oldest waited.

        Parameters
        ----------
        most : int
        wait : float
            Seconds.
        """
        for _ in range(_TURNS):  # the batch before is answered, and what has come is read
            await asyncio.sleep(0)
        if len(self._queue) < most:
            await self._until(1)
            left = self._queue[0].since + wait - asyncio.get_running_loop().time()
            if left > 0:
                await self._until(most, left)
        return [self._queue.popleft() for _ in range(min(most, len(self._queue)))]

    async def _until(self, least: int, seconds: float = float("inf")) -> None:
        if len(self._queue) >= least:
            return
        loop = asyncio.get_running_loop()
        self._least, self._enough = least, loop.create_future()
        timer = loop.call_later(seconds, self._go_on) if seconds < float("inf") else None
        try:
            await self._enough
        finally:
            if timer:
                timer.cancel()

    def _go_on(self) -> None:
        if self._enough and not self._enough.done():
            self._enough.set_result(None)

    @staticmethod
    def answer(batch: Sequence[Waiting], scores: Sequence[float]) -> None:
        """Give each request of a batch its score."""
        for waiting, value in zip(batch, scores, strict=True):
            if not waiting.score.done():  # its client may have gone
                waiting.score.set_result(value)

    async def serve(self, batch: int, wait: float, score: Score = score) -> None:
        """Answer requests for ever, at most so many by one call of the model."""
        while True:
            taken = await self.take(batch, wait)
            self.answer(taken, score([one.body for one in taken]).tolist())


@asynccontextmanager
async def listening(batcher: Batcher) -> AsyncIterator[int]:
    """Listen on a free port of loopback, which is yielded."""
    application = web.Application()
    application.router.add_post("/score", batcher.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0, backlog=1024)
        await site.start()
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def main(batch: int, wait: float) -> None:
    """Serve until standard input ends."""
    batcher, loop = Batcher(), asyncio.get_running_loop()
    trained()
    async with listening(batcher) as port:
        gc.freeze()  # a full collection would look at all of the libraries, and take 65 ms
        serving = asyncio.create_task(batcher.serve(batch, wait))
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        ended = loop.run_in_executor(None, sys.stdin.read)
        await asyncio.wait([serving, ended], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            serving.result()
        serving.cancel()


if __name__ == "__main__":
    import uvloop

    uvloop.run(main(int(sys.argv[1]), float(sys.argv[2])))
