"""Slices of a stream: batches that follow each other in one stay in the event loop, cut for looks.

Whatever else the loop serves, as connections of a server, goes on in its turns. A loop that is left
after each slice and entered again does some of that outside the clock, and more of it before the
first one. So the loop is not left, and one slice more goes first, which does not count.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from math import inf
from typing import Any

from aethermodel import thresholds
from aethermodel.measure.host.slices import Slice, Slices
from aethermodel.pipelines.execution.stage_inputs import Inputs
from aethermodel.pipelines.runtime.runtime import Runtime

#: What times batches.
Timing = Callable[[Sequence[Any]], Coroutine[Any, Any, float]]


def stream_slices(runtime: Runtime, inputs: Inputs, loops: int, seconds_of: Timing) -> list[Slice]:
    """Time a stream of batches in slices.

    Parameters
    ----------
    runtime : Runtime
        Whose loop the batches are run in.
    inputs : Inputs
    loops : int
        Batches of all slices.
    seconds_of : callable
        Coroutine function, ``batches -> seconds``; of the first slice as well.
    """
    each = max(1, loops // thresholds.SLICES)
    sizes = [each] * (1 + max(1, loops // each))
    if inputs.at_hand(sum(sizes)):
        return runtime.run(_cut([inputs.take(size) for size in sizes], seconds_of))
    # Those that are made for one use are made while nothing runs.
    found = Slices(inf)
    for size in sizes:
        found.add(size, sum(runtime.run(seconds_of(some)) for some in inputs.chunks(size)))
        found.cut()
    return found.taken[1:]


async def _cut(parts: Sequence[Sequence[Any]], seconds_of: Timing) -> list[Slice]:
    found = Slices(inf)
    for batches in parts:
        found.add(len(batches), await seconds_of(batches))
        found.cut()
    return found.taken[1:]
