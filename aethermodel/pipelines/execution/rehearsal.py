"""Rehearsal: each size once, stage by stage, in a process that may be ended.

It finds what is wrong before anything is timed, and how long a batch takes.
"""

from __future__ import annotations

import json
import os
import select
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from subprocess import PIPE
from tempfile import TemporaryFile
from time import monotonic, perf_counter
from typing import Any, TextIO

from aethermodel.inputs.refusals import InputError
from aethermodel.pipelines.execution.handover_times import packed
from aethermodel.pipelines.execution.runtime import Runtime, StageError, failed, made_batch, records
from aethermodel.pipelines.pipeline import Pipeline
from aethermodel.pipelines.pipeline_file import load_pipeline
from aethermodel.processes import Child, ending

# Seconds that importing the user's file and opening its resources may take.
_OPENING_SECONDS = 120.0
# An event loop that is held for so long, and for most of the stage's time, is worth a word.
_HELD_SECONDS = 0.05


@dataclass
class Rehearsal:
    """What a rehearsal found.

    Attributes
    ----------
    seconds : dict of int to float
        Of one batch through all stages, at each size that went well.
    passed : dict of str to float
        Share of the records that a stage passes on, where it is not all; at the largest size.
    notes : list of str
    failure : str
        First thing that went wrong, naming stage and size; then the sizes end. Empty if nothing.
    """

    seconds: dict[int, float] = field(default_factory=dict)
    passed: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    failure: str = ""


def rehearse(reference: str, sizes: list[int], timeout: float) -> Rehearsal:
    """Run each size once, the smallest first.

    Parameters
    ----------
    reference : str
        ``FILE.py[:NAME]``.
    sizes : list of int
    timeout : float
        Seconds that a stage may take.

    Returns
    -------
    Rehearsal
        Its `failure` says what ended it early.
    """
    found = Rehearsal()
    module = "aethermodel.pipelines.execution.rehearsal"
    with (
        TemporaryFile("w+", encoding="utf-8") as errors,
        Child(module, reference, *map(str, sizes), stdout=PIPE, stderr=errors) as child,
    ):
        assert child.stdout
        at = ("", 0)
        held: dict[str, list[tuple[float, int]]] = {}
        for row in _rows(child.stdout.fileno(), timeout):
            if row is None:
                if at[0]:
                    late = f"took longer than {timeout:g} s for one batch (Pipeline(timeout=))"
                    found.failure = str(StageError(*at, late))
                else:
                    found.failure = f"{reference}: not opened within {_OPENING_SECONDS:g} s"
                child.kill()
                return found
            if "stage" in row:
                at = (row["stage"], row["n"])
            elif "error" in row:
                found.failure = row["error"]
                return found
            elif "seconds" in row:
                found.seconds[row["n"]] = row["seconds"]
                found.passed = row["passed"]
            elif "held" in row:
                held.setdefault(row["held"], []).append((row["for"], row["n"]))
                found.notes = [_holding(name, seen) for name, seen in held.items()]
        if code := child.wait():
            errors.seek(0)
            lines = errors.read().strip().splitlines()
            said = f": {lines[-1]}" if code > 0 and lines else ""
            where = str(StageError(*at, "its process")) if at[0] else reference
            found.failure = f"{where} {ending(code)}{said}"
    return found


def _holding(stage: str, seen: list[tuple[float, int]]) -> str:
    """Say that a stage held the event loop, where for longest; one line of all sizes."""
    seconds, n = max(seen)
    often = f", and at {len(seen) - 1} other sizes" if len(seen) > 1 else ""
    return (
        f"stage {stage}, N = {n:,}: it held the event loop for {seconds:.3g} s{often}; nothing "
        "else could run there meanwhile"
    )


def _rows(descriptor: int, timeout: float) -> Iterator[dict[str, Any] | None]:
    """Yield what the child says; None where it says nothing for too long, at first for longer."""
    rest, said = b"", False
    while True:
        limit = monotonic() + (timeout if said else _OPENING_SECONDS)
        while b"\n" not in rest:
            ready, _, _ = select.select([descriptor], [], [], max(limit - monotonic(), 0))
            if not ready:
                yield None
                return
            piece = os.read(descriptor, 1 << 16)
            if not piece:
                return
            rest += piece
        line, _, rest = rest.partition(b"\n")
        said = True
        yield json.loads(line)


def rehearsed(pipeline: Pipeline, sizes: list[int]) -> Iterator[dict[str, Any]]:
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


def _crossing(pipeline: Pipeline) -> set[str]:
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

    longest, last = 0.0, perf_counter()

    async def tick() -> None:
        nonlocal longest, last
        while True:
            await asyncio.sleep(0)
            now = perf_counter()
            longest, last = max(longest, now - last), now

    ticks = asyncio.create_task(tick())
    await asyncio.sleep(0)
    try:
        made = await call(batch)
        longest = max(longest, perf_counter() - last)
    finally:
        ticks.cancel()
    return (batch if made is None else made), longest


def main(sink: TextIO) -> None:
    """Rehearse what the command line names; write a JSON line at each step."""
    reference, sizes = sys.argv[1], [int(text) for text in sys.argv[2:]]
    try:
        for row in rehearsed(load_pipeline(reference), sizes):
            sink.write(json.dumps(row) + "\n")
            sink.flush()
    except InputError as error:
        sink.write(json.dumps({"error": str(error)}) + "\n")
        sink.flush()


if __name__ == "__main__":
    rows = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    main(rows)
