"""Publisher of signals over ZeroMQ that waits until a subscriber has confirmed a batch."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import zmq
import zmq.asyncio

TOPIC = b"signals"
# A subscriber that is silent for so long is gone.
_SILENCE_MS = 20_000


class Publisher:
    """Both ends of a publisher: batches go out on one socket, confirmations come in on another."""

    def __init__(self, out: zmq.asyncio.Socket, confirmed: zmq.asyncio.Socket) -> None:
        self._out, self._confirmed = out, confirmed

    async def publish(self, signals: np.ndarray) -> int:
        """Publish a batch; return how many signals the subscriber confirms.

        Raises
        ------
        zmq.Again
            If it says nothing for 20 s.
        """
        await self._out.send_multipart([TOPIC, signals.data.cast("B")])
        return int.from_bytes(await self._confirmed.recv(), "little")


@asynccontextmanager
async def subscribed() -> AsyncIterator[Publisher]:
    """Start a subscriber in a process of its own, connected over TCP on loopback."""
    with zmq.asyncio.Context() as context:
        context.setsockopt(zmq.LINGER, 0)
        context.setsockopt(zmq.RCVTIMEO, _SILENCE_MS)
        out, confirmed = context.socket(zmq.XPUB), context.socket(zmq.PULL)
        ports = [socket.bind_to_random_port("tcp://127.0.0.1") for socket in (out, confirmed)]
        program = str(Path(__file__).with_name("quote_subscriber.py"))
        words = [sys.executable, program, *map(str, ports)]
        child = subprocess.Popen(words, stdin=subprocess.PIPE)
        assert child.stdin
        try:
            await out.recv()  # its subscription: nothing published before it would arrive
            yield Publisher(out, confirmed)
        finally:
            child.stdin.close()
            child.wait()
            out.close()
            confirmed.close()
