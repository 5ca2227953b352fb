"""Loop watch: descriptors that an event loop watches for the process that asked.

A forked child inherits the loop with its epoll instance, which is the parent's own and not a copy:
what the child takes out of it, the parent is no longer told of. So a child leaves it alone.
"""

import asyncio
import os
import threading
from collections.abc import Callable

_forks = 0


def _forked() -> None:
    global _forks  # noqa: PLW0603
    _forks += 1


os.register_at_fork(after_in_child=_forked)


class Watch:
    """What one object watches on one event loop.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        asyncio's own or uvloop's.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._forks = _forks
        self._thread = threading.get_ident()
        self._descriptors: set[int] = set()

    def add(self, descriptor: int, callback: Callable[[], object]) -> None:
        """Call `callback` on the loop whenever the descriptor is readable."""
        self.loop.add_reader(descriptor, callback)
        self._descriptors.add(descriptor)

    def remove(self, descriptor: int) -> None:
        """Watch that one no longer; idempotent. Call it while the descriptor is open."""
        if descriptor in self._descriptors:
            self._descriptors.remove(descriptor)
            if self.ours and not self.loop.is_closed():
                self.loop.remove_reader(descriptor)

    @property
    def ours(self) -> bool:
        """Whether this is the process that made the object, and no child of it."""
        return self._forks == _forks

    @property
    def elsewhere(self) -> bool:
        """Whether the loop runs, and in another thread: from here it cannot be touched."""
        return self.ours and self._thread != threading.get_ident() and self.loop.is_running()

    def close(self) -> None:
        """Watch nothing any more; idempotent."""
        for descriptor in list(self._descriptors):
            self.remove(descriptor)
