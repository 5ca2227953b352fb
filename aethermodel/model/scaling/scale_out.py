"""Scale-out model: more threads and process pairs on one host, and what then binds.

Two ways to add cores. **Threads** of one process share each batch: the kernel's time falls by
their speedup, the event loop and the border stay serial under the interpreter's lock. **Pairs**
of processes, each with a ring and an interpreter of its own, share nothing but caches and memory:
each is slowed down by what the shared probe has measured, and together they cannot pass the
events a second that as many cores copy. Many hosts are `aethermodel.model.cluster`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from aethermodel.model.roofline import PYTHON_TERMS
from aethermodel.model.scaling.scalability import Scalability

Floats = npt.NDArray[np.float64]
Way = Literal["threads", "pairs"]
WAYS: tuple[Way, Way] = ("threads", "pairs")
#: A producer and a consumer.
CORES_A_PAIR = 2


@dataclass(frozen=True)
class ScaleOut:
    """One batch's budget, and how its parts scale.

    Attributes
    ----------
    budget : mapping of str to float
        Seconds of each term of T_batch, of one process alone.
    n : int
        Events in a batch.
    threads : Scalability
        Of the kernel, when threads share each batch.
    shared : Scalability
        Of cores that route batches of their own at the same time.
    copies_per_second : float
        Events a second that one core copies: the memory's ceiling, since each event is copied
        into a ring at least once.
    copying : Scalability
        Of cores that copy at the same time. What two of them copy is no ceiling for more.
    """

    budget: Mapping[str, float]
    n: int
    threads: Scalability
    shared: Scalability
    copies_per_second: float
    copying: Scalability

    def copies(self, cores: npt.ArrayLike) -> Floats:
        """Events a second that so many cores together copy; more never copy less than fewer."""
        p = np.minimum(np.asarray(cores, dtype=np.float64), max(1.0, self.copying.best))
        return np.asarray(self.copies_per_second * self.copying.speedup(p))

    def seconds(self, way: Way, cores: npt.ArrayLike) -> dict[str, Floats]:
        """Return each term's seconds a batch when so many cores work.

        Parameters
        ----------
        way : {"threads", "pairs"}
        cores : array_like
            Threads that share a batch, or the cores of all pairs.
        """
        p = np.asarray(cores, dtype=np.float64)
        by = 1 / self.threads.speedup(p) if way == "threads" else self.shared.slowdown(p)
        return {
            term: cost * (by if term == "kernel" else np.ones_like(p))
            for term, cost in self.budget.items()
        }

    def rates(self, way: Way, cores: npt.ArrayLike) -> Floats:
        """Events a second with so many cores, under the memory's ceiling.

        A core without a partner stays idle; one core makes no pair, and the rate is nan.
        """
        p = np.asarray(cores, dtype=np.float64)
        if way == "pairs":
            p = CORES_A_PAIR * np.floor(p / CORES_A_PAIR)
            workers = np.where(p > 0, p / CORES_A_PAIR, np.nan)
        else:
            workers = np.ones_like(p)
        each = self.n / np.sum(list(self.seconds(way, np.maximum(p, 1)).values()), axis=0)
        return np.asarray(np.minimum(workers * each, self.copies(np.maximum(p, 1))))

    def binds(self, way: Way, cores: int) -> str:
        """Return what sets the rate: a term of T_batch, or the memory.

        Raises
        ------
        ValueError
            If one core is to run a pair.
        """
        if way == "pairs" and cores < CORES_A_PAIR:
            raise ValueError("a pair of processes takes two cores")
        busy = cores if way == "threads" else cores - cores % CORES_A_PAIR
        if self.rates(way, cores) >= self.copies(busy):
            return "memory"
        costs = self.seconds(way, cores)
        return max(costs, key=lambda term: float(costs[term]))

    @property
    def interpreter_per_second(self) -> float:
        """Events a second of one process if all that is not Python took no time."""
        held = sum(cost for term, cost in self.budget.items() if term in PYTHON_TERMS)
        return self.n / held if held else float("inf")
