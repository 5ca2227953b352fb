"""Row worker: reads one row from standard input, measures it, writes JSON.

Run as ``python -m aethermodel.bench.pipeline.row_worker`` by
`aethermodel.bench.pipeline.measurement`.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from typing import Any

from aethermodel import thresholds
from aethermodel.bench.pipeline.rows import Row, opened
from aethermodel.measure.harness.bus_run import Move
from aethermodel.measure.harness.warm_up import WarmUp
from aethermodel.measure.host import affinity
from aethermodel.measure.host.contention import CoreCheck
from aethermodel.measure.host.slices import Releases
from aethermodel.measure.host.steal_and_switches import Noise, Reading
from cython_core import simd_variant


async def measure(row: Row, seconds: float, load: float) -> dict[str, Any]:
    """Run a row as fast as it goes, once more in slices, then at a fixed share of that.

    Parameters
    ----------
    row : Row
    seconds : float
        About how long each of the two takes.
    load : float
        Share of the rate just reached that is offered for the latencies.

    Returns
    -------
    dict
        JSON values, units in their names; ``simd``: the variant that the kernels ran as;
        ``slices`` as `aethermodel.bench.pipeline.undisturbed_rate` has them.
    """
    async with opened(row) as (move, seen):
        batches, settled = await _warm(move, seconds)
        gc.collect()
        gc.freeze()
        around = _look(row)
        before = Reading.now()
        fast = await move(batches, 0)
        between = _look(row)
        around = around.worst(between)
        releases = Releases()
        if seen:
            await seen(releases)(batches, 0)
        between = between.worst(_look(row))
        interval_ns = max(round(fast.seconds / batches / load * 1e9), 1)
        steady = await move(max(round(batches * load), 1), interval_ns)
        noise = Noise.since(before)
        around = around.worst(_look(row))
    million = fast.messages / 1e6
    latency = {
        f"{k}_seconds": steady.latency_ns.quantile(s) / 1e9
        for k, s in thresholds.FEW_PERCENTILES.items()
    }
    return {
        "simd": simd_variant(),
        "messages": fast.messages,
        "settled": settled,
        "throughput_per_second": fast.messages / fast.seconds,
        "cpu_seconds_per_million": fast.cpu_seconds / million,
        "producer_share": fast.producer_seconds / fast.seconds,
        "offered_per_second": row.batch_size / interval_ns * 1e9,
        **latency,
        "tick_p99_seconds": steady.tick_ns.quantile(0.99) / 1e9,
        "stolen_seconds": noise.stolen_seconds,
        "switches": noise.switches,
        **around.worst(between)._asdict(),
        "slices": [[row.batch_size * n / s, core] for n, s, core in releases.taken],
        "slices_trip_seconds": between.trip_seconds,
    }


def _look(row: Row) -> CoreCheck:
    return CoreCheck.now(both=row.crosses, crossing=row.crosses)


async def _warm(move: Move, seconds: float) -> tuple[int, bool]:
    """Grow the run until it lasts long enough, then until two agree; tell whether they did."""
    tried = 4
    while (last := (await move(tried, 0)).seconds) < seconds / 4:
        tried = int(tried * min(10, max(2, 0.4 * seconds / max(last, 1e-9))))
    batches = max(1, round(tried * seconds / last))
    windows = WarmUp(last * batches / tried)
    while not windows.done:
        windows.add((await move(max(1, batches // 4), 0)).seconds * 4)
    return batches, windows.settled


def main() -> None:
    """Serve one request."""
    request = json.load(sys.stdin)
    row = Row.model_validate(request["row"])
    affinity.take("loop")
    work = measure(row, request["seconds"], request["load"])
    if row.event_loop == "uvloop":
        import uvloop

        figures = uvloop.run(work)
    else:
        figures = asyncio.run(work)
    json.dump(figures, sys.stdout)


if __name__ == "__main__":
    main()
