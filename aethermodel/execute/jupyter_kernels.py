"""Jupyter kernels that a fork server starts: warm, fresh, and listening on files, not ports."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path
from queue import Empty
from typing import Any

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.provisioning import LocalProvisioner

from aethermodel.execute.forks import Fork, ForkServer

#: What notebooks of a performance model import; and what a kernel itself needs. Not
#: matplotlib_inline's backend: it hooks into the kernel in which it is first imported.
PRELOAD = (
    *("numpy.random", "sympy", "pandas", "matplotlib.pyplot"),
    *("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.debugger"),
    *("IPython.core.completerlib", "IPython.core.debugger", "IPython.core.oinspect"),
    *("IPython.core.logger", "IPython.extensions.storemagic", "IPython.utils.wildcard"),
    *("sqlite3", "tornado.platform.asyncio", "tornado.locks", "tornado.queues"),
    *("faulthandler", "traitlets.config.argcomplete_config", "aethermodel.execute.jupyter_kernels"),
)
# Read when matplotlib is imported, which here is before the kernel could set it.
_ENVIRONMENT = {"MPLBACKEND": "module://matplotlib_inline.backend_inline"}
_NAME = "aether-fork"
_PARTING_SECONDS = 0.5
_MOST_BYTES = 107  # of a socket's path


def kernel_server() -> ForkServer:
    """Start a fork server for kernels."""
    return ForkServer(PRELOAD, _ENVIRONMENT)


def run_kernel(arguments: list[str]) -> None:
    """Be a kernel; called in a forked child."""
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(arguments)


class _Process:
    """A fork with the face of a `subprocess.Popen`, which is what a provisioner holds."""

    stdin = stdout = stderr = None

    def __init__(self, fork: Fork) -> None:
        self._fork = fork
        self.pid = fork.pid

    def poll(self) -> int | None:
        return self._fork.poll()

    def wait(self) -> int | None:
        code = self._fork.poll()
        self._fork.close()
        return code

    def send_signal(self, number: int) -> None:
        self._fork.signal(number)


class ForkProvisioner(LocalProvisioner):  # type: ignore[misc]  # untyped
    """Take kernels from the kernel manager's fork server (an entry point of jupyter_client)."""

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Fork a kernel; `cmd` is a command line, of which a kernel needs the arguments."""
        environment = {
            name: value
            for name, value in kwargs.get("env", {}).items()
            if os.environ.get(name) != value
        }
        cwd = kwargs.get("cwd") or Path.cwd()
        call = f"{__name__}:run_kernel"
        fork = self.parent.server.fork(call, {"arguments": cmd}, cwd, environment)
        self.parent.started(fork)
        self.process: _Process | None = _Process(fork)
        self.pid = fork.pid
        return self.connection_info

    async def wait(self) -> int | None:
        """Wait for the kernel's end; in short steps, as many points may wait for it."""
        while self.process is not None:
            if self.process.poll() is not None:
                self.process.wait()
                self.process = None  # what tells the base class that it has ended
            else:
                await asyncio.sleep(0.002)
        return 0


class WarmKernelClient(AsyncKernelClient):  # type: ignore[misc]  # untyped
    """A client that knows when a kernel is ready, where the stock one waits for silence."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel has answered one request on both channels.

        Raises
        ------
        RuntimeError
            If the kernel ends, or the time is up.
        """
        deadline = time.monotonic() + (60 if timeout is None else timeout)
        while time.monotonic() < deadline:
            request = self.kernel_info()
            try:
                reply = await self.shell_channel.get_msg(timeout=1)
                # Only messages sent after the subscription has arrived come through: one
                # that belongs to this request shows that it has.
                while True:
                    message = await self.iopub_channel.get_msg(timeout=0.2)
                    status = message["content"].get("execution_state")
                    if message["parent_header"].get("msg_id") == request and status == "idle":
                        self._handle_kernel_info_reply(reply)
                        return
            except Empty:
                if not await self.parent.is_alive():
                    raise RuntimeError("the kernel ended before it was ready") from None
        raise RuntimeError(f"the kernel was not ready after {timeout:g} s")


class WarmKernelManager(AsyncKernelManager):  # type: ignore[misc]  # untyped
    """A kernel manager with a fork server.

    Files take the place of ports: ports on loopback are open to every user of the host,
    and two kernels that start at once can race for one.

    Parameters
    ----------
    server : ForkServer
        From `kernel_server`.
    folder : path
        For the connection file and the sockets; readable by this user only, and short:
        a socket's path has at most 107 bytes.
    started : callable
        Called with the `Fork` when there is one.

    Raises
    ------
    ValueError
        If the folder's path is too long.
    """

    def __init__(self, server: ForkServer, folder: Path, started: Any, **settings: Any) -> None:
        if len(os.fsencode(folder / "kernel-ipc-5")) > _MOST_BYTES:
            raise ValueError(
                f"{folder} is too long a path for sockets: set TMPDIR to a shorter one"
            )
        super().__init__(
            transport="ipc",
            connection_file=str(folder / "kernel.json"),
            client_factory=WarmKernelClient,
            **settings,
        )
        self.server = server
        self.started = started
        self._kernel_spec = KernelSpec(
            argv=["-f", "{connection_file}"],
            display_name="Python 3",
            language="python",
            metadata={"kernel_provisioner": {"provisioner_name": _NAME}},
        )

    async def shutdown_kernel(self, now: bool = False, restart: bool = False) -> None:
        """Let the kernel end by itself, so that its exit handlers run; else kill it."""
        if not now and self.has_kernel:
            await self.request_shutdown(restart=restart)
            with suppress(TimeoutError):
                await asyncio.wait_for(self.provisioner.wait(), _PARTING_SECONDS)
        if self.has_kernel:
            await self.provisioner.kill()
            await self.provisioner.wait()
        await self.cleanup_resources(restart=restart)
