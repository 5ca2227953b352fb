"""Steps of a rehearsal: each size once, stage by stage, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from time import perf_counter
from typing import Any

from aethermodel.measure.host.run_queue import RunQueue
from aethermodel.pipelines.declaration import Declaration
from aethermodel.pipelines.runtime.packed_batches import packed
from aethermodel.pipelines.runtime.runtime import Runtime, StageError, failed, made_batch, records

# An event loop that is held for so long, and for most of the stage's time, is worth a word.
_HELD_SECONDS = 0.05


def rehearsed(pipeline: Declaration, sizes: list[int]) -> Iterator[dict[str, Any]]:
    """Yield what happens, before it does: a stage begins, a size is done.

    Raises
    ------
    InputError
        If something goes wrong.
    """
    runtime = Runtime(pipeline, pipeline.own)
    crossing = _crossing(pipeline)
    try:
        for n in sizes:
            total, passed = 0.0, {}
            yield {"stage": "source", "n": n}
            batch = made_batch(pipeline, n, 0)
            count: int | None = n
            for index, stage in enumerate(runtime.stages):
                yield {"stage": stage.name, "n": n}
                if stage.name in crossing:
                    packed(batch, runtime.stages[index - 1].name if index else "source", n)
                begin = perf_counter()
                batch, held = _step(runtime, index, batch, n)
                seconds = perf_counter() - begin
                total += seconds
                if held > _HELD_SECONDS and held > seconds / 2:
                    yield {"held": stage.name, "n": n, "for": held}
                made = records(batch, pipeline.record_bytes, stage.size)
                if made is not None and count is not None and made != count:
                    if not stage.changes_size:
                        few = "few" if made < count else "many"
                        raise StageError(
                            stage.name,
                            n,
                            f"it returned too {few} records, {made} of {count} "
                            "(@pipeline.stage(changes_size=True) if it is meant to)",
                        )
                    passed[stage.name] = made / count if count else 1.0
                count = made if stage.changes_size or made is not None else count
            yield {"n": n, "seconds": total, "passed": passed}
    finally:
        runtime.close()


def _crossing(pipeline: Declaration) -> set[str]:
    """Stages that get their batch from another process."""
    groups = [group for group in pipeline.groups() if group.own]
    found = {group.own[0].name for group in groups if group.place == "process"}
    for before, after in pairwise(groups):
        if before.place == "process":
            found.add(after.own[0].name)
    return found


def _step(runtime: Runtime, index: int, batch: Any, n: int) -> tuple[Any, float]:
    """Return what a stage makes of a batch, and how long it held the event loop at a stretch."""
    stage = runtime.stages[index]
    try:
        if not stage.waits:
            return runtime.step(index, batch), 0.0
        return runtime.run(_watched(runtime.calls[index], batch))
    except Exception as error:
        raise failed(stage.name, n, error) from error


async def _watched(call: Any, batch: Any) -> tuple[Any, float]:
    import asyncio

    # While others have the core, nobody holds the loop.
    queue = RunQueue()

    def running() -> float:
        return perf_counter() - queue.waited()

    longest, last = 0.0, running()

    async def tick() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(0)
            now = running()
            longest, last = max(longest, now - last), now

    ticks = asyncio.create_task(tick())
    await asyncio.sleep(0)
    try:
        made = await call(batch)
        longest = max(longest, running() - last)
    finally:
        ticks.cancel()
        queue.close()
    return (batch if made is None else made), longest
