"""Recordings: a stream of events written to a file and replayed.

The file is one 4096-byte header and then the events, as they are in memory. It is
appended to with plain writes (a full disk is an OSError, not a SIGBUS) and replayed
through a read-only mapping. How many events there are follows from its size, so a
recorder that dies leaves a readable file, short of at most its last batch.
"""

import mmap
import os
import stat
import struct
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from cython_core.closing import Closing
from cython_core.events.record import EVENT_BYTES, EVENT_DTYPE
from cython_core.events.views import as_bytes
from cython_core.ring.errors import RingClosed
from cython_core.ring.iteration import Batches

Events = npt.NDArray[Any]

_HEADER_BYTES = 4096
_HEADER = struct.Struct("<8sI")
_START = _HEADER.pack(b"ATHRREC1", EVENT_BYTES)


class Recorder(Closing):
    """Appends batches to a new file, which only this user may read.

    Parameters
    ----------
    path : path
        Must not exist.

    Raises
    ------
    FileExistsError
        If it does.

    Examples
    --------
    >>> with Recorder("day.events") as recorder:
    ...     for batch in ring:
    ...         recorder.write(batch)
    """

    def __init__(self, path: str | Path) -> None:
        self._lock = RLock()  # `close` in one thread waits for `write` in another
        self._fd = -1
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_APPEND
        self._fd = os.open(path, flags, 0o600)
        self._path = os.fspath(path)
        self._size = 0  # of what is whole
        self.recorded = 0
        try:
            self._append(memoryview(_START.ljust(_HEADER_BYTES, b"\0")))
        except BaseException:
            self.close()
            Path(path).unlink(missing_ok=True)  # ours, and no recording yet
            raise

    def write(self, events: Events) -> None:
        """Append a batch.

        Parameters
        ----------
        events : numpy.ndarray
            Shape ``(N,)``, dtype `EVENT_DTYPE`, contiguous.

        Raises
        ------
        ValueError
            On anything else, or after `close`.
        OSError
            If the disk is full, with the file's name. The file ends with the batch before, and
            this one can be written again; where it cannot even be cut, the recorder is closed.
        """
        with self._lock:
            if self._fd < 0:
                raise ValueError("this recorder is closed")
            self._append(as_bytes(events, EVENT_DTYPE).data.cast("B"))
            self.recorded += len(events)

    def _append(self, rest: memoryview) -> None:
        size = self._size + len(rest)
        try:
            while rest:
                rest = rest[os.write(self._fd, rest) :]
        except BaseException as error:
            self._cut()
            if isinstance(error, OSError) and error.errno is not None:
                raise OSError(error.errno, os.strerror(error.errno), self._path) from error
            raise
        self._size = size

    def _cut(self) -> None:
        """Take back half a batch: those after it would be read as of another place."""
        try:
            os.ftruncate(self._fd, self._size)
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the file; idempotent."""
        with self._lock:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def __del__(self) -> None:
        self.close()


class Replay:
    """A recorded stream with a ring consumer's face: peek, release, ``for``, ``async for``.

    Parameters
    ----------
    path : path
        A file that `Recorder` wrote.

    Attributes
    ----------
    path : str
        The file.

    Raises
    ------
    ValueError
        If it is something else: a folder, a pipe or a device, too.

    Notes
    -----
    The file must not be truncated while it is open, as with any mapping.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = os.fspath(path)
        self._position = 0
        self._claimed = 0
        self._views: list[weakref.ref[Events]] = []
        # Without O_NONBLOCK, opening a pipe would wait for somebody who writes to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        status = os.fstat(descriptor)
        size = status.st_size
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise ValueError(f"{path} is no regular file, and not a recording of events")
        with os.fdopen(descriptor, "rb") as file:
            if file.read(len(_START)) != _START or size < _HEADER_BYTES:
                raise ValueError(f"{path} is not a recording of events")
            self._length = (size - _HEADER_BYTES) // EVENT_BYTES
            self._map: mmap.mmap | None = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        return self._length

    @property
    def events(self) -> Events:
        """The whole recording, a read-only view."""
        return self._view(0, self._length)

    @property
    def available(self) -> int:
        """Events from here to the end."""
        return self._length - self._position

    @property
    def claimed(self) -> int:
        """Events peeked and not released."""
        return self._claimed

    @property
    def closed(self) -> bool:
        """Whether the recording is closed."""
        return self._map is None

    def peek(self, n: int | None = None, *, timeout: float | None = None) -> Events:
        """Return up to `n` events from here, as `Ring.peek`; nothing is ever waited for.

        Raises
        ------
        RingClosed
            At the end.
        ValueError
            If `n` is below 1 or the recording closed.
        """
        if self._map is None:
            raise ValueError("this recording is closed")
        if n is not None and n < 1:
            raise ValueError(f"n must be at least 1, not {n}")
        if self.available == 0:
            raise RingClosed("the recording ends here", self._length, self._position)
        self._claimed = self.available if n is None else min(n, self.available)
        return self._view(self._position, self._claimed)

    def release(self, n: int | None = None) -> None:
        """Go past the first `n` peeked events (all by default).

        Raises
        ------
        ValueError
            If fewer than `n` are peeked, or none.
        """
        n = self._claimed if n is None else n
        if not 1 <= n <= self._claimed:
            raise ValueError(f"cannot release {n} events: {self._claimed} are peeked")
        self._position += n
        self._claimed -= n
        if not self._claimed:
            self._views.clear()

    def rewind(self) -> None:
        """Go back to the first event."""
        self._position = self._claimed = 0

    async def sleep(self, need: int = 1) -> None:
        """Raise `RingClosed`: what a recording does not hold will never come."""
        raise RingClosed("the recording ends here", self._length, self._position)

    def batches(self, most: int = 65_536) -> Batches:
        """Iterate over batches of at most `most` events, as `Ring.batches`."""
        return Batches(self, most)

    def __iter__(self) -> Iterator[Events]:
        return iter(self.batches())

    def __aiter__(self) -> AsyncIterator[Events]:
        return aiter(self.batches())

    def _view(self, start: int, n: int) -> Events:
        if self._map is None:
            raise ValueError("this recording is closed")
        view: Events = np.frombuffer(self._map, EVENT_DTYPE, n, _HEADER_BYTES + start * EVENT_BYTES)
        self._views.append(weakref.ref(view))
        return view

    def close(self) -> None:
        """Let go of the file; idempotent.

        Raises
        ------
        BufferError
            If views of peeked events are held somewhere.
        """
        if any(view() is not None for view in self._views):
            raise BufferError("views of this recording are alive: release or drop them first")
        self._map = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._map = None
