"""Client of a fork server: asks for children, follows and ends them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from multiprocessing.connection import wait
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

from aethermodel.execute.forkserver import PACKET
from aethermodel.processes import Child, ChildError, ending

_LAST_WORDS_SECONDS = 5.0


class ForkError(ChildError):
    """A child, or the server itself, ended without doing its work."""


class ForkTimeoutError(ForkError):
    """A child was killed because its time was up."""


class Fork:
    """A child of a fork server.

    Attributes
    ----------
    pid : int
        Also its process group and session.
    lost : str
        Why its server ended before it; empty while the server lives.
    """

    def __init__(self, server: ForkServer, pid: int, result: int, errors: IO[bytes]) -> None:
        self.pid = pid
        self._server = server
        self._result = result
        self._errors = errors
        self._code: int | None = None
        self.lost = ""

    def poll(self) -> int | None:
        """Return the exit code (minus the signal's number if one ended it), or None."""
        if self._code is None and wait([self._server._control], 0):
            self._take_code()
        return self._code

    def signal(self, number: int) -> None:
        """Send a signal to the child and to what it started."""
        if self._code is None:
            with suppress(ForkError):  # its server is gone, and took it along
                self._server._send({"signal": number, "to": self.pid})

    def value(self, timeout: float | None = None) -> Any:
        """Wait for what the function returned.

        Parameters
        ----------
        timeout : float, optional
            Seconds; then the child is killed.

        Raises
        ------
        ForkTimeoutError
            If it took too long.
        ForkError
            If it failed; with the last line it wrote to standard error.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        text, late = bytearray(), False
        while self._code is None:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = wait([self._result, self._server._control], left)
            if not ready:
                late, deadline = True, None
                self.signal(signal.SIGKILL)
            elif self._result in ready and (part := os.read(self._result, 1 << 20)):
                text += part
            elif self._server._control in ready:
                self._take_code()
            else:  # closed, but not yet ended
                wait([self._server._control], left)
        if self.lost:
            raise ForkError(self.lost)
        if late:
            raise ForkTimeoutError(f"not done after {timeout:g} s")
        while part := os.read(self._result, 1 << 20):
            text += part
        if self._code != 0:
            said = self.complaint() if self._code > 0 else ""
            raise ForkError(said or ending(self._code))
        if not text:
            raise ForkError("ended without a value")
        return json.loads(text)

    def complaint(self) -> str:
        """Return the last line that the child wrote to standard error."""
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def close(self) -> None:
        """End the child if it still runs; idempotent."""
        if self._result < 0:
            return
        try:
            if self._code is None:
                self.signal(signal.SIGKILL)
                while self._code is None:
                    self._take_code()
        finally:
            os.close(self._result)
            self._result = -1
            self._errors.close()

    def __enter__(self) -> Fork:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take_code(self) -> None:
        try:
            self._code = self._server._receive()["code"]
        except ForkError as error:
            self._code = -signal.SIGKILL  # it dies with its server
            self.lost = str(error)
            with suppress(OSError):  # and here what it started, which nobody else would end
                os.killpg(self.pid, signal.SIGKILL)


class ForkServer:
    """A process that has imported modules, and forks children that have them too.

    A child starts in milliseconds instead of seconds, from a state that no other child
    has touched. Children of one server share its address layout and hash seed; where
    that matters, use several servers.

    Parameters
    ----------
    preload : sequence of str
        Modules to import.
    environment : dict, optional
        Variables set before they are imported.

    Raises
    ------
    ForkError
        If a module cannot be imported, or the server was killed meanwhile.
    """

    def __init__(self, preload: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._errors = TemporaryFile()  # noqa: SIM115  closed in close()
        with theirs:
            self._process = Child(
                "aethermodel.execute.forkserver",
                *(str(theirs.fileno()), *preload),
                # Until it serves: then it ends by itself, and every process below it.
                lifeline=theirs.fileno(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=os.environ | (environment or {}),
                start_new_session=True,
            )
        try:
            self._receive()
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Process id of the server."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can still fork; where no child runs."""
        if self._errors.closed or self._process.poll() is not None:
            return False
        return not wait([self._control], 0)  # it says nothing unasked: that is its end

    def fork(
        self,
        call: str,
        arguments: dict[str, Any],
        cwd: Path | str = ".",
        environment: dict[str, str] | None = None,
    ) -> Fork:
        """Start a child.

        Parameters
        ----------
        call : str
            ``module:function``.
        arguments : dict
            Keyword arguments, as JSON can carry them.
        cwd : path
            The child's working directory.
        environment : dict, optional
            Variables that the child has besides the server's.
        """
        request = {
            "call": call,
            "arguments": arguments,
            "cwd": str(Path(cwd).resolve()),
            "environment": environment or {},
        }
        ours, theirs = os.pipe()
        errors = TemporaryFile()  # noqa: SIM115  closed in Fork.close()
        try:
            packet = json.dumps(request).encode()
            if len(packet) > PACKET:
                raise ValueError(f"a request of {len(packet)} bytes; at most {PACKET}")
            try:
                socket.send_fds(self._control, [packet], [theirs, errors.fileno()])
            except ConnectionError:
                raise ForkError(self._complaint()) from None
            return Fork(self, self._receive()["pid"], ours, errors)
        except BaseException:
            os.close(ours)
            errors.close()
            raise
        finally:
            os.close(theirs)

    def close(self) -> None:
        """End the server and every process below it; idempotent."""
        if self._errors.closed:
            return
        # Another thread may wait for a child of it: that one is told before the descriptor goes.
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._process.wait()
        self._control.close()
        self._errors.close()

    def __enter__(self) -> ForkServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _send(self, order: dict[str, Any]) -> None:
        try:
            self._control.send(json.dumps(order).encode())
        except ConnectionError:
            raise ForkError(self._complaint()) from None

    def _receive(self) -> dict[str, Any]:
        try:
            packet = self._control.recv(PACKET)
        except OSError:  # reset, or closed by another thread
            packet = b""
        if not packet:
            raise ForkError(self._complaint())
        answer: dict[str, Any] = json.loads(packet)
        return answer

    def _complaint(self) -> str:
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_LAST_WORDS_SECONDS)  # it hung up before it wrote why
        code = self._process.returncode
        if code is not None and code < 0:
            return f"the fork server was {ending(code)}"
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        return f"the fork server ended: {lines[-1] if lines else 'no message'}"
