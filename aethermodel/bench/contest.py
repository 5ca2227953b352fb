"""Contest: several implementations of one task, interleaved in one run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from aethermodel import thresholds
from aethermodel.calibrate.predict.all_samples import all_samples
from aethermodel.measure.sampling.sampler import Plan, Point, take_samples


@dataclass(frozen=True)
class Contestant:
    """One row of a contest.

    Attributes
    ----------
    name : str
        Unique in its contest.
    group : str
        ``ours``, ``peer`` or ``ceiling``.
    point : Point
        What to sample.
    form : str
        In words: what is done, and how.
    """

    name: str
    group: str
    point: Point
    form: str = ""


@dataclass(frozen=True)
class Result:
    """What a contest found.

    Attributes
    ----------
    samples : pandas.DataFrame
        All samples, with the contestant's name as ``row``.
    table : pandas.DataFrame
        One row a contestant, fastest first: ``row``, ``group``, ``form``, ``events``,
        ``seconds`` (median of the processes' medians), ``low`` and ``high`` (fastest and
        slowest process), ``events_per_second``, ``samples``, ``noisy_share``, and over all
        samples, disturbed ones included, ``all_per_second`` with the ``share_left_out``.
    """

    samples: pd.DataFrame
    table: pd.DataFrame

    def ratio(self, numerator: str, denominator: str) -> tuple[float, float, float]:
        """Return how much faster one row is than another: rate over rate.

        Parameters
        ----------
        numerator, denominator : str
            Names of rows.

        Returns
        -------
        (ratio, low, high)
            Each process gives one ratio of its own medians; the median of these,
            the least and the greatest.
        """
        per_event = self._medians()
        ratios = per_event[denominator] / per_event[numerator]
        return float(ratios.median()), float(ratios.min()), float(ratios.max())

    def _medians(self) -> pd.DataFrame:
        """Seconds an event by process (rows) and contestant (columns)."""
        final = self.samples[self.samples["final"]]
        per_event = final["seconds"] / final["batch_size"]
        return per_event.groupby([final["process"], final["row"]]).median().unstack()


def hold(
    contestants: Sequence[Contestant],
    *,
    processes: int,
    repeats: int,
    sample_seconds: float = 0.005,
    retries: int = thresholds.RETRIES,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> Result:
    """Run a contest.

    Parameters
    ----------
    contestants : sequence of Contestant
    processes, repeats, sample_seconds, retries, seed
        As in `aethermodel.measure.sampling.sampler.Plan`.
    progress : callable, optional
        Called with (samples taken, samples asked for).

    Raises
    ------
    SamplingError
        If a contestant fails; with its own last line.
    """
    plan = Plan(
        points=tuple(c.point for c in contestants),
        processes=processes,
        repeats=repeats,
        sample_seconds=sample_seconds,
        retries=retries,
        seed=seed,
    )
    samples = take_samples(plan, progress)
    samples["row"] = [contestants[i].name for i in samples["point"]]
    events_of = {c.name: c.point.settings.get("batch_size", 1) for c in contestants}
    samples["batch_size"] = samples["row"].map(events_of)
    final = samples[samples["final"]]
    every = all_samples(samples, ["row"])
    rows: list[dict[str, Any]] = []
    for contestant in contestants:
        own = final[final["row"] == contestant.name]
        medians = own.groupby("process")["seconds"].median()
        events = events_of[contestant.name]
        rows.append(
            {
                "row": contestant.name,
                "group": contestant.group,
                "form": contestant.form,
                "events": events,
                "seconds": float(medians.median()),
                "low": float(medians.min()),
                "high": float(medians.max()),
                "events_per_second": events / float(medians.median()),
                "samples": len(own),
                "noisy_share": float(own["noisy"].mean()),
                "all_per_second": events / float(every.at[contestant.name, "seconds_all"]),
                "share_left_out": float(every.at[contestant.name, "share_left_out"]),
            }
        )
    table = pd.DataFrame(rows).sort_values("events_per_second", ascending=False, ignore_index=True)
    return Result(samples, table)
