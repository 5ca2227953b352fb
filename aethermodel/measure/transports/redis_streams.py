"""Redis Streams transport: one entry a batch, by a server on a Unix socket that keeps nothing."""

from __future__ import annotations

import subprocess
from collections import deque
from pathlib import Path
from shutil import rmtree, which
from tempfile import mkdtemp
from time import monotonic, sleep
from typing import Any

from aethermodel.measure.transports.protocol import (
    DEPTH,
    Batch,
    Sender,
    Transport,
    as_bytes,
    as_events,
)

_STREAM, _ROOM, _FIELD = "batches", "room", b"events"
# The producer waits, and the consumer gives back, so many at once.
_GROUP = DEPTH // 2
_START_SECONDS = 30.0
_LOOK_MS = 1000
# The server ends with whoever started it, however that ends: its standard input closes.
_WITH_STDIN = '"$@" </dev/null >/dev/null & read -r _; kill $!; wait'


def _client(path: str) -> Any:
    import redis

    return redis.Redis(unix_socket_path=path)


class _RedisSender(Sender):
    def __init__(self, path: str) -> None:
        self._client = _client(path)
        self._sent = 0

    def send(self, batch: Batch) -> None:
        if self._sent >= 2 * _GROUP and self._sent % _GROUP == 0:
            self._client.blpop(_ROOM)
        self._client.xadd(_STREAM, {_FIELD: as_bytes(batch)})
        self._sent += 1

    def close(self) -> None:
        self._client.close()


class RedisStreams(Transport):
    """Redis Streams: as many entries a reading as are there, given back in groups."""

    name = "Redis Streams"
    form = "XADD, one entry a batch, over a Unix socket; XREAD of all that wait; blocking"

    def __init__(self, batch_size: int) -> None:
        super().__init__(batch_size)
        program = which("redis-server")
        if program is None:
            raise ImportError("redis-server is not installed", name="redis-server")
        # In a folder that only this user may enter: the socket has no other guard.
        self._folder = mkdtemp(prefix="aethermodel-")
        self._path = str(Path(self._folder) / "redis.sock")
        words = ["--port", "0", "--unixsocket", self._path, "--dir", self._folder, "--save", ""]
        self._server = subprocess.Popen(
            ["sh", "-c", _WITH_STDIN, "sh", program, *words], stdin=subprocess.PIPE
        )
        self._client = _client(self._path)
        self._last: Any = "0"
        self._came: deque[Any] = deque()
        self._released = 0
        try:
            self._wait_for_server()
        except BaseException:
            self.close()
            raise

    def _wait_for_server(self) -> None:
        import redis

        deadline = monotonic() + _START_SECONDS
        while True:
            try:
                self._client.ping()
                return
            except redis.ConnectionError:
                if self._server.poll() is not None or monotonic() > deadline:
                    raise
                sleep(0.005)

    def handle(self) -> Any:
        return self._path

    @classmethod
    def join(cls, handle: Any) -> Sender:
        return _RedisSender(handle)

    def receive(self) -> Batch:
        while not self._came:
            for _, entries in self._client.xread({_STREAM: self._last}, block=_LOOK_MS):
                self._came.extend(entries)
        self._last, fields = self._came.popleft()
        return as_events(fields[_FIELD])

    def release(self) -> None:
        self._released += 1
        if self._released % _GROUP == 0:
            with self._client.pipeline(transaction=False) as both:
                both.xtrim(_STREAM, minid=self._last, approximate=False)
                both.rpush(_ROOM, 1)
                both.execute()

    def close(self) -> None:
        self._client.close()
        assert self._server.stdin
        self._server.stdin.close()
        self._server.wait()
        rmtree(self._folder, ignore_errors=True)
