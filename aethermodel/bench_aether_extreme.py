"""The specification's stress test (section 3): producer, queue, consumer on one event loop.

Run ``python bench_aether_extreme.py --core mocked`` beside an installed aethermodel, or
``aethermodel bench extreme``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import typer
from pydantic import BaseModel, ConfigDict, Field

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.plane import Batch, Plane
from aethermodel.documents import document, write_document
from aethermodel.labels import FabricLabel
from aethermodel.measure.mocked import mocked_core
from aethermodel.measure.runner import EventLoop, available_loops, on_loop
from aethermodel.measure.tally import Tally
from aethermodel.measure.workload import make_pool

if TYPE_CHECKING:
    pass

ADVICE = (
    "change the batch size (--batch-size): larger batches spread the loop's cost thinner",
    "make fewer objects on the Python side: reuse batches and results, pass handles",
    "profile the event loop and the queue's contention",
)


class Settings(BaseModel):
    """What the stress test runs.

    Attributes
    ----------
    core : {"mocked", "cython"}
        ``mocked`` waits as long as the specification says its core takes (figures are
        labelled ``simulated``); ``cython`` routes every event with the kernel library.
    batch_size, batches, queue_depth, topics : int
        Events a batch, batches in all, batches that may wait, topics with a handler.
    event_loop : {"asyncio", "uvloop"}
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    core: Literal["mocked", "cython"] = "cython"
    batch_size: int = Field(10_000, ge=1, le=2**24)
    batches: int = Field(2_000, ge=2, le=10**7)
    queue_depth: int = Field(8, ge=1, le=10**5)
    topics: int = Field(16, ge=1, le=65_536)
    event_loop: EventLoop = available_loops()[-1]


class Result(BaseModel):
    """What came out.

    Attributes
    ----------
    throughput_per_second : float
        Messages handled over the time from the first send to the last one handled.
    latency_p50_seconds, latency_p99_seconds : float
        From a batch's send to the return of its last handler. The producer never
        rests, so this is the latency of a full queue, not that of a light load.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    settings: Settings
    label: FabricLabel
    messages: int
    seconds: float
    throughput_per_second: float
    latency_p50_seconds: float
    latency_p99_seconds: float
    threshold_per_second: float
    ready: bool
    advice: tuple[str, ...]


def _cython(settings: Settings) -> tuple[Callable[[Batch], None], Tally]:
    """Return the real core: one call a batch, the kernel on every event, a handler a topic."""
    plane, tally = Plane(settings.topics, settings.batch_size), Tally()
    for topic in range(settings.topics):
        plane.on(topic, tally.handle)
    return plane.tick, tally


def run(settings: Settings) -> Result:
    """Run the stress test once, after a warm-up of a tenth of it.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    Result

    Raises
    ------
    RuntimeError
        If the handlers were shown fewer events than were sent.
    """
    # Here, as it brings SymPy: whoever only asks the command line for something else
    # does not wait for it.
    from aethermodel.specification import load_specification

    specification = load_specification()
    pool = make_pool(settings.batch_size, settings.topics, min(settings.queue_depth + 2, 16))
    tally: Tally | None = None
    if settings.core == "mocked":
        process = mocked_core(specification)
    else:
        process, tally = _cython(settings)

    async def timed(batches: int) -> float:
        fabric = Loopback(settings.queue_depth)

        async def produce() -> None:
            for i in range(batches):
                sent[i] = perf_counter()
                await fabric.send(pool[i % len(pool)])

        async def consume() -> None:
            for i in range(batches):
                process(await fabric.receive())
                done[i] = perf_counter()

        start = perf_counter()
        await asyncio.gather(produce(), consume())
        return perf_counter() - start

    drive = on_loop(settings.event_loop, timed)
    sent, done = np.zeros(settings.batches), np.zeros(settings.batches)
    drive(max(1, settings.batches // 10))
    if tally:
        tally.events = 0
    seconds = drive(settings.batches)
    messages = settings.batches * settings.batch_size
    if tally and tally.events != messages:
        raise RuntimeError(f"handlers saw {tally.events} of {messages} events")
    rate = messages / seconds
    ready = rate > specification.threshold_per_second
    p50, p99 = np.percentile(done - sent, [50, 99])
    return Result(
        settings=settings,
        label="loopback" if tally else "simulated",
        messages=messages,
        seconds=seconds,
        throughput_per_second=rate,
        latency_p50_seconds=float(p50),
        latency_p99_seconds=float(p99),
        threshold_per_second=specification.threshold_per_second,
        ready=ready,
        advice=() if ready else ADVICE,
    )


def describe(result: Result) -> str:
    """Return the result in words and figures, with the specification's verdict."""
    s = result.settings
    what = "mocked core, simulated" if result.label == "simulated" else "Cython core, loopback"
    lines = [
        f"{s.batches:,} batches of {s.batch_size:,} messages, {s.topics} topics, "
        f"{s.event_loop}, queue of {s.queue_depth} [{what}]",
        f"  throughput     {result.throughput_per_second / 1e6:10.2f} million msg/s",
        f"  batch latency  {result.latency_p50_seconds * 1e6:10.1f} us P50",
        f"                 {result.latency_p99_seconds * 1e6:10.1f} us P99",
    ]
    threshold = f"{result.threshold_per_second:,.0f} msg/s"
    if result.ready:
        lines.append(f"Above {threshold}: ready for bridge-level optimisation.")
    else:
        lines += [f"Below {threshold}. The specification advises:"]
        lines += [f"  - {advice}" for advice in result.advice]
    return "\n".join(lines)


def command(
    core: Annotated[str, typer.Option(help="mocked (simulated figures) or cython")] = "cython",
    batch_size: Annotated[int, typer.Option(help="messages in a batch")] = 10_000,
    batches: Annotated[int, typer.Option(help="batches to send")] = 2_000,
    queue_depth: Annotated[int, typer.Option(help="batches that may wait in the queue")] = 8,
    topics: Annotated[int, typer.Option(help="topics, each with a handler")] = 16,
    loop: Annotated[
        str | None, typer.Option(help="asyncio or uvloop; uvloop where it is installed")
    ] = None,
    json: Annotated[str | None, typer.Option(help="write JSON to this file, - for stdout")] = None,
) -> None:
    """Run the specification's stress test: producer, queue and consumer on one event loop.

    Example: aethermodel bench extreme --core mocked --batch-size 10000

    Exit status: 0 above 5,000,000 msg/s, 1 below, 2 bad input.
    """
    given: dict[str, Any] = {
        "core": core,
        "batch_size": batch_size,
        "batches": batches,
        "queue_depth": queue_depth,
        "topics": topics,
    }
    result = run(Settings(**given | ({"event_loop": loop} if loop else {})))
    if json:
        figures = result.model_dump(exclude={"label"})
        write_document(document("aethermodel.bench.extreme/1", result.label, figures), json)
    if json != "-":
        typer.echo(describe(result))
    raise typer.Exit(0 if result.ready else 1)


if __name__ == "__main__":
    from aethermodel.console import run_command

    run_command(command)
