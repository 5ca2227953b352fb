"""Campaign settings: what to sample of the terms and of the pipeline, and how often."""

from __future__ import annotations

import os
from itertools import chain, count, pairwise
from math import isqrt
from typing import Annotated, Any

from pydantic import ConfigDict, Field, model_validator

from aethermodel.fabrics import FABRICS, LABEL_OF, DeviceLabel, Fabric, FabricLabel, crosses
from aethermodel.inputs.list_types import LISTED
from aethermodel.inputs.unset_values import UnsetIsDefault
from aethermodel.kernel_facts import EVENT_BYTES, MAX_THREADS, switch_size
from aethermodel.measure.harness.event_loops import EventLoop, available_loops
from aethermodel.measure.harness.ring_size import MOST_BATCH_BYTES, ring_bytes
from aethermodel.measure.host.fingerprint import this_host
from aethermodel.measure.host.rdma_devices import usable_device
from aethermodel.measure.sampling.sampler import Plan, Point, calm_plan


def loop_probe(fabric: Fabric) -> str:
    """Return the probe of T_loop: of the plane in one process, of the bus across processes."""
    return "bus_loop" if crosses(fabric) else "loop"


def needs_busy_core(probe: str, fabric: Fabric, threads: int = 1) -> bool:
    """Whether a term is to be timed while another core is busy.

    It is, where the pipeline runs over a fabric. The fabric's own probes have a second process,
    teams have their threads.
    """
    return crosses(fabric) and probe in ("kernel", "ffi", "bus_loop", "refill") and threads == 1


#: Events from which on the router gives a thread a part of a batch (cython_core/c/route/route.c).
PART_EVENTS = 8192
# Times as much may be asked for as is taken where nobody asks.
_ASKED_TIMES = 4
# Bytes of the pool up to which batch sizes are taken that nobody asked for; and of a batch from
# another process.
_MOST_POOL_BYTES, _MOST_CROSSING_BYTES = 2**28, MOST_BATCH_BYTES // _ASKED_TIMES
# So few sizes are all timed: a law of less than three says nothing of its own truth.
_FEW_SIZES = 4


def thread_counts() -> tuple[int, ...]:
    """Return the powers of two up to the cores that this process may use, and these."""
    cores = min(len(os.sched_getaffinity(0)), MAX_THREADS)
    return tuple(sorted({2**i for i in range(cores.bit_length())} | {cores}))


class Campaign(UnsetIsDefault):
    """One comparison of the model with the pipeline, on one host.

    Attributes
    ----------
    batch_sizes : tuple of int
        Batch sizes N at which the pipeline runs as a whole. The kernel probe avoids
        them, so that each of them is a prediction and not a look-up.
    event_loop : {"asyncio", "uvloop"}
    fabric : {"loopback", "shm", "tcp", "verbs"}
        ``loopback``: one process. The others: from another process through the bus, by the
        ring, by the kernel's TCP or by an RDMA device; every event is checked.
    device : {"soft-roce", "rdma-nic"}, optional
        What moves the bytes of verbs; where it is not given, this host's device is looked at.
    record_bytes : int
        Of each event, a multiple of 8. The default batch sizes end where the pool is larger than
        256 MiB, or a batch from another process than 16 MiB.
    topics : int
        Topics of the router, each with a handler.
    pool : int
        Distinct batches to cycle through: the working set is ``pool * N * record_bytes``. From
        another process it is always 1: the check has just read the batch that is routed.
    pin : str, optional
        Cores of the loop and of the producer, as `aethermodel.measure.host.affinity` reads them.
    processes, repeats, seed
        As in `aethermodel.measure.sampling.sampler.Plan`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_sizes: Annotated[tuple[int, ...], LISTED] = Field(
        (1, 10, 100, 1_000, 10_000, 30_000), min_length=1
    )
    event_loop: EventLoop = available_loops()[-1]
    fabric: Fabric = "loopback"
    device: DeviceLabel | None = None
    record_bytes: int = Field(EVENT_BYTES, ge=8, le=65_536, multiple_of=8)
    topics: int = Field(16, ge=1, le=65_536)
    pool: int = Field(
        default_factory=lambda given: 1 if crosses(given.get("fabric")) else 4, ge=1, le=1024
    )
    processes: int = Field(8, ge=1, le=100)
    # What processes differ by weighs more than noise within one: rather more of them.
    repeats: int = Field(2, ge=1, le=1000)
    seed: int = 0
    pin: str | None = Field(None, max_length=200)

    @model_validator(mode="after")
    def _records_fit(self) -> Campaign:
        if self.record_bytes == EVENT_BYTES:
            return self
        most = _MOST_CROSSING_BYTES if self.crosses else _MOST_POOL_BYTES
        room = most // (self.pool * self.record_bytes)
        if "batch_sizes" not in self.model_fields_set:
            sizes = tuple(n for n in self.batch_sizes if n <= room) or self.batch_sizes[:1]
            object.__setattr__(self, "batch_sizes", sizes)  # frozen from here on
        if (largest := max(self.batch_sizes)) > _ASKED_TIMES * room:
            many = f"a pool of {self.pool} batches" if self.pool > 1 else "a batch"
            raise ValueError(
                f"{many} of {largest} records of {self.record_bytes} bytes is larger than "
                f"{_ASKED_TIMES * most >> 20:,} MiB: take a smaller batch or pool"
            )
        return self

    @model_validator(mode="after")
    def _sizes_make_sense(self) -> Campaign:
        for size in self.batch_sizes:
            if not 1 <= size <= 2**22:
                raise ValueError(f"a batch size must be 1 to {2**22}, not {size}")
        if len(set(self.batch_sizes)) != len(self.batch_sizes):
            raise ValueError("a batch size is given twice")
        if self.crosses and self.pool != 1:
            raise ValueError(f"over {self.fabric} the pool is 1, not {self.pool}")
        needs_device = FABRICS[self.fabric].needs_device
        if not needs_device and self.device:
            raise ValueError(f"{self.fabric} has no device, not {self.device}")
        if needs_device and not self.device:
            found = usable_device(ring_bytes(max(self.kernel_sizes()), self.record_bytes))
            object.__setattr__(self, "device", found)  # frozen from here on
        return self

    @property
    def label(self) -> FabricLabel:
        """Provenance label of the campaign's figures."""
        return self.device or LABEL_OF[self.fabric]

    @property
    def crosses(self) -> bool:
        """Whether the events come from another process."""
        return crosses(self.fabric)

    def kernel_sizes(self) -> list[int]:
        """Return the batch sizes of the kernel probe: one, and three times powers of two.

        Every other power up to where the router takes its second way, each beyond, where memory
        levels follow each other. Where the pipeline has such a size, the next free one above it.
        They reach beyond the pipeline's largest batch, so that nothing is extrapolated.
        """
        sizes: list[int] = []
        switch = switch_size(self.topics, self.record_bytes)
        powers = (3 * 2**i for i in count() if i % 2 == 0 or 3 * 2**i > switch)
        grid = chain([1], powers)
        while len(sizes) < 2 or sizes[-1] <= max(self.batch_sizes):
            sizes.append(self._free(next(grid), sizes))
        return sorted(sizes)

    def _free(self, size: int, taken: list[int]) -> int:
        """Return the next size that is neither taken nor one of the pipeline's."""
        return next(n for n in count(size) if n not in self.batch_sizes and n not in taken)

    def knee_sizes(self) -> list[int]:
        """Return the router's switch and a size within each gap beyond it, for the kernel alone.

        Up to the switch the direct way costs more and more; nothing shows the step as it does. And
        where the pool outgrows a cache a batch of twice the events takes three times as long: where
        in such a gap the slope rises is not to be guessed.
        """
        switch = switch_size(self.topics, self.record_bytes)
        gaps = pairwise(size for size in self.kernel_sizes() if size > switch)
        between = {isqrt(low * high) for low, high in gaps}
        if switch < self.kernel_sizes()[-1]:
            between.add(switch)
        return sorted(between - {*self.kernel_sizes(), *self.batch_sizes})

    def call_counts(self) -> list[int]:
        """Return how many handlers the loop probe calls: from one to all, doubling."""
        counts = {1, self.topics}
        counts.update(2**i for i in range(1, 17) if 2**i < self.topics)
        return sorted(counts)

    def plan(self, *, whole: bool = True) -> Plan:
        """Return the sampling plan.

        Parameters
        ----------
        whole : bool
            Also run the pipeline, the ceiling beside it; else the terms and the ceiling only.
        """
        beside = self.whole_points() if whole else self.ceiling_points()
        points = self.term_points() + beside
        return calm_plan(points, self.processes, self.repeats, self.seed)

    def term_points(self) -> list[Point]:
        """Return what calibrates the terms, each by its own probe."""
        sizes, handles = self.kernel_sizes(), self.handle_sizes()
        return [
            *(self._loop_point(k) for k in self.call_counts()),
            *(self._refill_point(n) for n in self.refill_sizes()),
            *(self._point("ffi", batch_size=n) for n in handles),
            *self._fabric_points(),
            *self._team_points(sizes[-1]),
            *self._producer_points(),
            *(self._point("kernel", batch_size=n) for n in sorted(sizes + self.knee_sizes())),
        ]

    def _loop_point(self, calls: int) -> Point:
        settings: dict[str, Any] = {"event_loop": self.event_loop, "calls": calls}
        if self.crosses:
            # The producer is elsewhere: no task of its own takes turns with the bus.
            settings["producer"] = False
        return self._point(loop_probe(self.fabric), **settings)

    def _refill_point(self, n: int) -> Point:
        return self._point("refill", batch_size=n, event_loop=self.event_loop, bus=self.crosses)

    def _team_points(self, size: int) -> list[Point]:
        """Threads that share the largest batch, as far as it is large enough to be split."""
        counts = [p for p in thread_counts()[1:] if size >= p * PART_EVENTS]
        return [self._point("kernel", batch_size=size, threads=p) for p in counts]

    def _fabric_points(self) -> list[Point]:
        across = self.crosses
        # A handle moves in no time that depends on N; events are fetched one by one.
        sizes = self.kernel_sizes() if across else self.handle_sizes()
        settings = {"event_loop": self.event_loop, "fabric": self.fabric, "checked": across}
        return [self._point("fabric", batch_size=n, **settings) for n in sizes]

    def _producer_points(self) -> list[Point]:
        """Return what calibrates the producer in another process, a stage of its own.

        At every other size where there are enough for a law: its consumer takes the batches outside
        the clock, at the same cost.
        """
        if not self.crosses:
            return []
        sizes = self.kernel_sizes()
        if len(sizes) > _FEW_SIZES:
            sizes = sizes[(len(sizes) - 1) % 2 :: 2]  # the largest among them
        settings = {"event_loop": self.event_loop, "fabric": self.fabric}
        return [self._point("send", batch_size=n, **settings) for n in sizes]

    def handle_sizes(self) -> list[int]:
        """Return five sizes: they show whether a handle's cost really does not depend on N.

        With fewer the largest alone would decide a growth, and no size could be held out.
        """
        sizes = self.kernel_sizes()
        return sorted({sizes[i * (len(sizes) - 1) // 4] for i in range(5)})

    def refill_sizes(self) -> list[int]:
        """Return one, and sizes on both sides of what fills a core's own cache, where it bends.

        Where no batch of the kernel probe is as large as that, its own sizes without the largest,
        whose sweep takes ten times as long as what is timed; two at least.
        """
        first, *others = self.kernel_sizes()
        fills = this_host().cache_bytes.get("L2", 0) // self.record_bytes
        if not fills or fills >= others[-1]:
            return [first, *(others[-7:-1] or others)]
        sizes = [first]
        for size in (fills // 16, fills // 4, fills // 2, fills * 3 // 2, fills * 2):
            sizes.append(self._free(size, sizes))
        return sizes

    def ceiling_points(self) -> list[Point]:
        """Return the copy bandwidth from the smallest to the largest batch of the kernel probe."""
        return [self._point("bandwidth", batch_size=n) for n in self.kernel_sizes()[::2]]

    def whole_points(self) -> list[Point]:
        """Return the pipeline at every batch size, plain and timed inside, and a copy beside."""
        points: list[Point] = []
        for n in self.batch_sizes:
            settings = {"event_loop": self.event_loop, "calls": self.topics, "fabric": self.fabric}
            points.append(self._point("pipeline", batch_size=n, **settings))
            points.append(self._point("in_place", batch_size=n, **settings))
            points.append(self._point("bandwidth", batch_size=n))
        return points

    def _point(self, probe: str, **settings: Any) -> Point:
        settings = {"topics": self.topics, "pool": self.pool, **settings}
        if self.record_bytes != EVENT_BYTES:
            settings["record_bytes"] = self.record_bytes
        company = needs_busy_core(probe, self.fabric, settings.get("threads", 1))
        return Point(probe=probe, settings=settings, company=company)
