"""HTTP server for Prometheus: few requests at a time, each bounded as a whole."""

from __future__ import annotations

import contextlib
import socket
import threading
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

_MOST_AT_A_TIME = 16
# Connections that the kernel keeps until they are accepted: of one more than that, the client asks
# again after a second.
_MOST_WAITING = 128


class ScrapeServer(ThreadingMixIn, WSGIServer):
    """An HTTP server on loopback that no slow client holds.

    Parameters
    ----------
    port : int
        0 for a free one.
    timeout : float
        Seconds for one request, from its connection to its last byte.

    Raises
    ------
    OSError
        If the port is taken.
    """

    daemon_threads = True
    request_queue_size = _MOST_WAITING
    block_on_close = False

    def __init__(self, port: int, timeout: float) -> None:
        self._limit = timeout
        self._open: dict[socket.socket, threading.Timer] = {}  # the oldest first
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), _Quiet)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, and hang up when the time is over."""
        timer = threading.Timer(self._limit, _hang_up, (request,))
        timer.daemon = True
        with self._guard:
            if len(self._open) >= _MOST_AT_A_TIME:
                _hang_up(next(iter(self._open)))
            self._open[request] = timer
        timer.start()
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        """Close a connection that was answered, or hung up on."""
        with self._guard:
            if timer := self._open.pop(request, None):
                timer.cancel()
        super().close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away, or was hung up on."""

    def server_close(self) -> None:
        """Close, and hang up on whoever is being answered."""
        super().server_close()
        with self._guard:
            for request in self._open:
                _hang_up(request)


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        pass


def _hang_up(request: socket.socket) -> None:
    with contextlib.suppress(OSError):
        request.shutdown(socket.SHUT_RDWR)
