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
_IDLE_SPOILED, _IDLE = 0.3, 10.0


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
    forward, backward : Spoiler
        For what the caller says, and what it is answered.

    Attributes
    ----------
    port : int
        Where to connect.
    idle : bool
        Whether a connection was cut because nothing was said.
    """

    def __init__(self, port: int, forward: Spoiler, backward: Spoiler) -> None:
        self._there = port
        self._forward, self._backward = forward, backward
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=1)
        self._listening.setblocking(False)
        self.port: int = self._listening.getsockname()[1]
        self.idle = False
        self._moved = 0

    @property
    def spoiled(self) -> bool:
        """Whether anything was passed on otherwise than it came."""
        return self._forward.spoiled or self._backward.spoiled

    async def pass_on(self) -> None:
        """Take one connection and pass it on until both sides, or an act, have ended it."""
        loop = asyncio.get_running_loop()
        here, _ = await loop.sock_accept(self._listening)
        there = socket.socket()
        with here, there:
            for side in (here, there):
                side.setblocking(False)
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(there, ("127.0.0.1", self._there))
            pumps = [
                loop.create_task(self._pump(here, there, self._forward)),
                loop.create_task(self._pump(there, here, self._backward)),
            ]
            watch = loop.create_task(self._watch(pumps))
            try:
                await asyncio.wait(pumps)
            finally:
                for task in (*pumps, watch):
                    task.cancel()
                await asyncio.gather(*pumps, watch, return_exceptions=True)
                if "reset" in (self._forward.act, self._backward.act) and self.spoiled:
                    for side in (here, there):
                        with contextlib.suppress(OSError):
                            side.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)

    def close(self) -> None:
        """Listen no more."""
        self._listening.close()

    async def _watch(self, pumps: list[asyncio.Task[None]]) -> None:
        moved, quiet = -1, 0.0
        while quiet < (_IDLE_SPOILED if self.spoiled else _IDLE):
            quiet = 0.0 if moved != self._moved else quiet + 0.1
            moved = self._moved
            await asyncio.sleep(0.1)
        self.idle = True
        for pump in pumps:
            pump.cancel()

    async def _pump(self, source: socket.socket, target: socket.socket, spoiler: Spoiler) -> None:
        loop = asyncio.get_running_loop()
        try:
            while data := await loop.sock_recv(source, 65_536):
                await self._send(target, spoiler.put(data), spoiler)
                if spoiler.cut:
                    for side in (source, target):
                        side.shutdown(socket.SHUT_RDWR)
                    return
            await self._send(target, spoiler.end(), spoiler)
            target.shutdown(socket.SHUT_WR)
        except OSError:
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
