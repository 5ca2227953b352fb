"""Spoiling proxy: passes a connection on over loopback, and spoils its bytes at one place."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from dataclasses import dataclass, field

#: What may be done to a stream of bytes at one place.
ACTS = ("nothing", "drip", "flip", "drop", "insert", "repeat", "swap", "cut", "reset")
_RESET = struct.pack("ii", 1, 0)
#: Seconds without a byte after which a spoiled connection is cut, and one that is not.
_IDLE_SPOILED, _IDLE, _LOOK = 0.15, 120.0, 0.05


@dataclass
class Spoiler:
    """One act upon the bytes of one direction.

    Parameters
    ----------
    act : str
        One of `ACTS`.
    place : int
        Bytes before it.
    span : int
        Bytes that it takes.
    whole : bool
        Whether it takes what was sent in one piece, and so often a whole frame, instead of a span.
    draw : random.Random

    Attributes
    ----------
    spoiled : bool
        Whether other bytes were passed on than came.
    cut : bool
        Whether to end the connection after these.
    """

    act: str = "nothing"
    place: int = 0
    span: int = 1
    whole: bool = False
    draw: random.Random = field(default_factory=random.Random)
    spoiled: bool = False
    cut: bool = False
    _passed: int = 0
    _held: bytes = b""
    _done: bool = False

    @property
    def holding(self) -> bool:
        """Whether bytes wait here for those that are to come before them."""
        return bool(self._held)

    def put(self, data: bytes) -> bytes:
        """Take bytes that came, and return those to pass on."""
        if self._done or self.act in ("nothing", "drip"):
            return data
        return self._put_piece(data) if self.whole else self._put_bytes(data)

    def end(self) -> bytes:
        """Return what is still held when no more comes."""
        held, self._held = self._held, b""
        return held

    def _put_bytes(self, data: bytes) -> bytes:
        data = self._held + data
        ahead = max(0, self.place - self._passed)
        before, self._held = data[:ahead], data[ahead:]
        self._passed += len(before)
        needed = 2 * self.span if self.act == "swap" else self.span
        if len(self._held) < needed:
            return before
        return before + self._change(self.end(), self.span)

    def _put_piece(self, data: bytes) -> bytes:
        self._passed += len(data)
        if self._passed <= self.place:
            return data
        if self.act == "swap" and not self._held:
            self._held = data
            return b""
        span = len(self._held) or len(data)
        return self._change(self.end() + data, span)

    def _change(self, data: bytes, span: int) -> bytes:
        self._done = True
        changed = self._act(data[:span], data[span:])
        self.spoiled = changed != data
        return changed

    def _act(self, head: bytes, tail: bytes) -> bytes:
        if self.act == "flip":
            bit = self.draw.randrange(8 * len(head))
            return (
                head[: bit // 8]
                + bytes([head[bit // 8] ^ 1 << bit % 8])
                + head[bit // 8 + 1 :]
                + tail
            )
        if self.act == "drop":
            return tail
        if self.act == "insert":
            return self.draw.randbytes(len(head)) + head + tail
        if self.act == "repeat":
            return head + head + tail
        if self.act == "swap":
            second = len(tail) if self.whole else len(head)
            return tail[:second] + head + tail[second:]
        self.cut = True  # cut or reset
        return b""


class Proxy:
    """Listens on loopback and passes each connection on to another port of this machine.

    Parameters
    ----------
    port : int
        Where to pass them on to.
    spoilers : list of (Spoiler, Spoiler)
        For the first connection, the second and so on: of what the caller says, and of what it is
        answered. Connections after these are passed on as they are.

    Attributes
    ----------
    port : int
        Where to connect.
    """

    def __init__(self, port: int, spoilers: list[tuple[Spoiler, Spoiler]]) -> None:
        self._there = port
        self._spoilers = spoilers
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=4)
        self._listening.setblocking(False)
        self.port: int = self._listening.getsockname()[1]
        self._moved = 0
        self._cut = False
        self._passing: set[asyncio.Task[None]] = set()

    @property
    def spoiled(self) -> bool:
        """Whether anything was passed on otherwise than it came, or held back until the end."""
        return self._cut or any(spoiler.spoiled for pair in self._spoilers for spoiler in pair)

    async def pass_on(self) -> None:
        """Take connections and pass them on, until cancelled; cut those that say nothing more."""
        loop = asyncio.get_running_loop()
        spoilers = iter(self._spoilers)
        cutting = loop.create_task(self._cut_idle())
        try:
            while True:
                here, _ = await loop.sock_accept(self._listening)
                pair = next(spoilers, (Spoiler(), Spoiler()))
                self._passing.add(loop.create_task(self._pass_one(here, *pair)))
        finally:
            for task in (cutting, *self._passing):
                task.cancel()
            await asyncio.gather(cutting, *self._passing, return_exceptions=True)

    async def all_over(self) -> None:
        """Wait until every connection is over."""
        if self._passing:
            await asyncio.wait(self._passing)

    async def _cut_idle(self) -> None:
        moved, quiet = -1, 0.0
        while True:
            quiet = 0.0 if moved != self._moved else quiet + _LOOK
            moved = self._moved
            holding = any(spoiler.holding for pair in self._spoilers for spoiler in pair)
            if quiet > (_IDLE_SPOILED if self.spoiled or holding else _IDLE):
                self._cut = self._cut or holding
                for task in self._passing:
                    task.cancel()
            await asyncio.sleep(_LOOK)

    def close(self) -> None:
        """Listen no more."""
        self._listening.close()

    async def _pass_one(self, here: socket.socket, forward: Spoiler, backward: Spoiler) -> None:
        loop = asyncio.get_running_loop()
        there = socket.socket()
        with here, there:
            for side in (here, there):
                side.setblocking(False)
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(there, ("127.0.0.1", self._there))
            pumps = [
                loop.create_task(self._pump(here, there, forward)),
                loop.create_task(self._pump(there, here, backward)),
            ]
            try:
                await asyncio.wait(pumps)
            finally:
                for task in pumps:
                    task.cancel()
                await asyncio.gather(*pumps, return_exceptions=True)
                if any(spoiler.cut and spoiler.act == "reset" for spoiler in (forward, backward)):
                    for side in (here, there):
                        with contextlib.suppress(OSError):
                            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    async def _pump(self, source: socket.socket, target: socket.socket, spoiler: Spoiler) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(source, 65_536):
                await self._send(target, spoiler.put(data), spoiler)
                if spoiler.cut:
                    if spoiler.act == "cut":
                        for side in (source, target):
                            side.shutdown(socket.SHUT_RDWR)
                    raise ConnectionAbortedError
            await self._send(target, spoiler.end(), spoiler)
            target.shutdown(socket.SHUT_WR)
        except OSError:
            # What one side cannot take any more the other need not say.
            with contextlib.suppress(OSError):
                source.shutdown(socket.SHUT_RD)
            with contextlib.suppress(OSError):
                target.shutdown(socket.SHUT_WR)

    async def _send(self, target: socket.socket, data: bytes, spoiler: Spoiler) -> None:
        loop = asyncio.get_running_loop()
        if spoiler.act == "drip":
            while data:
                size = spoiler.draw.randint(1, 90)
                await loop.sock_sendall(target, data[:size])
                data = data[size:]
                self._moved += 1
                await asyncio.sleep(0)
        elif data:
            await loop.sock_sendall(target, data)
        self._moved += 1
