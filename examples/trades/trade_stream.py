"""Trades in a Redis stream: a server of one's own, and the consumer that reads it by batches."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import which
from tempfile import TemporaryDirectory
from time import monotonic, sleep
from typing import Any

import numpy as np
import redis

INSTRUMENTS = 64
#: A trade, 64 bytes: it is one field of a stream's entry.
TRADE = np.dtype(
    [
        ("instrument", np.uint32),
        ("flags", np.uint32),
        ("time_ns", np.int64),
        ("quantity", np.float64),
        ("price", np.float64),
        ("account", "S32"),
    ]
)
_STREAM, _GROUP, _CONSUMER = "trades", "booking", "one"
_CHUNK = 1024
_START_SECONDS = 20.0
# The server ends with its standard input: also where this process is killed.
_WITH_STDIN = '"$@" & trap "kill $!; wait" EXIT; read -r _'


def make_trades(n: int, rng: np.random.Generator) -> np.ndarray:
    """Return n trades; a quantity below zero sells."""
    trades = np.zeros(n, TRADE)
    trades["instrument"] = rng.integers(0, INSTRUMENTS, n)
    trades["time_ns"] = np.arange(n)
    trades["quantity"] = rng.integers(-100, 100, n)
    trades["price"] = np.round(100 + rng.normal(0, 1, n), 2)
    trades["account"] = b"account"
    return trades


@contextmanager
def redis_server() -> Iterator[redis.Redis]:
    """Run a server on a unix socket in a temporary folder, which keeps nothing.

    Raises
    ------
    FileNotFoundError
        Without redis-server.
    """
    program = which("redis-server")
    if program is None:
        raise FileNotFoundError("redis-server is not installed (Debian: apt install redis-server)")
    with TemporaryDirectory(prefix="trades-") as folder:
        socket = Path(folder) / "redis.sock"
        words = ["--port", "0", "--unixsocket", str(socket), "--dir", folder, "--save", ""]
        server = subprocess.Popen(
            ["sh", "-c", _WITH_STDIN, "sh", program, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
        )
        assert server.stdin
        client = redis.Redis(unix_socket_path=str(socket), socket_timeout=_START_SECONDS)
        try:
            _until_ready(client, server)
            yield client
        finally:
            client.close()
            server.stdin.close()
            server.wait()


def _until_ready(client: redis.Redis, server: subprocess.Popen[bytes]) -> None:
    deadline = monotonic() + _START_SECONDS
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError:
            if server.poll() is not None or monotonic() > deadline:
                raise
            sleep(0.005)


class TradeStream:
    """A stream of trades without end: it begins again once its entries were read.

    Parameters
    ----------
    client : redis.Redis
    trades : ndarray
        That fill it.
    """

    def __init__(self, client: redis.Redis, trades: np.ndarray) -> None:
        self._client, self._length = client, len(trades)
        for start in range(0, len(trades), _CHUNK):
            with client.pipeline(transaction=False) as adding:
                for trade in trades[start : start + _CHUNK]:
                    adding.xadd(_STREAM, {"trade": trade.tobytes()})
                adding.execute()
        client.xgroup_create(_STREAM, _GROUP, id="0")
        self._left, self._unconfirmed = self._length, list[bytes]()

    def read(self, count: int) -> list[tuple[bytes, dict[bytes, bytes]]]:
        """Return the next entries; those of the batch before are acknowledged on the same way."""
        if self._left < count:
            self._client.xgroup_setid(_STREAM, _GROUP, "0")
            self._left = self._length
        with self._client.pipeline(transaction=False) as both:
            if self._unconfirmed:
                both.xack(_STREAM, _GROUP, *self._unconfirmed)
            both.xreadgroup(_GROUP, _CONSUMER, {_STREAM: ">"}, count=count)
            found: Any = both.execute()[-1]
        entries: list[tuple[bytes, dict[bytes, bytes]]] = found[0][1]
        self._left -= len(entries)
        self._unconfirmed = [number for number, _ in entries]
        return entries

    def pending(self) -> int:
        """Return how many entries were read and are not acknowledged."""
        found: Any = self._client.xpending(_STREAM, _GROUP)
        return int(found["pending"])


def decode_trades(entries: list[tuple[bytes, dict[bytes, bytes]]]) -> np.ndarray:
    """Return the trades of entries."""
    return np.frombuffer(b"".join([fields[b"trade"] for _, fields in entries]), TRADE)
