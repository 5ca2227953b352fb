"""Pipeline of the stress test: producer, queue and consumer on one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field

from aethermodel.bus.fabrics.loopback import Loopback
from aethermodel.bus.plane import Batch, Plane
from aethermodel.fabrics import FabricLabel
from aethermodel.measure.harness.batch_pool import make_pool
from aethermodel.measure.harness.event_loops import EventLoop, available_loops, on_loop
from aethermodel.measure.harness.handlers import LostEventsError, Tally, mocked_core

Floats = npt.NDArray[np.float64]


class Design(BaseModel):
    """What a stress test runs.

    Attributes
    ----------
    core : {"mocked", "cython"}
        ``mocked`` waits as long as the specification says its core takes (figures are
        labelled ``simulated``); ``cython`` routes every event with the kernel library.
    batch_size, queue_depth, topics : int
        Events a batch, batches that may wait, topics with a handler.
    event_loop : {"asyncio", "uvloop"}
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    core: Literal["mocked", "cython"] = "cython"
    batch_size: int = Field(10_000, ge=1, le=2**24)
    queue_depth: int = Field(8, ge=1, le=10**5)
    topics: int = Field(16, ge=1, le=65_536)
    event_loop: EventLoop = available_loops()[-1]

    @property
    def pool(self) -> int:
        """Distinct batches to cycle through: those that wait, one at each end, at most 16."""
        return min(self.queue_depth + 2, 16)

    @property
    def label(self) -> FabricLabel:
        """Provenance label of the figures."""
        return "loopback" if self.core == "cython" else "simulated"


@dataclass(frozen=True)
class Passage:
    """What one run of a stress test took.

    Attributes
    ----------
    messages : int
    seconds : float
        From the first send to the last message handled.
    sent, done : ndarray of float64, shape (batches,)
        When each batch was sent, and when its last handler returned; seconds on one clock.
    """

    messages: int
    seconds: float
    sent: Floats
    done: Floats

    @property
    def per_second(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


class Stress:
    """A stress test made ready: batches, core and handlers stand before the clock starts.

    Parameters
    ----------
    design : Design

    Attributes
    ----------
    process : callable
        What the consumer does with a batch.
    batches : list of ndarray
        The pool that the producer sends in turn.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self.batches = make_pool(design.batch_size, design.topics, design.pool)
        self.process: Callable[[Batch], None]
        self._tally: Tally | None = None
        if design.core == "mocked":
            # Here, as it brings SymPy: whoever only asks the command line for something else
            # does not wait for it.
            from aethermodel.published.specification import load_specification

            self.process = mocked_core(load_specification())
        else:
            plane, self._tally = Plane(design.topics, design.batch_size), Tally()
            for topic in range(design.topics):
                plane.on(topic, self._tally.handle)
            self.process = plane.tick
        self._sent = self._done = np.zeros(0)
        self._drive = on_loop(design.event_loop, self._timed)

    def run(self, batches: int) -> Passage:
        """Send so many batches and see them handled.

        Raises
        ------
        LostEventsError
            If the handlers were shown another number of events than were sent.
        """
        self._sent, self._done = np.zeros(batches), np.zeros(batches)
        if self._tally:
            self._tally.events = 0
        seconds = self._drive(batches)
        messages = batches * self.design.batch_size
        if self._tally and self._tally.events != messages:
            raise LostEventsError(f"handlers saw {self._tally.events} of {messages} events")
        return Passage(messages, seconds, self._sent, self._done)

    async def _timed(self, batches: int) -> float:
        fabric = Loopback(self.design.queue_depth)
        pool, process, sent, done = self.batches, self.process, self._sent, self._done

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
