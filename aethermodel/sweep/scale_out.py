"""Scale-out measurement: two sweeps of this host's cores on a local cluster."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import pandas as pd
from pydantic import ConfigDict, Field, field_validator

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.calibrate.term_fit.scaling_fit import ScalingFit, fit_scaling
from aethermodel.inputs.list_types import LISTED
from aethermodel.inputs.unset_values import UnsetIsDefault
from aethermodel.model.scaling.scale_out import ScaleOut
from aethermodel.sweep.plan import Sweep
from aethermodel.sweep.run import Backend, LocalBackend, run
from aethermodel.sweep.store import Record, Store

Progress = Callable[[int, int], None]
# When a point started is known to the millisecond.
_CLOCK_SECONDS = 0.002


def counts_here() -> tuple[int, ...]:
    """Return the powers of two up to this host's cores, and the cores themselves."""
    cores = os.cpu_count() or 1
    return tuple(sorted({2**i for i in range(cores.bit_length()) if 2**i <= cores} | {cores}))


def overlapping(turns: pd.DataFrame) -> int:
    """Count the turns that begin on a host while an earlier one still lasts there.

    Parameters
    ----------
    turns : pandas.DataFrame
        ``host``, ``begin`` and ``end`` in seconds.
    """
    late = 0
    for _, on_host in turns.sort_values("begin").groupby("host"):
        ahead = on_host["end"].cummax().shift()
        late += int((on_host["begin"] < ahead - _CLOCK_SECONDS).sum())
    return late


class ScaleOutCampaign(UnsetIsDefault):
    """What to measure with more and more cores at work.

    Attributes
    ----------
    batch_size, topics, pool : int
        Of each core's work.
    counts : tuple of int
        How many cores; one must be among them.
    repeats, samples, sample_seconds
        As in `aethermodel.sweep.plan.Sweep`.
    backend : {"dask", "local"}
        Points handed out by a Dask cluster (the default where it is installed), or run by this
        process.
    workers : int
        Of the cluster, all on this host.
    store : str
        Folder that keeps the points, so that a second run measures only what is missing.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_size: int = Field(30_000, ge=1, le=2**22)
    topics: int = Field(16, ge=1, le=65_536)
    pool: int = Field(4, ge=1, le=1024)
    counts: Annotated[tuple[int, ...], LISTED] = Field(default_factory=counts_here, min_length=1)
    repeats: int = Field(5, ge=1, le=1000)
    samples: int = Field(3, ge=1, le=1000)
    sample_seconds: float = Field(0.05, ge=0.0001, le=60)
    backend: Literal["dask", "local"] = Field(
        default_factory=lambda: "dask" if find_spec("distributed") else "local"
    )
    workers: int = Field(2, ge=1, le=64)
    store: str = ""

    @field_validator("counts")
    @classmethod
    def _one_is_there(cls, counts: tuple[int, ...]) -> tuple[int, ...]:
        if 1 not in counts or min(counts) < 1 or max(counts) > 64:
            raise ValueError("counts are 1 to 64, one among them")
        return tuple(sorted(set(counts)))

    @property
    def hands(self) -> int:
        """How many processes points are handed out to."""
        return self.workers if self.backend == "dask" else 1

    def sweeps(self) -> dict[str, Sweep]:
        """Return the sweeps: threads that share a batch, and cores that share the memory."""
        sizes = {"batch_size": self.batch_size, "topics": self.topics, "pool": self.pool}
        taken = {"samples": self.samples, "sample_seconds": self.sample_seconds}
        counts, ways = list(self.counts), ["route", "copy"]
        axes: dict[str, dict[str, Any]] = {
            "kernel": {"threads": counts},
            "shared": {"cores": counts, "work": ways},
        }
        return {
            probe: Sweep(probe=probe, parameters=sizes | axis, repeats=self.repeats, **taken)
            for probe, axis in axes.items()
        }

    def run(self, progress: Progress | None = None) -> ScalingTrial:
        """Measure what the store does not have, point after point.

        Raises
        ------
        ValueError
            If a point failed, or Dask is asked for and not installed.
        """
        with TemporaryDirectory(prefix="aethermodel-") as passing:
            folder = Path(self.store or passing)
            records: list[Record] = []
            sweeps = self.sweeps()
            after = sum(len(sweep.jobs()) for sweep in sweeps.values())
            before = 0
            for probe, sweep in sweeps.items():
                after -= len(sweep.jobs())

                def advance(done: int, of: int, before: int = before, after: int = after) -> None:
                    if progress:
                        progress(before + done, before + of + after)

                store = Store(folder / probe)
                summary = run(sweep, store, backend=self._backend(), progress=advance)
                if summary.failures:
                    error = summary.failures[0].outcome.error
                    raise ValueError(f"{len(summary.failures)} points failed: {error}")
                records += store.records()
                before += summary.ran + summary.requeued
        return ScalingTrial(self, records)

    def _backend(self) -> Backend:
        if self.backend == "local":
            return LocalBackend()
        from aethermodel.sweep.dask_cluster import DaskBackend

        return DaskBackend(workers=self.workers)


@dataclass(frozen=True)
class ScalingTrial:
    """What a campaign found.

    Attributes
    ----------
    campaign : ScaleOutCampaign
    records : list of Record
    """

    campaign: ScaleOutCampaign
    records: list[Record]

    @cached_property
    def samples(self) -> pd.DataFrame:
        """One row a sample: ``work``, ``cores``, ``seconds`` an operation, ``noisy``."""
        rows = []
        for record in self.records:
            given = record.parameters
            work = given.get("work", "threads")
            cores = given["threads"] if work == "threads" else given["cores"]
            rows += [
                {"work": work, "cores": cores, "seconds": s["seconds"], "noisy": s["noisy"]}
                for s in record.outcome.samples
            ]
        return pd.DataFrame(rows)

    @cached_property
    def turns(self) -> pd.DataFrame:
        """One row a point: ``host``, ``point``, ``begin`` and ``end``, seconds since the first."""
        begun = [datetime.fromisoformat(r.started).timestamp() for r in self.records]
        rows = [
            {
                "host": r.conditions.host,
                "begin": at - min(begun),
                "end": at - min(begun) + r.outcome.seconds,
                "point": r.target,
            }
            for at, r in zip(begun, self.records, strict=True)
        ]
        return pd.DataFrame(rows).sort_values("begin", ignore_index=True)

    @property
    def overlaps(self) -> int:
        """How many points began on a host before the one ahead of them had ended there."""
        return overlapping(self.turns)

    def fit(self, work: str) -> ScalingFit:
        """Fit how work scales: ``threads`` on one batch, or cores that ``route`` or ``copy``."""
        samples = self.samples[self.samples["work"] == work]
        seconds = {int(c): each.tolist() for c, each in samples.groupby("cores")["seconds"]}
        return fit_scaling(seconds, split=work == "threads")

    @property
    def copies_per_second(self) -> float:
        """Events a second that one core copied: what the memory's ceiling starts from."""
        copied = self.samples[(self.samples["work"] == "copy") & (self.samples["cores"] == 1)]
        return float(self.campaign.batch_size / copied["seconds"].median())

    def model(self, calibration: Calibration) -> ScaleOut:
        """Put the terms of a calibration and what was measured here together."""
        n = self.campaign.batch_size
        budget = Scenario(calibration, {}).model.budget(n)
        return ScaleOut(
            budget={term: float(cost) for term, cost in budget.items()},
            n=n,
            threads=self.fit("threads").law,
            shared=self.fit("route").law,
            copies_per_second=self.copies_per_second,
            copying=self.fit("copy").law,
        )
