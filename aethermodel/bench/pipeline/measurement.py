"""Pipeline benchmark: all rows and the ceiling, interleaved, compared with the model."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from statistics import median
from subprocess import PIPE
from time import monotonic
from typing import Annotated, Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from aethermodel import thresholds
from aethermodel.bench.pipeline.prediction import term_plan, with_predictions
from aethermodel.bench.pipeline.rows import (
    PEERS,
    Kind,
    Row,
    available_kinds,
    carries_records,
    fabric_of_row,
)
from aethermodel.bench.pipeline.undisturbed_rate import left_alone
from aethermodel.fabrics import FABRICS
from aethermodel.inputs.list_types import LISTED
from aethermodel.kernel_facts import EVENT_BYTES
from aethermodel.measure.harness.event_loops import EventLoop, available_loops
from aethermodel.measure.harness.ring_size import MOST_BATCH_BYTES, ring_bytes
from aethermodel.measure.host.contention import CoreCheck
from aethermodel.measure.host.rdma_devices import usable_device
from aethermodel.measure.sampling.rejection import reject_disturbed
from aethermodel.measure.sampling.sampler import Plan, Point, SamplingError, take_samples
from aethermodel.measure.sampling.sequential import sample_sequentially
from aethermodel.processes import Child, ending
from cython_core import simd_variants

Progress = Callable[[int, int], None]
#: The specification's ceiling on paper, of which a real pipeline should carry three times.
SPECIFIED_PER_SECOND = 81.9e6


class PipelineBench(BaseModel):
    """What to run.

    Attributes
    ----------
    batch_size, topics : int
        Messages a batch; topics, each with a handler.
    record_bytes : int
        Of each message, a multiple of 8. Of less than 32 there is no room for the time that a batch
        was due, and no latency.
    kinds : tuple of {"naive", "mocked", "loopback", "shm", "shm-fused", "tcp", "verbs"}
        By default all that this host can run, of other records than events those that
        `carries_records` names; and any of `PEERS`.
    event_loops : tuple of {"asyncio", "uvloop"}
    simd : tuple of str
        Variants of the kernels (`cython_core.simd_variants`), each with rows of its own; by
        default the one chosen at import.
    repeats : int
        Fresh processes a row, in random order among the others; fewer of a row whose calm runs
        agree. What ran on cores that were shared or moved apart
        (`aethermodel.measure.host.contention`) runs again, as often at most.
    seconds : float
        About how long a row runs at full speed, and again at the fixed load.
    budget_seconds : float
        Time budget of the whole. Every row runs once and every term is probed in one process,
        whatever that takes.
    load : float
        Share of a row's own throughput that is offered for its latencies.
    predict : bool
        Also run the terms' probes, and put the model's prediction beside the rows.
    seed : int
        Of the random order.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch_size: int = Field(10_000, ge=1, le=2**20)
    topics: int = Field(16, ge=1, le=4096)
    record_bytes: int = Field(EVENT_BYTES, ge=8, le=65_536, multiple_of=8)
    kinds: Annotated[tuple[Kind, ...], LISTED] = Field(
        default_factory=lambda given: available_kinds(given.get("record_bytes", EVENT_BYTES)),
        min_length=1,
    )
    event_loops: Annotated[tuple[EventLoop, ...], LISTED] = Field(available_loops(), min_length=1)
    simd: Annotated[tuple[str, ...], LISTED] = ()
    repeats: int = Field(5, ge=1, le=1000)
    seconds: float = Field(0.5, ge=0.01, le=600)
    budget_seconds: float = Field(thresholds.PIPELINE_SECONDS, gt=0, le=10**6)
    load: float = Field(0.8, gt=0, lt=1)
    predict: bool = True
    seed: int = 0

    @field_validator("simd")
    @classmethod
    def _possible(cls, variants: tuple[str, ...]) -> tuple[str, ...]:
        for variant in variants:
            if variant not in simd_variants():
                raise ValueError(f"this processor's variants are {', '.join(simd_variants())}")
        return variants

    @model_validator(mode="after")
    def _records_are_carried(self) -> PipelineBench:
        if self.record_bytes == EVENT_BYTES:
            return self
        if left := [kind for kind in self.kinds if not carries_records(kind)]:
            raise ValueError(
                f"{', '.join(left)}: only messages of 64 bytes, not of {self.record_bytes} "
                f"(leave out record_bytes, or take {', '.join(available_kinds(self.record_bytes))})"
            )
        if (size := self.batch_size * self.record_bytes) > MOST_BATCH_BYTES:
            raise ValueError(
                f"a batch of {size / 2**20:,.0f} MiB is larger than {MOST_BATCH_BYTES >> 20} MiB: "
                "take a smaller batch_size"
            )
        return self

    def rows(self) -> list[Row]:
        """Return the rows, in the order of the table."""
        size = {"batch_size": self.batch_size, "topics": self.topics}
        size |= {"record_bytes": self.record_bytes}
        return [
            Row(kind=kind, event_loop=loop, simd=variant, **size)
            for kind in dict.fromkeys(self.kinds)
            for loop in dict.fromkeys(self.event_loops)
            for variant in dict.fromkeys(self.simd) or (None,)
        ]

    def run(self, progress: Progress | None = None) -> pd.DataFrame:
        """Measure this host.

        Parameters
        ----------
        progress : callable, optional
            Called with (steps done, steps in all).

        Returns
        -------
        pandas.DataFrame
            One row a kind, loop and variant: ``kind``, ``event_loop``, ``label``, ``simd``,
            ``runs`` and how many of them were ``calm``; medians over the calm ones, or over all
            where fewer than three are, of ``throughput_per_second`` (the lowest and highest of
            all runs as ``..._low`` and ``..._high``; over all runs as ``all_per_second``, with the
            ``share_left_out`` of them), ``alone_per_second`` and ``alone_share`` as `left_alone`
            tells them, ``cpu_seconds_per_million``, the latencies
            ``p50_seconds`` to ``p99.9_seconds`` and ``tick_p99_seconds`` at ``offered_per_second``;
            ``ceiling_per_second``, a plain copy of the same batches; and the prediction with
            its 95 % interval and error, or why there is none, as `with_predictions` puts it.
            Its ``attrs`` hold every single run.

        Raises
        ------
        SamplingError
            If a process fails, or an event was lost or out of order.
        ValueError
            If verbs are asked for and there is no device, or it may not register so much.
        """
        if any(fabric_of_row(kind).needs_device for kind in self.kinds):
            usable_device(ring_bytes(self.batch_size, self.record_bytes))
        rows = self.rows()
        plan = term_plan(self) if self.predict and not all(row.peer for row in rows) else None
        turns, order = [], random.Random(self.seed)
        for _ in range(self.repeats):  # a budget that ends leaves each row as often as the others
            one = [*range(len(rows)), None]
            order.shuffle(one)
            turns += one
        start = monotonic()
        rows_end = start + (1 - thresholds.TERMS_SHARE * self.predict) * self.budget_seconds
        runs: list[dict[str, Any]] = []
        copies, best = [], CoreCheck()
        again = dict.fromkeys(range(len(rows)), self.repeats)
        for done, turn in enumerate(turns):
            if done > len(rows) and monotonic() > rows_end:
                turns = turns[:done]
                break
            if turn is not None and _narrow([run for run in runs if run["row"] == turn], best):
                pass
            elif turn is None:
                copies.append(self._copy_seconds())
            else:
                runs.append({"row": turn, **run_row(rows[turn], self.seconds, self.load)})
                best = best.best(CoreCheck.of(runs[-1]))
                if not _calm(runs[-1], best) and again[turn]:
                    again[turn] -= 1
                    turns.append(turn)
            if progress:
                progress(done + 1, len(turns) + (plan.samples if plan else 0))
        for run in runs:
            run["calm"] = _calm(run, best)
        alone = left_alone(runs)
        table = self._table(rows, pd.DataFrame(runs)).join(alone)
        table["ceiling_per_second"] = self.batch_size / pd.Series(copies).median()
        table.attrs["runs"] = runs
        samples = None
        if plan:
            total = len(turns) + plan.samples
            samples = reject_disturbed(
                sample_sequentially(
                    plan,
                    max(start + self.budget_seconds - monotonic(), 0),
                    lambda done, _: progress and progress(len(turns) + done, total),
                    best=best,
                    fill=True,
                )
            )
        return with_predictions(table, samples, self)

    def _copy_seconds(self) -> float:
        sizes = {"batch_size": self.batch_size, "record_bytes": self.record_bytes}
        point = Point(probe="bandwidth", settings=sizes)
        samples = take_samples(Plan(points=(point,), processes=1, repeats=3))
        return float(samples[samples["final"]]["seconds"].median())

    def _table(self, rows: list[Row], runs: pd.DataFrame) -> pd.DataFrame:
        by_row = runs.groupby("row")
        calm = by_row["calm"].sum()
        enough = runs["row"].map(calm) >= min(thresholds.CALM_SAMPLES, self.repeats)
        counted = runs[runs["calm"] | ~enough].drop(columns=["calm", "settled", "simd"])
        table = counted.groupby("row").median()
        table["runs"], table["calm"] = by_row.size(), calm
        # Every run lasts as long, so that their mean is all events over all the time.
        table["all_per_second"] = by_row["throughput_per_second"].mean()
        quiet = runs[runs["calm"]].groupby("row")["throughput_per_second"]
        table["calm_per_second"] = quiet.median()
        kept = (runs["calm"] | ~enough).groupby(runs["row"]).mean()
        table["share_left_out"] = 1 - kept
        table["throughput_per_second_low"] = by_row["throughput_per_second"].min()
        table["throughput_per_second_high"] = by_row["throughput_per_second"].max()
        table.insert(0, "kind", [row.kind for row in rows])
        table.insert(1, "event_loop", [row.event_loop for row in rows])
        table.insert(2, "label", [row.label for row in rows])
        table.insert(3, "simd", by_row["simd"].first())
        return table


def _calm(run: dict[str, Any], best: CoreCheck) -> bool:
    """Whether a run was warm, on cores as at their best."""
    return bool(run["settled"]) and CoreCheck.of(run).calm(best)


def _narrow(runs: list[dict[str, Any]], best: CoreCheck) -> bool:
    """Whether a row has calm runs enough, and they agree."""
    rates = [run["throughput_per_second"] for run in runs if _calm(run, best)]
    if len(rates) < thresholds.CALM_SAMPLES:
        return False
    return bool(max(rates) - min(rates) <= thresholds.NARROW * median(rates))


def run_row(row: Row, seconds: float, load: float) -> dict[str, Any]:
    """Run one row in a fresh process.

    Raises
    ------
    SamplingError
        With the process's own last line, if it fails.
    """
    request = {"row": row.model_dump(), "seconds": seconds, "load": load}
    with Child(
        "aethermodel.bench.pipeline.row_worker",
        text=True,
        **dict.fromkeys(("stdin", "stdout", "stderr"), PIPE),
        env=os.environ | ({"AETHER_SIMD": row.simd} if row.simd else {}),
    ) as child:
        output, errors = child.communicate(json.dumps(request))
    if code := child.returncode:
        lines = errors.strip().splitlines() if code > 0 else []
        last = lines[-1] if lines else ending(code)
        raise SamplingError(f"the {row.kind} row on {row.event_loop} failed: {last}")
    figures: dict[str, Any] = json.loads(output)
    return figures


def targets(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    """Hold the table against what the bus is meant to reach.

    Returns
    -------
    dict
        By target: the figure, what is wanted, and whether it was reached; targets whose
        rows were not run are left out.
    """
    table = table[~table["kind"].isin(PEERS)]
    best = table.groupby("kind")["throughput_per_second"].max()
    found = {}
    across = table[table["label"] == FABRICS["shm"].label]
    for name, column in (
        ("across processes", "throughput_per_second"),
        ("across processes, left alone", "alone_per_second"),
    ):
        rate = across[column].max()
        if rate > 0:  # nan without such a row, or without calm slices
            found[name] = (rate, thresholds.ACROSS_TIMES * SPECIFIED_PER_SECOND, "per_second")
    if {"naive", "loopback"} <= set(best.index):
        found["batched over naive"] = (
            best["loopback"] / best["naive"],
            thresholds.BATCHED_TIMES,
            "times",
        )
    verdicts = {
        name: {"value": float(value), "wanted": wanted, "unit": unit, "met": bool(value >= wanted)}
        for name, (value, wanted, unit) in found.items()
    }
    real = table[~table["kind"].isin(["naive", "mocked"])]
    if len(real):
        tick = float(real["tick_p99_seconds"].max())
        verdicts["slowest tick P99 at load"] = {
            "value": tick,
            "wanted": thresholds.TICK_SECONDS,
            "unit": "seconds",
            "met": tick < thresholds.TICK_SECONDS,
        }
    return verdicts
