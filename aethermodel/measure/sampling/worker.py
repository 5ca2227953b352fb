"""Sampling worker: reads a plan from standard input, writes a JSON line a sample.

Run as ``python -m aethermodel.measure.sampling.worker`` by `aethermodel.measure.sampling.sampler`.
"""

from __future__ import annotations

import gc
import json
import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any, TextIO

from aethermodel import fabrics, thresholds
from aethermodel.inputs.refusals import InputError
from aethermodel.measure.harness.warm_up import WarmUp
from aethermodel.measure.host import affinity
from aethermodel.measure.host.affinity import usable_cores
from aethermodel.measure.host.contention import CoreCheck, busy_core
from aethermodel.measure.host.run_queue import RunQueue
from aethermodel.measure.host.slices import sliced, undisturbed
from aethermodel.measure.host.steal_and_switches import Noise, Reading
from aethermodel.measure.probes import PROBES, Timed
from aethermodel.measure.sampling.sampler import Plan, Point
from cython_core import clock_cost_ns

#: What a timed function saw beside its seconds since the last look, in those of its calls that
#: count.
Figures = Callable[[Sequence[int]], dict[str, float]]


def size_loop(timed: Timed, seconds: float) -> tuple[int, float]:
    """Double the loop until a sample lasts long enough.

    Parameters
    ----------
    timed : callable
        ``loops -> seconds``.
    seconds : float
        Least duration of a sample.

    Returns
    -------
    loops : int
        Of a sample.
    seconds : float
        That each of them took.
    """
    loops = 1
    while (last := timed(loops)) < seconds:
        # Jump most of the way once the figure can be trusted, at most tenfold.
        aim = seconds / last if last > 0 else 10
        loops = max(loops + 1, int(loops * min(10, max(2, 1.1 * aim))))
    return loops, last / loops


def warm_up(timed: Timed, loops: int, slices: int, seconds: float) -> bool:
    """Run windows as long as a sample until two agree; tell whether any did.

    They are compared by the slices that count, as samples are: a neighbour's millisecond says
    nothing about the caches.

    Parameters
    ----------
    timed : callable
        ``loops -> seconds``.
    loops, slices : int
        Of a sample.
    seconds : float
        That an operation took before: the first window.
    """
    windows = WarmUp(seconds)
    while not windows.done:
        windows.add(undisturbed(sliced(timed, loops, slices)).seconds)
    return windows.settled


def slices_of(plan: Plan, seconds: float) -> int:
    """Return how many slices a sample has: fewer, of operations that take long."""
    most = max(thresholds.CALM_SLICES, int(thresholds.LONGEST_SAMPLE_SECONDS / seconds))
    return min(plan.slices, most)


def crosses(point: Point) -> bool:
    """Whether what is timed at a point goes from one process to another."""
    return fabrics.crosses(point.settings.get("fabric"))


def way_of(point: Point) -> CoreCheck:
    """Look at the way between the cores, where what is timed at a point goes over it."""
    if not crosses(point):
        return CoreCheck()
    return CoreCheck(trip_seconds=CoreCheck.now(crossing=True).trip_seconds)


def on_one_core(waited: float, taken: float) -> bool:
    """Whether a process shared a core with the other one for much of a sample.

    Where there is but one, they have to: that is what such a host does.

    Parameters
    ----------
    waited, taken : float
        Seconds for which it could have run and had no core, and those of the sample.
    """
    return len(usable_cores()) > 1 and waited > thresholds.QUEUED_SHARE * taken


def sample(plan: Plan, process: int, best: CoreCheck | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of one process: every point in random order, round after round.

    Parameters
    ----------
    plan : Plan
    process : int
    best : CoreCheck, optional
        Of the cores, in earlier processes.
    """
    best = best or CoreCheck()
    order = random.Random(f"{plan.seed}/{process}")
    clock_ns, queue = clock_cost_ns(), RunQueue()
    prepared: dict[int, tuple[Timed, int, float]] = {}
    warm: dict[int, bool] = {}
    position = 0
    for repeat in range(plan.repeats):
        turns = [(turn, 0) for turn in range(len(plan.points))]
        order.shuffle(turns)
        # What was disturbed is taken again after the others: most of what disturbs lasts a while.
        for turn, attempt in turns:
            if turn not in prepared:
                point = plan.points[turn]
                probe = PROBES[point.probe]
                timed = probe.prepare(probe.settings(**point.settings))
                prepared[turn] = timed, *size_loop(timed, plan.sample_seconds)
            timed, loops, seconds = prepared[turn]
            # One that has not settled is warmed up again before each of its samples.
            if not warm.get(turn):
                warm[turn] = warm_up(timed, loops, slices_of(plan, seconds), seconds)
            around = way_of(plan.points[turn]) if plan.slices > 1 else CoreCheck()
            with busy_core() if plan.points[turn].company else nullcontext():
                # The points in between have cooled the caches; two processes take 10 ms until both
                # are in their stride.
                timed(loops if crosses(plan.points[turn]) else max(1, loops // 4))
                beside: Figures = getattr(timed, "figures", lambda _: {})
                beside(())  # of what warmed it up
                own = plan.points[turn].company
                before, waited = Reading.now(this_thread=own), queue.waited()
                slices = sliced(timed, loops, slices_of(plan, seconds))
                waited, after = queue.waited() - waited, Reading.now(this_thread=own)
                noise, waits = Noise.since(before, after), after.waits - before.waits
            found = undisturbed(slices, best.core_seconds)
            noisy = noise.noisy
            if plan.slices > 1:
                # Slices leave out what was disturbed, as long as some were not.
                around = around.worst(way_of(plan.points[turn]))
                around = around._replace(core_seconds=found.core_seconds)
                best = best.best(around)
                noisy = found.contended == 1 or not around.calm(best)
                # A switch shows in no look beside a slice; where most slices had one, the median
                # has it too. What waits for another process takes turns with it on the cores.
                alone = not crosses(plan.points[turn]) and 2 * waits < sum(s.loops for s in slices)
                short = alone and len(slices) >= plan.slices
                noisy |= short and 2 * noise.switches > len(slices)
                # The other core shows in no slice: it is waited for while it is stolen. And two
                # processes that were put on one core, though another is idle, wait for each other.
                if crosses(plan.points[turn]):
                    taken = sum(each.seconds for each in slices)
                    noisy |= noise.stolen_seconds > 0 or on_one_core(waited, taken)
            noisy |= not warm[turn]
            if noisy and attempt < plan.retries:
                turns.append((turn, attempt + 1))
            yield {
                "point": turn,
                "seconds": found.seconds,
                "seconds_all": found.seconds_all,
                "loops": loops,
                "repeat": repeat,
                "attempt": attempt,
                "order": position,
                "process": process,
                "noisy": noisy,
                "settled": warm[turn],
                "final": not noisy or attempt == plan.retries,
                "contended": found.contended if plan.slices > 1 else 0.0,
                **around._asdict(),
                "clock_ns": clock_ns,
                **asdict(noise),
                **({"figures": json.dumps(figures)} if (figures := beside(found.kept)) else {}),
            }
            position += 1


def main(source: TextIO, sink: TextIO) -> None:
    """Serve one request."""
    request = json.load(source)
    plan = Plan.model_validate(request["plan"])
    affinity.take("loop")
    # Collections in the middle of a sample would be charged to whichever probe allocates.
    gc.freeze()
    gc.disable()
    try:
        for row in sample(plan, request["process"], CoreCheck(*request["best"])):
            sink.write(json.dumps(row) + "\n")
            sink.flush()
            gc.collect()
    except InputError as error:  # of code that is timed, in a line
        sink.write(json.dumps({"error": str(error)}) + "\n")
        sink.flush()


if __name__ == "__main__":
    # Rows go to what was standard output: code that is timed may print.
    rows = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    main(sys.stdin, rows)
