"""Rounds of exchanges: every batch size in random order, warm, over a fresh connection each."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, field_validator

from aethermodel.bench.fabric.exchanges import MOST_BYTES, RECORD, Batch, Calls, Exchange
from aethermodel.measure.sampling.garbage_collection import uncollected
from aethermodel.thresholds import WARM_TOLERANCE

#: Sizes that the law is fitted to, and those between them that it has to predict.
BATCH_SIZES = (1, 4, 16, 64, 256, 1024, 4096, 16_384)
HELD_OUT = (2, 8, 32, 128, 512, 2048, 8192)
# A window of exchanges; a connection whose congestion window is still growing gets faster.
_WINDOW, _MOST_WINDOWS = 3, 12
_LEAST, _MOST = 5, 200


class FabricPlan(BaseModel):
    """What is exchanged, and how often.

    Attributes
    ----------
    batch_sizes : tuple of int
        Events a batch that the law is fitted to.
    held_out : tuple of int
        Events a batch that it predicts.
    rounds : int
        Fresh connections, one after the other.
    seconds : float
        Time that all exchanges may take, about; each size is sent 5 times a round at least.
    seed : int
        Of the order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_sizes: tuple[int, ...] = BATCH_SIZES
    held_out: tuple[int, ...] = HELD_OUT
    rounds: int = Field(3, ge=1, le=100)
    seconds: float = Field(20.0, gt=0, le=86_400, allow_inf_nan=False)
    seed: int = 0

    @field_validator("batch_sizes", "held_out")
    @classmethod
    def _sizes(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        for size in sizes:
            if not 1 <= size <= MOST_BYTES // RECORD:
                raise ValueError(f"a batch has 1 to {MOST_BYTES // RECORD:,} events, not {size:,}")
        return tuple(sorted(set(sizes)))

    @field_validator("batch_sizes")
    @classmethod
    def _enough(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        if len(sizes) < 4 or sizes[0] != 1 or sizes[-1] < 64:
            raise ValueError(
                "batch sizes: at least four, among them 1 (its round trip is twice the latency) "
                f"and one of 64 or more, not {', '.join(map(str, sizes))}"
            )
        return sizes

    @classmethod
    def between(cls, batch_sizes: Sequence[int], **others: Any) -> FabricPlan:
        """Return a plan that holds out the size in the middle of each two neighbours."""
        fitted = sorted(set(batch_sizes))
        middles = {round((one * two) ** 0.5) for one, two in pairwise(fitted)}
        return cls(batch_sizes=tuple(fitted), held_out=tuple(middles - set(fitted)), **others)

    @classmethod
    def within(cls, most: int | None, **others: Any) -> FabricPlan:
        """Return the usual plan, but for sizes of more than `most` events; None is no limit."""
        if most is None:
            return cls(**others)
        kinds = (BATCH_SIZES, HELD_OUT)
        fitted, held = (tuple(n for n in sizes if n <= most) for sizes in kinds)
        return cls(batch_sizes=fitted, held_out=tuple(n for n in held if n < fitted[-1]), **others)

    @property
    def sizes(self) -> tuple[int, ...]:
        """All batch sizes, ascending."""
        return tuple(sorted({*self.batch_sizes, *self.held_out}))


class Sample(NamedTuple):
    """One timed exchange.

    Attributes
    ----------
    round : int
    events : int
        Of the batch.
    exchange : Exchange
    beside : Exchange
        Of the smallest batch, right after it: for the clocks.
    resent : bool
        Whether a packet was sent again while it went there and back, on either side.
    settled : bool
        Whether the warm-up before it ended with two windows that agree.
    """

    round: int
    events: int
    exchange: Exchange
    beside: Exchange
    resent: bool
    settled: bool


class Round:
    """One round over one connection.

    Parameters
    ----------
    caller : Calls
    plan : FabricPlan
    number : int
        Of the round.
    batches : dict of int to Batch
        By events.
    """

    def __init__(
        self, caller: Calls, plan: FabricPlan, number: int, batches: dict[int, Batch]
    ) -> None:
        self._caller, self._plan, self._number, self._batches = caller, plan, number, batches
        self._smallest = batches[1]
        self._chance = random.Random(f"{plan.seed}/{number}")

    def samples(self) -> Iterator[Sample]:
        """Yield the samples of every size."""
        plan = self._plan
        order = list(plan.sizes)
        self._chance.shuffle(order)
        share = plan.seconds / plan.rounds / len(order)
        # The largest first: the windows of TCP grow with what is under way.
        self._warm(self._batches[max(order)])
        for events in order:
            batch = self._batches[events]
            seconds, settled = self._warm(batch)
            count = _often(share, 2 * seconds + self._caller.fresh_seconds)
            yield from self._taken(events, batch, count, settled)

    def _taken(self, events: int, batch: Batch, count: int, settled: bool) -> Iterator[Sample]:
        """Exchange a batch so often, each time after a small one that nobody times.

        That one finds the other side waiting, whatever it did after the last answer, and brings
        what its connection has sent again.
        """
        exchange, wait, apart = (
            self._caller.exchange,
            self._caller.fresh_seconds,
            self._caller.apart_seconds,
        )
        time.sleep(wait)  # what the warm-up sent again is counted before
        before = exchange(self._smallest)
        with uncollected():
            for _ in range(count):
                if apart:
                    # What an RDMA device does at some time after each answer, such as to
                    # acknowledge it, meets few of the batches then, and not each.
                    time.sleep(self._chance.uniform(0, apart))
                timed = exchange(batch)
                if wait:
                    time.sleep(wait)
                after = exchange(self._smallest)
                # What TCP resent shows at once on this side, and there with the next answer.
                here = after if wait else timed
                resent = here.resent > before.resent or after.resent_there > before.resent_there
                yield Sample(self._number, events, timed, after, resent, settled)
                before = after

    def _warm(self, batch: Batch) -> tuple[float, bool]:
        """Exchange until two windows agree; return what the last one took, and whether they did."""
        exchange, last = self._caller.exchange, 0.0
        with uncollected():
            for _ in range(_MOST_WINDOWS):
                window = []
                for _ in range(_WINDOW):
                    exchange(self._smallest)
                    window.append(exchange(batch).round_trip_ns / 1e9)
                now = statistics.median(window)
                if last and abs(now - last) <= WARM_TOLERANCE * min(now, last):
                    return now, True
                last = now
        return last, False


def _often(share: float, seconds: float) -> int:
    return max(_LEAST, min(_MOST, int(share / (seconds + 1e-6))))


def batches_of(sizes: Sequence[int]) -> dict[int, Batch]:
    """Make a batch of each size, and one of a single event."""
    from aethermodel.measure.harness.batch_pool import make_batch
    from cython_core import as_bytes

    return {n: Batch(bytes(as_bytes(make_batch(n, 16, seed=n)))) for n in {1, *sizes}}


#: Called with (sizes done, sizes in all rounds).
Progress = Callable[[int, int], None]
