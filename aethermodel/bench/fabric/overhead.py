"""Overhead of a host: the same exchange within it, over loopback.

LogGP's o (A. Alexandrov and others, Journal of Parallel and Distributed Computing 44, 1997): what
an exchange takes where there is no wire. The rest of the latency between two hosts is the wire's.

While a batch is on a wire its sender returns from its call and begins to wait. So the two ends are
put on two cores here, where the one does that beside the other; on a single core it is timed, and
taken off.
"""

from __future__ import annotations

import os
import select
import socket
import statistics
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple, NoReturn

from aethermodel.bench.fabric.exchanges import Caller, answer
from aethermodel.bench.fabric.rounds import batches_of, uncollected
from aethermodel.order_statistics import median_interval
from cython_core import crc32c

# Exchanges of a figure, figures, and exchanges before them.
_EXCHANGES, _FIGURES, _WARM = 50, 10, 200
# Of the shortest round trips, as of NTP's filter.
_CALM = 0.05


def calm(trips: Sequence[float]) -> float:
    """Return the round trip of those that were held up least, but for what the clock may make."""
    return sorted(trips)[int(len(trips) * _CALM)]


class Overhead(NamedTuple):
    """Seconds one way of the smallest batch within a host, with their interval."""

    seconds: float
    low: float
    high: float

    @classmethod
    def measured(cls) -> Overhead:
        """Measure it, in a tenth of a second, with a fork at the other end: before any thread.

        Raises
        ------
        OSError
            If there is no loopback, as in a new network namespace.
        """
        near, far = _connected()
        allowed = os.sched_getaffinity(0)
        own, other = min(allowed), max(allowed)
        with far:
            child = os.fork()
            if not child:
                _answer_and_end(far, near, other)
        caller = Caller(near)
        try:
            os.sched_setaffinity(0, {own})
            turn = 0.0 if other != own else _turn_seconds(near)
            (batch,) = batches_of(()).values()
            for _ in range(_WARM):
                caller.exchange(batch)
            figures = []
            with uncollected():
                for _ in range(_FIGURES):
                    trips = [caller.exchange(batch).round_trip_ns for _ in range(_EXCHANGES)]
                    figures.append(max(calm(trips) / 2e9 - turn, 0.0))
        finally:
            os.sched_setaffinity(0, allowed)
            caller.close()
            os.waitpid(child, 0)
        return cls(statistics.median(figures), *median_interval(figures).ends)


def mean_overhead(one: Overhead | None, other: Overhead | None) -> Overhead | None:
    """Return that of a way between two hosts; None where one of them is not known."""
    if one is None or other is None:
        return None
    means = (sum(figures) / 2 for figures in zip(one, other, strict=True))
    return Overhead(*means)


def overhead_here() -> Overhead | None:
    """Measure this host's; None where it has no loopback."""
    try:
        return Overhead.measured()
    except OSError:
        return None


def _answer_and_end(far: socket.socket, near: socket.socket, core: int) -> NoReturn:
    """Be the other end, in a fork: it needs nothing but what is imported already."""
    with suppress(BaseException):
        near.close()
        os.sched_setaffinity(0, {core})
        answer(far)
    os._exit(0)


def _turn_seconds(connection: socket.socket) -> float:
    """Return what a side takes from the end of its sending until it waits."""
    waiting, nothing, taken = select.poll(), memoryview(b""), []
    waiting.register(connection, select.POLLIN)
    with uncollected():
        for _ in range(_WARM):
            start = time.monotonic_ns()
            crc32c(nothing)
            waiting.poll(0)
            taken.append(time.monotonic_ns() - start)
    return statistics.median(taken) / 1e9


def _connected() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a connection over loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname(), 5)
        try:
            while True:
                far, peer = listener.accept()
                if peer == near.getsockname():
                    break
                far.close()  # somebody else of this host
        except BaseException:
            near.close()
            raise
    for each in (near, far):
        each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return near, far
