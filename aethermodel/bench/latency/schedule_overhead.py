"""Schedule overhead: cost of keeping arrival times, in no term of the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import perf_counter

from aethermodel.bench.latency.load import LoadedPipeline, LoadSettings
from aethermodel.bus.adaptive_size import Rule
from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.fabrics.protocol import Batch
from aethermodel.measure.harness.event_loops import on_loop
from aethermodel.measure.host.slices import Slices, undisturbed
from cython_core import allocate


def keeping_seconds(
    settings: LoadSettings,
    rule: Callable[[], Rule] | None = None,
    *,
    pairs: int = 25,
    ticks: int = 300,
) -> float:
    """Time ticks of the loaded pipeline without its plane, with and without a schedule to keep.

    Parameters
    ----------
    settings : LoadSettings
        Over loopback.
    rule : callable, optional
        Makes what forms the batches, afresh each time; without one a tick takes what has arrived.
    pairs, ticks : int
        Runs of each form, by turns, and ticks of a run.

    Returns
    -------
    float
        Seconds a tick for looking up what is due, asking the rule and noting what was done when;
        never below zero.
    """
    keeping = _Keeping(settings, rule, ticks)
    plain = on_loop(settings.event_loop, _plain)
    keeping.tick_seconds(), plain(ticks)  # warm
    # At full speed, as the terms: a core that a neighbour shares makes either look dearer.
    kept, alone = Slices(0), Slices(0)
    for _ in range(pairs):
        kept.add(ticks, ticks * keeping.tick_seconds())
        alone.add(ticks, plain(ticks))
    return max(0.0, undisturbed(kept.taken).seconds - undisturbed(alone.taken).seconds)


class _Nothing:
    """A plane that does nothing with a batch."""

    def tick(self, batch: Batch) -> None:
        """Take it."""


class _Keeping(LoadedPipeline):
    """The loaded pipeline, its plane taken out."""

    def __init__(self, settings: LoadSettings, rule: Callable[[], Rule] | None, ticks: int) -> None:
        super().__init__(settings)
        self._plane = _Nothing()
        self._new_rule = rule
        self._ticks = ticks

    def tick_seconds(self) -> float:
        """Keep a schedule that is due all at once."""
        rule = self._new_rule() if self._new_rule else None
        most = rule.most if rule else self.settings.largest
        self._due = [0.0] * (self._ticks * most)
        self._ends, self._served, self._rule = [], [], rule
        return self._drive(len(self._due)) / len(self._served)


async def _plain(ticks: int) -> float:
    """Two tasks that take turns by the same fabric."""
    fabric, plane, batch = Loopback(depth=2), _Nothing(), allocate(1)

    async def produce() -> None:
        for _ in range(ticks):
            await fabric.send(batch)
            await asyncio.sleep(0)

    async def consume() -> None:
        for _ in range(ticks):
            plane.tick(await fabric.receive())
            await asyncio.sleep(0)

    start = perf_counter()
    await asyncio.gather(produce(), consume())
    return perf_counter() - start
