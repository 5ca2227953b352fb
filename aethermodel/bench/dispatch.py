"""Dispatch benchmark: overhead of the bus over a bare event loop, judged against its goals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator

from aethermodel import thresholds
from aethermodel.inputs.list_types import LISTED
from aethermodel.measure.harness.event_loops import EventLoop, available_loops
from aethermodel.measure.probes.dispatch import TOPICS
from aethermodel.measure.sampling.sampler import Plan, Point, take_samples
from aethermodel.verdict import Outcome, judge_whole, worst

#: Events of the batch whose handlers are called from C, and from Python.
EVENTS = 100


@dataclass(frozen=True)
class Added:
    """One figure.

    Attributes
    ----------
    event_loop : str
    what : {"tick", "call"}
    seconds, low, high : float
        Median of the processes, the least and the greatest.
    limit_seconds : float
        What it is to stay within.
    """

    event_loop: str
    what: str
    seconds: float
    low: float
    high: float
    limit_seconds: float

    @property
    def outcome(self) -> Outcome:
        """Pass or fail where all processes agree; else inconclusive."""
        return judge_whole(self.low, self.high, self.limit_seconds)

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says of it."""
        return asdict(self) | {"outcome": self.outcome}


@dataclass(frozen=True)
class NativeTick:
    """A tick whose handlers are C functions, beside the same of Python.

    Attributes
    ----------
    event_loop : str
    handlers, events : int
        Called, and of the batch.
    python_seconds, native_seconds : float
        Medians of the processes.
    ratio, low, high : float
        Native over Python, of each process by itself: the median, the least and the greatest.
    """

    event_loop: str
    handlers: int
    events: int
    python_seconds: float
    native_seconds: float
    ratio: float
    low: float
    high: float

    @property
    def outcome(self) -> Outcome:
        """Whether it is at most half, where all processes agree."""
        return judge_whole(self.low, self.high, thresholds.NATIVE_TICK_SHARE)

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says of it."""
        return asdict(self) | {"outcome": self.outcome}


@dataclass(frozen=True)
class DispatchCost:
    """What a run found.

    Attributes
    ----------
    added : tuple of Added
    native : tuple of NativeTick
        One a loop; none where they were not measured.
    table : pandas.DataFrame
        One row a loop and number of handlers: ``event_loop``, ``handlers``, ``bus_seconds`` and
        ``bare_seconds`` a tick, ``added_seconds`` (median of the processes' differences) with
        ``added_low`` and ``added_high``.
    noisy_share : float
        Of all samples, those that were disturbed; most were taken again.
    """

    added: tuple[Added, ...]
    native: tuple[NativeTick, ...]
    table: pd.DataFrame
    noisy_share: float

    @property
    def outcome(self) -> Outcome:
        """The worst of the figures'."""
        outcomes = [figure.outcome for figure in self.added]
        return worst([*outcomes, *(tick.outcome for tick in self.native)])


class DispatchBench(BaseModel):
    """What to run.

    Attributes
    ----------
    event_loops : tuple of {"asyncio", "uvloop"}
    handlers : tuple of int
        How many are called each tick; two numbers at least, for there is a line through them.
    processes : int
        Fresh processes, each of which gives one value of each figure.
    repeats, seed
        As in `aethermodel.measure.sampling.sampler.Plan`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    event_loops: Annotated[tuple[EventLoop, ...], LISTED] = Field(available_loops(), min_length=1)
    handlers: Annotated[tuple[int, ...], LISTED] = (0, 1, 4, TOPICS)
    processes: int = Field(9, ge=1, le=100)
    repeats: int = Field(15, ge=1, le=1000)
    seed: int = 0

    @field_validator("handlers")
    @classmethod
    def _a_line(cls, handlers: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(handlers)) < 2:
            raise ValueError("two different numbers of handlers at least, for a line through them")
        return tuple(sorted(set(handlers)))

    def run(self, progress: Callable[[int, int], None] | None = None) -> DispatchCost:
        """Measure this host: bus and bare loop in random order, in the same processes.

        Parameters
        ----------
        progress : callable, optional
            Called with (samples taken, samples asked for).

        Raises
        ------
        ValueError
            If a number of handlers is out of range.
        SamplingError
            If a process fails, or a handler did not see every event.
        """
        points = [
            Point(probe="dispatch", settings={"by": by, "event_loop": loop, "handlers": count})
            for loop in dict.fromkeys(self.event_loops)
            for count in self.handlers
            for by in ("bus", "bare")
        ]
        points += [
            Point(
                probe="dispatch",
                settings={"by": by, "event_loop": loop, "handlers": TOPICS, "events": EVENTS},
            )
            for loop in dict.fromkeys(self.event_loops)
            for by in ("bus", "native")
        ]
        plan = Plan(
            points=tuple(points), processes=self.processes, repeats=self.repeats, seed=self.seed
        )
        return judge(take_samples(plan, progress))


def judge(samples: pd.DataFrame) -> DispatchCost:
    """Separate what the bus adds to a tick and to a call, in each process by itself.

    Parameters
    ----------
    samples : pandas.DataFrame
        Of the probe ``dispatch``.
    """
    final = samples[samples["final"]]
    several = final["events"] > TOPICS if "events" in final else final["final"] & False
    native = _native_ticks(final[several])
    final = final[~several]
    keys = ["event_loop", "handlers", "process"]
    # Both of one round lie within a fraction of a second: a host that slows down slows both.
    rounds = final.pivot(index=[*keys, "repeat"], columns="by", values="seconds")
    rounds["added"] = rounds["bus"] - rounds["bare"]
    pairs = rounds.groupby(keys).median()  # one row a process
    groups = pairs.groupby(["event_loop", "handlers"])
    table = pd.DataFrame(
        {
            "bus_seconds": groups["bus"].median(),
            "bare_seconds": groups["bare"].median(),
            "added_seconds": groups["added"].median(),
            "added_low": groups["added"].min(),
            "added_high": groups["added"].max(),
        }
    ).reset_index()
    added = [
        figure
        for loop, own in pairs["added"].groupby("event_loop")
        for figure in _figures(str(loop), own.droplevel("event_loop").unstack("process"))
    ]
    return DispatchCost(tuple(added), native, table, float(samples["noisy"].mean()))


def _native_ticks(final: pd.DataFrame) -> tuple[NativeTick, ...]:
    """Compare ticks of one round with each other, as for what the bus adds."""
    found = []
    for loop, own in final.groupby("event_loop"):
        rounds = own.pivot(index=["process", "repeat"], columns="by", values="seconds")
        ratios = (rounds["native"] / rounds["bus"]).groupby("process").median()
        seconds = rounds.groupby("process").median().median()
        figures = (seconds["bus"], seconds["native"], ratios.median(), ratios.min(), ratios.max())
        found.append(NativeTick(str(loop), TOPICS, EVENTS, *map(float, figures)))
    return tuple(found)


def _figures(loop: str, added: pd.DataFrame) -> list[Added]:
    """Return both figures of a loop, from a line through each process's differences."""
    call, tick = np.polyfit(added.index.to_numpy(dtype=float), added.to_numpy(), 1)
    return [
        Added(loop, what, float(np.median(each)), float(each.min()), float(each.max()), limit)
        for what, each, limit in (
            ("tick", tick, thresholds.DISPATCH_TICK_SECONDS),
            ("call", call, thresholds.DISPATCH_CALL_SECONDS),
        )
    ]
