"""Adaptive batching compared with fixed batch sizes: P99, throughput, chosen sizes."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, field_validator

from aethermodel import thresholds
from aethermodel.bench.latency.load import Floats, LoadedPipeline, LoadSettings
from aethermodel.bench.latency.measurement import Progress
from aethermodel.bench.latency.offered_loads import Kinds, Loads
from aethermodel.bench.latency.reruns import least_disturbed
from aethermodel.bench.latency.rule_simulation import serve_by
from aethermodel.bench.latency.schedule_overhead import keeping_seconds
from aethermodel.bus.adaptive_size import AdaptiveSize, FixedSize, Ladder, Rule
from aethermodel.inputs.list_types import LISTED
from aethermodel.measure.harness.processes.child_processes import call
from aethermodel.measure.host.disturbance import MARKS
from aethermodel.model.queueing.arrivals import Kind, arrivals_of
from aethermodel.order_statistics import median_interval

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.calibrate.calibration.calibration import Calibration

#: Names of the rule that adapts, and of the one that takes whatever waits, as the plane does by
#: itself; the others are ``fixed n``, n in events.
ADAPTIVE, WHATEVER = "adaptive", "whatever waits"
# Enough for full batches of any size to show their rate: in a run of 0.2 s 20,000.
_SATURATED_PER_SECOND = 100_000
_LEAST_BATCHES, _MOST_BATCHES = 2_000, 100_000
# A rule that cannot carry the load falls behind for about this many times the run's own length.
_OVERRUN = 3


class AdaptiveCampaign(BaseModel):
    """What to compare.

    Attributes
    ----------
    target_seconds : float
        P99 wanted, from when a message was due to its last handler's return.
    sizes : tuple of int
        Fixed sizes beside, in arriving batches; the last one is also the adaptive limit.
    loads : tuple of float
        Shares of what the best fixed size carries at full speed.
    arrivals : tuple of {"poisson", "periodic", "bursty"}
    group : int
        Events of an arriving batch: they are due together.
    processes : int
        Fresh processes, each with everything in random order.
    seconds : float
        Of one run, 2,000 to 100,000 arriving batches.
    retries : int
        How often a run that was disturbed is run again; the least disturbed one counts.
    seed : int
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    target_seconds: float = Field(1e-3, gt=0, le=10)
    sizes: Annotated[tuple[int, ...], LISTED] = Field((1, 8, 32, 128), min_length=1)
    loads: Loads = Field((0.05, 0.2, 0.5, 0.8), min_length=1)
    arrivals: Kinds = Field(("poisson", "bursty"), min_length=1)
    group: int = Field(512, ge=1, le=2**20)
    processes: int = Field(3, ge=1, le=100)
    seconds: float = Field(0.2, gt=0, le=60)
    retries: int = Field(thresholds.LOAD_RETRIES, ge=0, le=100)
    seed: int = 0

    @field_validator("sizes")
    @classmethod
    def _possible(cls, sizes: tuple[int, ...]) -> tuple[int, ...]:
        for size in sizes:
            if not 1 <= size <= 1024:
                raise ValueError(f"a fixed size is 1 to 1024 arriving batches, not {size}")
        return tuple(sorted(set(sizes)))

    def settings(self, calibration: Calibration) -> LoadSettings:
        """Return the pipeline under the conditions of a calibration.

        Raises
        ------
        ValueError
            If it was taken over another fabric than loopback: in another process a rule has no
            say.
        """
        if calibration.conditions.fabric != "loopback":
            raise ValueError(
                f"adaptive batches are formed over loopback: the calibration was taken with "
                f"fabric {calibration.conditions.fabric}, not loopback"
            )
        return LoadSettings.under(calibration.conditions, self.group, self.sizes[-1])

    def ladder(self, calibration: Calibration, keeping: float = 0.0) -> Ladder:
        """Plan with a calibration's law; sizes and rates in arriving batches.

        Parameters
        ----------
        calibration : Calibration
        keeping : float
            Seconds a tick beyond that law: for the schedule, and for the rule itself.

        Raises
        ------
        ValueError
            If by that law not even one arriving batch keeps within the target.
        """
        most = self.sizes[-1]
        table = _table(self, calibration) + keeping
        return Ladder.of(lambda n: float(table[n - 1]), self.target_seconds, most)

    def rules(self, ladder: Ladder) -> dict[str, Callable[[], Rule]]:
        """Return what makes each rule afresh, by name."""
        fixed = {f"fixed {size * self.group:,}": _fixed(size) for size in self.sizes}
        most = self.sizes[-1]
        own = {ADAPTIVE: lambda: AdaptiveSize(ladder), WHATEVER: _fixed(most, hold_seconds=0.0)}
        return {**own, **fixed}

    def batches(self, rate: float) -> int:
        """Return how many batches arrive in a run at a rate a second."""
        return min(_MOST_BATCHES, max(_LEAST_BATCHES, round(rate * self.seconds)))


def _fixed(size: int, hold_seconds: float = inf) -> Callable[[], Rule]:
    return lambda: FixedSize(size, hold_seconds)


def is_fixed(rule: str) -> bool:
    """Whether a rule of this name keeps to one size."""
    return rule not in (ADAPTIVE, WHATEVER)


@dataclass(frozen=True)
class AdaptiveTrial:
    """What a campaign found.

    Attributes
    ----------
    campaign : AdaptiveCampaign
    calibration : Calibration
        Whose law the ladder is planned with; nothing in it was fitted to a latency.
    ladder : Ladder
        In arriving batches.
    keeping_seconds : dict of str to float
        A tick, by rule: for keeping the schedule and asking the rule. Measured apart, added to what
        the terms say.
    saturated : pandas.DataFrame
        A row a rule: ``per_second``, events at full speed, median over processes.
    full : pandas.DataFrame
        The same by process: a row each, a column a rule.
    runs : pandas.DataFrame
        A row per arrivals, load, rule and process.
    table : pandas.DataFrame
        A row per arrivals, load and rule, medians over processes: ``p50``, ``p99`` (with
        ``p99_low`` and ``p99_high``, and the median's interval ``p99_median_low`` and
        ``p99_median_high``) in seconds, ``p50_all`` and ``p99_all``, the same over all runs, those
        included that were disturbed and run again, and ``share_left_out``, the share of all runs
        that those are; ``delivered_per_second``, sizes formed in
        events ``size_p5``, ``size_p50``, ``size_p95``, ``ticks_per_million`` events,
        ``holds`` (the target), ``ideal_p99`` (the model's, on a host without pauses) and
        the shares of runs that were ``switched`` away from, had time ``stolen``, were only on
        cores ``shared`` or moved ``apart``, and were ``disturbed`` by any of these.
    """

    campaign: AdaptiveCampaign
    calibration: Calibration
    ladder: Ladder
    keeping_seconds: dict[str, float]
    saturated: pd.DataFrame
    full: pd.DataFrame
    runs: pd.DataFrame
    table: pd.DataFrame

    @classmethod
    def run(
        cls,
        campaign: AdaptiveCampaign,
        calibration: Calibration,
        progress: Progress | None = None,
    ) -> AdaptiveTrial:
        """Measure this host.

        Raises
        ------
        ValueError
            If the target leaves no room for any batch.
        """
        import pandas as pd  # not for the processes under load, which import this module

        settings, bare = campaign.settings(calibration), campaign.ladder(calibration)
        runs, full = [], []
        keeping = call(_keeping, campaign, settings, bare)
        ladder = campaign.ladder(calibration, keeping[ADAPTIVE])
        for process in range(campaign.processes):
            if progress:
                progress(process, campaign.processes)
            rows, rates = call(_compared, campaign, settings, ladder, process)
            runs += rows
            full.append(rates)
        frame = pd.DataFrame(runs)
        rates = pd.DataFrame(full) * campaign.group
        saturated = rates.median().rename_axis("rule").rename("per_second").reset_index()
        if progress:
            progress(campaign.processes, campaign.processes)
        seconds = {name: _table(campaign, calibration) + each for name, each in keeping.items()}
        table = _summed_up(frame, campaign, seconds, ladder, rates)
        return cls(campaign, calibration, ladder, keeping, saturated, rates, frame, table)

    def saturated_share(self) -> float:
        """Return what adaptive batching carries at full speed, over the best fixed size."""
        rates = self.saturated.set_index("rule")["per_second"]
        return float(rates[ADAPTIVE] / rates[rates.index.map(is_fixed)].max())

    def saturated_shares(self) -> list[float]:
        """Return the same process by process, over the fixed size that is best by median."""
        rates = self.saturated.set_index("rule")["per_second"]
        best = rates[rates.index.map(is_fixed)].idxmax()
        shares: list[float] = (self.full[ADAPTIVE] / self.full[best]).tolist()
        return shares

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says of the trial, its judgements apart."""
        group = self.campaign.group
        return {
            "campaign": self.campaign.model_dump(mode="json"),
            "warnings": list(self.calibration.warnings),
            "latency_unit": "s",
            "ladder": {
                "events": [size * group for size in self.ladder.sizes],
                "seconds": list(self.ladder.seconds),
                "up_per_second": [rate * group for rate in self.ladder.up],
                "down_per_second": [rate * group for rate in self.ladder.down],
                "hold_seconds": list(self.ladder.hold_seconds),
            },
            "keeping_seconds": self.keeping_seconds,
            "saturated": self.saturated.to_dict(orient="records"),
            "saturated_share": self.saturated_share(),
            "saturated_shares": self.saturated_shares(),
            "rows": self.table.to_dict(orient="records"),
            "runs": self.runs.to_dict(orient="records"),
            "calibration": self.calibration.to_json(),
        }


def _table(campaign: AdaptiveCampaign, calibration: Calibration) -> Floats:
    """Seconds of a tick with 1, 2, ... arrived batches, by the calibration."""
    sizes = np.arange(1, campaign.sizes[-1] + 1)
    return np.asarray(calibration.predict(campaign.group * sizes).seconds)


def _keeping(
    campaign: AdaptiveCampaign, settings: LoadSettings, ladder: Ladder
) -> dict[str, float]:
    return {name: keeping_seconds(settings, rule) for name, rule in campaign.rules(ladder).items()}


def _saturated(
    campaign: AdaptiveCampaign, settings: LoadSettings, ladder: Ladder, process: int
) -> dict[str, float]:
    """Arriving batches a second by rule when all are there at once, in random order."""
    pipeline, rules = LoadedPipeline(settings), campaign.rules(ladder)
    turns = 3 * list(rules)
    random.Random(f"{campaign.seed}/{process}").shuffle(turns)
    batches = max(_LEAST_BATCHES, round(_SATURATED_PER_SECOND * campaign.seconds))
    pipeline.capacity(batches // 4)
    found: dict[str, list[float]] = {name: [] for name in rules}
    for name in turns:
        found[name].append(pipeline.capacity(batches, rules[name]()))
    return {name: float(np.median(rates)) for name, rates in found.items()}


def _compared(
    campaign: AdaptiveCampaign,
    settings: LoadSettings,
    ladder: Ladder,
    process: int,
) -> tuple[list[dict[str, Any]], dict[str, float]]:
    """Run one process: every arrivals, load and rule in random order, and all at full speed.

    A load is a share of what the best fixed size carries in this very process: on a host that is
    slower by then, that of another would be another load.
    """
    full = _saturated(campaign, settings, ladder, process)
    capacity = _capacity(full)
    pipeline, rules = LoadedPipeline(settings), campaign.rules(ladder)
    turns = [(k, at, name) for k in campaign.arrivals for at in campaign.loads for name in rules]
    random.Random(f"{campaign.seed}/{process}").shuffle(turns)
    rows = []
    for kind, load, name in turns:
        due, retries = _schedule(campaign, kind, load, capacity, process), campaign.retries
        if load * capacity > full[name]:  # it falls behind without end: no need to see it all
            due, retries = due[: max(_LEAST_BATCHES, round(_OVERRUN * full[name] * due[-1]))], 0
        watched = least_disturbed(pipeline, due, retries, rules[name])
        run, every = watched.run, np.concatenate([one.latencies for one in watched.every])
        served = run.sizes[int(thresholds.LOAD_WARM_UP * run.ticks) :]
        low, middle, high = np.percentile(served, (5, 50, 95)) * campaign.group
        events = due.size * campaign.group
        rows.append(
            {
                "arrivals": kind,
                "load": load,
                "rule": name,
                "process": process,
                "offered_per_second": load * capacity * campaign.group,
                "p50": float(np.percentile(run.latencies, 50)),
                "p99": float(np.percentile(run.latencies, 99)),
                "p50_all": float(np.percentile(every, 50)),
                "p99_all": float(np.percentile(every, 99)),
                "attempts": len(watched.every),
                "delivered_per_second": events / run.seconds,
                "size_p5": low,
                "size_p50": middle,
                "size_p95": high,
                "ticks_per_million": run.ticks / events * 1e6,
                **pipeline.disturbance(run).marks(),
            }
        )
    return rows, full


def _capacity(full: dict[str, float]) -> float:
    """Arriving batches a second that the best fixed size carries."""
    return max(per_second for name, per_second in full.items() if is_fixed(name))


def _schedule(
    campaign: AdaptiveCampaign, kind: Kind, load: float, capacity: float, process: int
) -> Floats:
    """The same for every rule: what differs between them is theirs."""
    place = [campaign.arrivals.index(kind), campaign.loads.index(load)]
    rng = np.random.default_rng([campaign.seed, process, *place])
    rate = load * capacity
    return arrivals_of(kind, rate).times(campaign.batches(rate), rng)


def _summed_up(
    runs: pd.DataFrame,
    campaign: AdaptiveCampaign,
    seconds: dict[str, Floats],
    ladder: Ladder,
    full: pd.DataFrame,
) -> pd.DataFrame:
    capacity = _capacity((full.median() / campaign.group).to_dict())
    by = ["arrivals", "load", "rule"]
    groups = runs.groupby(by, sort=False)
    table = groups.median(numeric_only=True).drop(columns="process")
    table["p99_low"], table["p99_high"] = groups["p99"].min(), groups["p99"].max()
    between = groups["p99"].agg(median_interval)
    table["p99_median_low"], table["p99_median_high"] = between.str[0], between.str[1]
    for name in MARKS:
        table[name] = groups[name].mean()
    attempts = groups["attempts"].sum()
    table["share_left_out"] = 1 - groups.size() / attempts
    table = table.drop(columns="attempts")
    table["holds"] = table["p99"] <= campaign.target_seconds
    rules = campaign.rules(ladder)
    expected = []
    for kind, load, name in table.index:
        due = _schedule(campaign, kind, load, capacity, 0)
        latencies, _ = serve_by(due, rules[name](), seconds[name])
        expected.append(
            float(np.percentile(latencies[int(thresholds.LOAD_WARM_UP * due.size) :], 99))
        )
    table["ideal_p99"] = expected
    order = {name: place for place, name in enumerate(rules)}
    return table.reset_index().sort_values(
        by,
        key=lambda column: column.map(order) if column.name == "rule" else column,
        ignore_index=True,
    )
