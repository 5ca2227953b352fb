"""Event loops: timed coroutines on asyncio or uvloop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from time import perf_counter
from typing import Literal, TypeVar

EventLoop = Literal["asyncio", "uvloop"]
_T = TypeVar("_T")


def available_loops() -> tuple[EventLoop, ...]:
    """Return the event loops that this environment has."""
    return ("asyncio", "uvloop") if find_spec("uvloop") else ("asyncio",)


def new_loop(event_loop: EventLoop) -> asyncio.AbstractEventLoop:
    """Return a new event loop of that kind; ValueError if uvloop is not installed."""
    if event_loop not in available_loops():
        raise ValueError("uvloop is not installed; install it or use --loop asyncio")
    if event_loop == "uvloop":
        import uvloop

        loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
        return loop
    return asyncio.new_event_loop()


def on_loop(
    event_loop: EventLoop, timed: Callable[[int], Coroutine[None, None, _T]]
) -> Callable[[int], _T]:
    """Bind a timed coroutine function to one event loop, kept open between calls.

    Parameters
    ----------
    event_loop : {"asyncio", "uvloop"}
    timed : callable
        ``loops -> coroutine`` that takes its own time and returns seconds, or laps.

    Returns
    -------
    callable
        ``loops -> what it returns``; also from within a running loop, in a thread of its own then.

    Raises
    ------
    ValueError
        If uvloop is asked for and not installed.
    """
    loop = new_loop(event_loop)

    def run(loops: int) -> _T:
        return loop.run_until_complete(timed(loops))

    def anywhere(loops: int) -> _T:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return run(loops)
        # In a notebook, where this thread's loop runs already and waits meanwhile.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(run, loops).result()

    return anywhere


async def take_turns(
    produce: Coroutine[None, None, None], consume: Coroutine[None, None, None]
) -> float:
    """Run two tasks, the producer first; return the seconds until the consumer is done."""
    producer, consumer = asyncio.create_task(produce), asyncio.create_task(consume)
    start = perf_counter()
    await consumer
    elapsed = perf_counter() - start
    await producer
    return elapsed
