"""Clients of the scoring server, in a process of their own.

``python scoring_client.py hold PORT``: each line of standard input says how many requests are to be
in flight, and comes back once they are. An answered one is sent again a random time later, as of
many users: what comes one by one costs the server more than what comes at once.

``carry PORT SERVER COUNT SECONDS``: with so many in flight, when each was answered, as JSON
(``at``). SERVER is the number of its process.

``poisson PORT SERVER RATE COUNT SEED``: requests at random times, whatever becomes of those before
them; as JSON, when each was due, the seconds from then to its answer (``taken``), and those by
which this client sent it late though a connection was free (``late``).

Both also say what others took of the cores of client and server meanwhile, as the kernel counts it:
``looks`` are when it was looked at and the seconds that were lost until then.

One loop over bare sockets: an event loop takes as long for a request as the server does, and then
it is the client that is measured.
"""

from __future__ import annotations

import json
import os
import random
import select
import socket
import sys
from collections import deque
from collections.abc import Iterator
from time import perf_counter

import numpy as np

from aethermodel.measure.host.run_queue import RunQueue
from aethermodel.measure.host.steal_and_switches import stolen_seconds

FEATURES, ANSWER_BYTES = 16, 8
_BODIES = 64
# Every one of them has a socket; more in flight than that have to wait. As many as the largest
# batch is calibrated with. With 512 in flight, whose buffers no cache holds, a request costs the
# server a seventh more: after a pause it never caught up, at a load that it carries before one.
_MOST_CONNECTIONS = 192
# Held requests are sent again faster than they are answered, and at once where so many are missing:
# the server always has enough of them.
_FASTER, _MISSING = 0.9, 96
# What is carried settles in this share of the time that is counted.
_SETTLING = 0.3
# Seconds between two looks at what others took: they cost the client a hundredth of that.
_LOOK_SECONDS = 2e-3


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


class Connections:
    """Sockets to the server, each with one request in flight at a time."""

    def __init__(self, port: int, count: int, seed: int) -> None:
        self._texts = requests(seed)
        self.poll = select.epoll()
        self._idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        self._flying: dict[int, tuple[socket.socket, int]] = {}
        self._rest: dict[int, bytes] = {}
        for one in self._idle:
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.poll.register(one.fileno(), select.EPOLLIN)

    def __len__(self) -> int:
        return len(self._flying)

    @property
    def free(self) -> bool:
        """Whether one has no request in flight."""
        return bool(self._idle)

    def send(self, which: int) -> None:
        """Send a request over a free one."""
        one = self._idle.pop()
        one.sendall(self._texts[which % _BODIES])
        self._flying[one.fileno()] = one, which

    def answered(self, wait: float = 0.0) -> Iterator[int | None]:
        """Yield which requests were answered; None for what is registered beside sockets."""
        for number, _ in self.poll.poll(wait):
            if number not in self._flying:
                yield None
                continue
            one, which = self._flying[number]
            data = one.recv(4096)
            if not data:
                raise SystemExit("the server has closed a connection")
            data = self._rest.pop(number, b"") + data
            if not is_whole(data):
                self._rest[number] = data
                continue
            del self._flying[number]
            self._idle.append(one)
            yield which


class Looks:
    """Looks at what others took of the cores of this process and of the server's.

    Attributes
    ----------
    taken : list of tuple of float
        When, and the seconds lost since the first one; empty where the kernel does not count.
    """

    def __init__(self, server: int) -> None:
        self._queue = RunQueue([server])
        self._usual = self._lost()
        self.taken: list[tuple[float, float]] = []
        self._next = 0.0

    def _lost(self) -> float:
        return self._queue.waited() + stolen_seconds()

    def look(self, now: float) -> None:
        """Look, where it is time to."""
        if now < self._next or not self._queue.counted:
            return
        self._next = now + _LOOK_SECONDS
        self.taken.append((now, self._lost() - self._usual))


def has_own_core(server: int) -> bool:
    """Whether this process runs on other cores than its server."""
    if not hasattr(os, "sched_getaffinity"):
        return False
    return os.sched_getaffinity(0).isdisjoint(os.sched_getaffinity(server))


class Held:
    """Requests of which as many as are wanted are in flight, sent again a random time later."""

    def __init__(self, port: int, server: int, seed: int = 0) -> None:
        self.connections = Connections(port, _MOST_CONNECTIONS, seed)
        self._server, self._alone = server, False
        self.wanted = self._sent = 0
        self._random = random.Random(seed)
        self.want(0)

    def want(self, count: int) -> None:
        """Have so many in flight, soon."""
        self.wanted = min(count, _MOST_CONNECTIONS)
        self._alone = has_own_core(self._server)
        self._answers: deque[float] = deque(maxlen=self.wanted + 2)
        self._due = 0.0

    def send(self) -> None:
        """Send what is due."""
        while (flying := len(self.connections)) < self.wanted:
            if flying >= self.wanted - _MISSING and self._due > perf_counter():
                break
            self.connections.send(self._sent)
            self._sent += 1
            if len(self._answers) == self._answers.maxlen:
                pace = (self._answers[-1] - self._answers[0]) / (len(self._answers) - 1)
                self._due = perf_counter() + self._random.expovariate(1 / (_FASTER * pace))

    def answered(self) -> Iterator[int | None]:
        """Wait for answers, or until one is due; yields as `Connections.answered` does."""
        # The kernel is asked again and again while one is due: a timer of it has a millisecond.
        # On a core of its own always: a client that sleeps has the server pay for waking it.
        missing = len(self.connections) < self.wanted
        polls = missing or (self._alone and self.wanted > 0)
        for which in self.connections.answered(0.0 if polls else -1):
            if which is not None:
                self._answers.append(perf_counter())
            yield which


def hold(port: int) -> None:
    """Keep as many requests in flight as standard input says."""
    held, line = Held(port, os.getppid()), ""
    held.connections.poll.register(sys.stdin.fileno(), select.EPOLLIN)
    while True:
        held.send()
        if line and len(held.connections) == held.wanted:
            sys.stdout.write(line)
            sys.stdout.flush()
            line = ""
        for which in held.answered():
            if which is not None:
                continue
            if not (line := sys.stdin.readline()):
                return
            held.want(int(line))


Found = dict[str, list[float] | list[tuple[float, float]]]


def carried(port: int, server: int, flying: int, seconds: float) -> Found:
    """Return when requests were answered while so many are held in flight."""
    held, looks = Held(port, server), Looks(server)
    at: list[float] = []
    held.want(flying)
    begin = perf_counter() + _SETTLING * seconds
    while (now := perf_counter()) < begin + seconds:
        held.send()
        fresh = len([*held.answered()])
        if now > begin:
            looks.look(now)
            at += [now] * fresh
    return {"at": at, "looks": looks.taken}


def poisson(port: int, server: int, rate: float, count: int, seed: int) -> Found:
    """Send requests at random times; return the seconds from when each was due."""
    connections, looks = Connections(port, _MOST_CONNECTIONS, seed), Looks(server)
    late, taken = [0.0] * count, [0.0] * count
    gaps = np.random.default_rng(seed).exponential(1 / rate, count)
    due = (perf_counter() + 0.1 + gaps.cumsum()).tolist()
    sent = answered = 0
    free_since = 0.0
    while answered < count:
        now = perf_counter()
        looks.look(now)
        # An open loop without a free socket waits for one.
        while sent < count and due[sent] <= now and connections.free:
            connections.send(sent)
            late[sent] = perf_counter() - max(due[sent], free_since)
            sent += 1
        full = not connections.free
        for which in connections.answered():
            assert which is not None
            now = perf_counter()
            taken[which] = now - due[which]
            if full:
                full, free_since = False, now
            answered += 1
    return {"due": due, "late": late, "taken": taken, "looks": looks.taken}


def main(words: list[str]) -> None:
    """Run what the command line says."""
    if words[0] == "hold":
        hold(int(words[1]))
        return
    if words[0] == "carry":
        port, server, flying, seconds = int(words[1]), int(words[2]), int(words[3]), float(words[4])
        sys.stdout.write(json.dumps(carried(port, server, flying, seconds)))
        return
    port, server, rate, count, seed = (
        int(words[1]), int(words[2]), float(words[3]), int(words[4]), int(words[5])
    )  # fmt: skip
    sys.stdout.write(json.dumps(poisson(port, server, rate, count, seed)))


if __name__ == "__main__":
    main(sys.argv[1:])
