"""Clients of the scoring server, in a process of their own.

``python scoring_client.py hold PORT``: each line of standard input says how many requests are to be
in flight; the line comes back once they are. ``python scoring_client.py poisson PORT RATE COUNT
SEED``: requests at random times, whatever becomes of those before them; as JSON, the seconds of
each from when it was due to its answer (``taken``), and those by which this client sent it late
though a connection was free (``late``).
"""

from __future__ import annotations

import asyncio
import json
import select
import socket
import sys
from collections.abc import Callable
from time import perf_counter

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


def is_whole(answer: bytes) -> bool:
    """Whether all of an answer has come."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if len(body) < ANSWER_BYTES:
        return False
    if not head.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"the server answered {head.splitlines()[0]!r}")
    return True


class Connection(asyncio.Protocol):
    """A connection with one request in flight at a time."""

    def __init__(self, answered: Callable[[Connection], None]) -> None:
        self._answered, self._rest = answered, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep it to write to."""
        assert isinstance(transport, asyncio.WriteTransport)
        self.write = transport.write

    def data_received(self, data: bytes) -> None:
        """See whether the answer is whole."""
        self._rest += data
        if is_whole(self._rest):
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


def poisson(port: int, rate: float, count: int, seed: int) -> dict[str, list[float]]:
    """Send requests at random times; return the seconds from when each was due.

    One loop over bare sockets: an event loop takes as long for a request as the server does, and
    then it is the client that is measured.
    """
    texts = requests(seed)
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(_MOST_CONNECTIONS)]
    poll = select.epoll()
    flying: dict[int, tuple[socket.socket, int]] = {}
    rest: dict[int, bytes] = {}
    for one in idle:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        poll.register(one.fileno(), select.EPOLLIN)
    late, taken = [0.0] * count, [0.0] * count
    gaps = np.random.default_rng(seed).exponential(1 / rate, count)
    due = (perf_counter() + 0.1 + gaps.cumsum()).tolist()
    sent = answered = 0
    free_since = 0.0
    while answered < count:
        now = perf_counter()
        # An open loop without a free socket waits for one.
        while sent < count and due[sent] <= now and idle:
            one = idle.pop()
            one.sendall(texts[sent % _BODIES])
            late[sent] = perf_counter() - max(due[sent], free_since)
            flying[one.fileno()] = one, sent
            sent += 1
        # The kernel is asked again and again: a timer of it has a millisecond.
        for number, _ in poll.poll(0):
            one, which = flying[number]
            data = one.recv(4096)
            if not data:
                raise SystemExit("the server has closed a connection")
            data = rest.pop(number, b"") + data
            if not is_whole(data):
                rest[number] = data
                continue
            now = perf_counter()
            taken[which] = now - due[which]
            if not idle:
                free_since = now
            idle.append(one)
            answered += 1
    return {"late": late, "taken": taken}


def main(words: list[str]) -> None:
    """Run what the command line says."""
    if words[0] == "hold":
        asyncio.run(hold(int(words[1])))
        return
    port, rate, count, seed = int(words[1]), float(words[2]), int(words[3]), int(words[4])
    sys.stdout.write(json.dumps(poisson(port, rate, count, seed)))


if __name__ == "__main__":
    main(sys.argv[1:])
