"""Levers that can be tried on this host: each design compared with the present one, interleaved."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from aethermodel import thresholds
from aethermodel.bench.extreme.stress import Design, Stress
from aethermodel.measure.harness.event_loops import available_loops
from aethermodel.measure.host.steal_and_switches import Noise, Reading
from aethermodel.measure.sampling.garbage_collection import uncollected

# Batches of the pool of one candidate: more memory than this is no quick probe.
_MOST_BYTES = 2**28
_EVENT_BYTES = 64


@dataclass(frozen=True)
class Lever:
    """A change to a design.

    Attributes
    ----------
    name : str
        What is changed.
    action : str
        What to do, in words.
    design : Design
        After the change.
    frozen : bool
        Whether Python's collector is off while it runs.
    """

    name: str
    action: str
    design: Design
    frozen: bool = False


@dataclass(frozen=True)
class Pulled:
    """What pulling a lever did: relative change of throughput, median, least and greatest round."""

    lever: Lever
    gain: float
    low: float
    high: float


@dataclass(frozen=True)
class Contest:
    """What pulling levers showed.

    Attributes
    ----------
    present : tuple of float
        Messages a second of the present design, by round.
    pulled : tuple of Pulled
        Each ratio is of one round.
    disturbed_share : float
        Of the runs, those in which the system took time or the core away, three times in a row.
    """

    present: tuple[float, ...]
    pulled: tuple[Pulled, ...]
    disturbed_share: float


def levers(design: Design, sizes: Sequence[int] = ()) -> list[Lever]:
    """Return the changes worth trying.

    Parameters
    ----------
    design : Design
        As it is.
    sizes : sequence of int
        Further batch sizes, such as the model's best; those beside a quarter and four times
        the present one.
    """
    found = []
    n = design.batch_size
    most = _MOST_BYTES // (_EVENT_BYTES * design.pool)
    for size in sorted({max(1, n // 4), 4 * n, *sizes} - {n}):
        if size <= most:
            other = design.model_copy(update={"batch_size": size})
            found.append(Lever("batch size", f"batches of {size:,} messages", other))
    for depth in sorted({1, 8, 64} - {design.queue_depth}):
        other = design.model_copy(update={"queue_depth": depth})
        found.append(
            Lever("queue depth", f"let {depth} {'batch' if depth == 1 else 'batches'} wait", other)
        )
    for loop in available_loops():
        if loop != design.event_loop:
            other = design.model_copy(update={"event_loop": loop})
            found.append(Lever("event loop", f"run on {loop}", other))
    found.append(
        Lever("garbage collector", "gc.freeze() and gc.disable() once started", design, True)
    )
    return found


def pull(
    design: Design,
    tried: Sequence[Lever],
    *,
    seconds: float = 0.03,
    rounds: int = thresholds.ROUNDS,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Contest:
    """Run the present design and each changed one in every round, in random order.

    Parameters
    ----------
    design : Design
    tried : sequence of Lever
    seconds : float
        Least duration of one run.
    rounds : int
    seed : int
        Of the order.
    progress : callable, optional
        Called with (runs done, runs in all).

    Returns
    -------
    Contest
        With the levers in the order of `tried`.
    """
    entries = [Lever("present", "", design), *tried]
    ready = [_Ready(entry, seconds) for entry in entries]
    order = random.Random(seed)
    rates, disturbed = np.zeros((rounds, len(ready))), 0
    for turn in range(rounds):
        places = list(range(len(ready)))
        order.shuffle(places)
        for done, place in enumerate(places, 1):
            rates[turn, place], noisy = ready[place].rate()
            disturbed += noisy
            if progress:
                progress(turn * len(ready) + done, rounds * len(ready))
    present = rates[:, 0]
    gains = rates[:, 1:] / present[:, None] - 1
    pulled = [
        Pulled(lever, float(np.median(gain)), float(gain.min()), float(gain.max()))
        for lever, gain in zip(tried, gains.T, strict=True)
    ]
    return Contest(tuple(present.tolist()), tuple(pulled), disturbed / rates.size)


class _Ready:
    """A design warmed up, with as many batches as a run of the wished duration takes."""

    def __init__(self, lever: Lever, seconds: float) -> None:
        self.stress, self.frozen = Stress(lever.design), lever.frozen
        batches = max(2, 2 * len(self.stress.batches))
        start = perf_counter()
        while (took := self.stress.run(batches).seconds) < seconds / 4:
            batches *= 2
            if perf_counter() - start > 1:
                break
        self.batches = max(2, round(batches * seconds / took))

    def rate(self) -> tuple[float, bool]:
        """Messages a second of one run, and whether it was disturbed to the last."""
        for left in reversed(range(thresholds.RETRIES + 1)):
            before = Reading.now()
            with _collector_off() if self.frozen else nullcontext():
                rate = self.stress.run(self.batches).per_second
            if not (noisy := Noise.since(before).noisy) or not left:
                break
        return rate, noisy


@contextmanager
def _collector_off() -> Iterator[None]:
    gc.freeze()
    try:
        with uncollected():
            yield
    finally:
        gc.unfreeze()
