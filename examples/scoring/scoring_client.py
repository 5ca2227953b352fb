"""Clients of the scoring server, in a process of their own.

``python scoring_client.py hold PORT``: each line of standard input says how many requests are to be
in flight; the line comes back once they are. ``python scoring_client.py poisson PORT RATE COUNT
SEED``: requests at random times, whatever becomes of those before them; seconds from the time that
each was due to its answer, as a JSON list.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Callable

import numpy as np

FEATURES, ANSWER_BYTES = 16, 8
_BODIES = 64
# Every one of them has a socket; more in flight than that have to wait.
_MOST_CONNECTIONS = 512


def requests(seed: int) -> list[bytes]:
    """Return requests as they go over the wire."""
    rows = np.random.default_rng(seed).normal(size=(_BODIES, FEATURES)).round(4).tolist()
    bodies = [json.dumps(row).encode() for row in rows]
    head = "POST /score HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    return [f"{head}Content-Length: {len(b)}\r\n\r\n".encode() + b for b in bodies]


class Connection(asyncio.Protocol):
    """A connection with one request in flight at a time."""

    def __init__(self, answered: Callable[[Connection], None]) -> None:
        self._answered, self._rest = answered, b""
        self.due = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it to write to."""
        assert isinstance(transport, asyncio.WriteTransport)
        self.write = transport.write

    def data_received(self, data: bytes) -> None:
        """See whether the answer is whole."""
        self._rest += data
        head, _, body = self._rest.partition(b"\r\n\r\n")
        if len(body) >= ANSWER_BYTES:
            if not head.startswith(b"HTTP/1.1 200"):
                raise SystemExit(f"the server answered {head.splitlines()[0]!r}")
            self._rest = b""
            self._answered(self)

    def connection_lost(self, error: Exception | None) -> None:
        """End with the server."""
        asyncio.get_running_loop().stop()


async def connect(port: int, answered: Callable[[Connection], None]) -> Connection:
    """Return a new connection."""
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(lambda: Connection(answered), "127.0.0.1", port)
    return made


async def hold(port: int) -> None:
    """Keep as many requests in flight as standard input says."""
    loop = asyncio.get_running_loop()
    words, idle = asyncio.StreamReader(), list[Connection]()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(words), sys.stdin)
    texts = requests(0)
    wanted = flying = sent = 0
    settled = asyncio.Event()

    def answered(connection: Connection) -> None:
        nonlocal flying, sent
        if flying > wanted:
            flying -= 1
            idle.append(connection)
            if flying == wanted:
                settled.set()
            return
        sent += 1
        connection.write(texts[sent % _BODIES])

    while line := await words.readline():
        wanted = int(line)
        settled.clear()
        while flying < wanted:
            connection = idle.pop() if idle else await connect(port, answered)
            flying += 1
            connection.write(texts[flying % _BODIES])
        if flying > wanted:
            await settled.wait()
        sys.stdout.write(line.decode())
        sys.stdout.flush()


async def poisson(port: int, rate: float, count: int, seed: int) -> list[float]:
    """Send requests at random times; return the seconds that each took from when it was due."""
    loop = asyncio.get_running_loop()
    idle, taken, texts = list[Connection](), list[float](), requests(seed)

    def answered(connection: Connection) -> None:
        taken.append(loop.time() - connection.due)
        idle.append(connection)

    idle += [await connect(port, answered) for _ in range(_MOST_CONNECTIONS)]
    due = loop.time() + 0.1 + np.random.default_rng(seed).exponential(1 / rate, count).cumsum()
    for index, at in enumerate(due.tolist()):
        # A timer has milliseconds; and an open loop without a free socket waits for one.
        while loop.time() < at or not idle:
            await asyncio.sleep(0)
        connection = idle.pop()
        connection.due = at
        connection.write(texts[index % _BODIES])
    while len(taken) < count:
        await asyncio.sleep(0.001)
    return taken


def main(words: list[str]) -> None:
    """Run what the command line says."""
    if words[0] == "hold":
        asyncio.run(hold(int(words[1])))
        return
    port, rate, count, seed = int(words[1]), float(words[2]), int(words[3]), int(words[4])
    sys.stdout.write(json.dumps(asyncio.run(poisson(port, rate, count, seed))))


if __name__ == "__main__":
    main(sys.argv[1:])
