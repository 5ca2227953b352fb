"""Runtime of one thread: the resources and the event loop that its stages use."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np

from aethermodel.inputs.refusals import InputError, one_line_of
from aethermodel.pipelines.declaration import Declaration
from aethermodel.pipelines.stage import Stage

T = TypeVar("T")


class StageError(InputError):
    """A stage did not do what it should; names pipeline, stage and batch size."""

    def __init__(self, stage: str, n: int, what: str) -> None:
        super().__init__(f"stage {stage}, N = {n}: {what}")


class Runtime:
    """Opens what stages need, and calls them.

    Parameters
    ----------
    pipeline : Declaration
    stages : iterable of Stage
        Those that run in this thread.

    Attributes
    ----------
    loop : asyncio.AbstractEventLoop or None
        Where a stage or a resource of theirs waits.
    calls : list of callable
        Of each stage, with its resources; coroutine functions where it `waits`.
    waits : list of bool
    """

    def __init__(self, pipeline: Declaration, stages: Iterable[Stage]) -> None:
        self.pipeline, self.stages = pipeline, tuple(stages)
        self.waits = [stage.waits for stage in self.stages]
        wanted = dict.fromkeys(name for stage in self.stages for name in stage.resources)
        makers = {name: pipeline.resources[name] for name in wanted}
        self._stack = AsyncExitStack()
        self.loop: asyncio.AbstractEventLoop | None = None
        if any(self.waits) or any(_waits(maker) for maker in makers.values()):
            self.loop = new_loop()
        self.opened: dict[str, Any] = {}
        try:
            for name, maker in makers.items():
                self.opened[name] = self.run(self._open(name, maker))
        except BaseException:
            self.close()
            raise
        self.calls = [self._bound(stage) for stage in self.stages]

    def _bound(self, stage: Stage) -> Callable[..., Any]:
        if not stage.resources:
            return stage.function
        return partial(stage.function, **{name: self.opened[name] for name in stage.resources})

    async def _open(self, name: str, maker: Callable[..., Any]) -> Any:
        try:
            if inspect.isasyncgenfunction(maker):
                return await self._stack.enter_async_context(asynccontextmanager(maker)())
            if inspect.isgeneratorfunction(maker):
                return self._stack.enter_context(contextmanager(maker)())
            made = maker()
            if inspect.isawaitable(made):
                made = await made
            if hasattr(made, "__aenter__"):
                return await self._stack.enter_async_context(made)
            if hasattr(made, "__enter__"):
                return self._stack.enter_context(made)
            return made
        except Exception as error:
            raise InputError(
                f"resource {name}: {type(error).__name__}: {one_line_of(error)}"
            ) from None

    def run(self, task: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end, in the loop where there is one."""
        if self.loop is not None:
            return self.loop.run_until_complete(task)
        try:  # nothing in it waits
            task.send(None)
        except StopIteration as end:
            result: T = end.value
            return result
        raise RuntimeError("a coroutine waits where there is no event loop")

    def step(self, index: int, batch: Any) -> Any:
        """Return what a stage makes of a batch; a batch that it passes on is itself."""
        made = self.calls[index](batch)
        if self.waits[index]:
            made = self.run(made)
        return batch if made is None else made

    def close(self) -> None:
        """Close resources and loop; idempotent."""
        stack, self._stack = self._stack, AsyncExitStack()
        try:
            self.run(stack.aclose())
        finally:
            if self.loop is not None and not self.loop.is_closed():
                self.loop.run_until_complete(self.loop.shutdown_asyncgens())
                self.loop.close()
            self.loop = None


def new_loop() -> asyncio.AbstractEventLoop:
    """Return an event loop: uvloop's, where it is installed."""
    if find_spec("uvloop"):
        import uvloop

        return uvloop.new_event_loop()  # type: ignore[no-any-return]
    return asyncio.new_event_loop()


def _waits(maker: Callable[..., Any]) -> bool:
    return inspect.isasyncgenfunction(maker) or inspect.iscoroutinefunction(maker)


def records(batch: Any, record_bytes: int | None, size: Callable[[Any], int] | None) -> int | None:
    """Return how many records a batch has; None where nothing tells."""
    if size is not None:
        return int(size(batch))
    if isinstance(batch, bytes | bytearray | memoryview):
        length = memoryview(batch).nbytes
        return length // record_bytes if record_bytes and length % record_bytes == 0 else None
    if isinstance(batch, str | dict):
        return None
    try:
        return len(batch)
    except TypeError:
        return None


def made_batch(pipeline: Declaration, n: int, seed: int) -> Any:
    """Return a batch of the source, checked.

    Raises
    ------
    StageError
        If the source fails, or makes another number of records.
    """
    assert pipeline.make is not None
    try:
        batch = pipeline.make(n, np.random.default_rng([n, seed]))
    except Exception as error:
        raise failed("source", n, error) from error
    found = records(batch, pipeline.record_bytes, pipeline.source_size)
    if found is not None and found != n:
        raise StageError("source", n, f"it made {found} records")
    return batch


def failed(stage: str, n: int, error: BaseException) -> StageError:
    """Return the refusal of a stage that raised."""
    if isinstance(error, StageError):
        return error
    line = _last_line(error)
    at = f" (line {line})" if line else ""
    return StageError(stage, n, f"{type(error).__name__}: {one_line_of(error)}{at}")


def _last_line(error: BaseException) -> int | None:
    """Last line of the user's own file that an error came through."""
    line, trace = None, error.__traceback__
    while trace:
        if trace.tb_frame.f_globals.get("__name__", "").startswith("_pipeline_"):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
