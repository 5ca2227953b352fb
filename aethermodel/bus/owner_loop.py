"""Owner loop of an object, and calls into it from other threads."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

# How often one who waits in another loop looks whether the home loop still runs.
_LOOK_SECONDS = 0.5


class Home:
    """The event loop on which everything of an object happens: the first that uses it.

    Attributes
    ----------
    loop : asyncio.AbstractEventLoop or None
        None before the first use.
    """

    def __init__(self) -> None:
        self.loop: asyncio.AbstractEventLoop | None = None

    def settle(self) -> None:
        """Live on the running loop from now on.

        Raises
        ------
        RuntimeError
            If the object lives on another loop that runs.
        """
        loop = asyncio.get_running_loop()
        if self.loop is not loop:
            if self.loop and self.loop.is_running():
                raise RuntimeError("another event loop, which runs, has used this before")
            self.loop = loop

    def here(self) -> bool:
        """Return whether the running loop is the object's; it is from now on, if none was."""
        if self.loop is asyncio.get_running_loop():
            return True
        try:
            self.settle()
        except RuntimeError:
            return False
        return True

    def elsewhere(self) -> asyncio.AbstractEventLoop | None:
        """Return the object's loop if it runs in another thread than this."""
        try:
            running = asyncio.get_running_loop()
        except RuntimeError:
            running = None
        loop = self.loop
        return loop if loop and loop.is_running() and loop is not running else None

    async def call(self, function: Callable[..., Awaitable[None]], *arguments: Any) -> None:
        """Await a call on the object's loop from another one, and raise what it raises.

        Raises
        ------
        RuntimeError
            If that loop ended before the call did.
        """
        loop = self.loop
        assert loop

        async def called() -> None:
            await function(*arguments)

        coroutine = called()
        try:
            outcome = asyncio.run_coroutine_threadsafe(coroutine, loop)
        except RuntimeError:  # closed meanwhile
            coroutine.close()
            raise RuntimeError("the event loop that was called has ended") from None
        waiter = asyncio.wrap_future(outcome)
        try:
            while not (await asyncio.wait((waiter,), timeout=_LOOK_SECONDS))[0]:
                if not loop.is_running():
                    raise RuntimeError("the event loop that was called has ended")
        except BaseException:
            outcome.cancel()
            raise
        if outcome.cancelled():  # by the other loop's end: nobody cancelled this one
            raise RuntimeError("the event loop that was called has ended")
        await waiter
