"""Host lock: one measurement at a time."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from aethermodel.execute.place import lock_name
from aethermodel.execute.scratch import runtime_folder

_POLL_SECONDS = 0.1


class HostBusyError(ValueError):
    """Another measurement holds the host."""


def _try_lock() -> tuple[int, str]:
    """Return a descriptor that holds the lock, or -1 and the holder's process id."""
    path = runtime_folder() / lock_name()
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode("ascii", "replace").strip()
        os.close(descriptor)
        return -1, holder
    # A cleaner of temporary files may have removed the name since: then the next
    # process would lock another file of that name, and both would measure.
    held = os.fstat(descriptor)
    if not path.exists() or path.stat().st_ino != held.st_ino:
        os.close(descriptor)
        return -1, ""
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor, ""


@contextmanager
def host_lock(
    wait: bool = True,
    waiting: Callable[[str], None] = lambda _: None,
    *,
    most_seconds: float | None = None,
) -> Iterator[None]:
    """Hold the host for a measurement.

    It binds the processes of one user: what others run shows as load and stolen time.

    Parameters
    ----------
    wait : bool
        Wait for the other measurement to end; else give up at once.
    waiting : callable
        Told the holder's process id, once, if there is a wait.
    most_seconds : float, optional
        Give up waiting after this long.

    Raises
    ------
    HostBusyError
        If another process measures and `wait` is false, or measures still when the wait is over.
    """
    told, start = False, time.monotonic()
    while True:
        descriptor, holder = _try_lock()
        if descriptor >= 0:
            break
        if holder and not wait:
            raise HostBusyError(f"process {holder} is measuring on this host")
        if holder and not told:
            waiting(holder)
            told = True
        if holder and most_seconds is not None and time.monotonic() - start >= most_seconds:
            raise HostBusyError(
                f"process {holder} is still measuring on this host after {most_seconds:g} s"
            )
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        os.close(descriptor)
