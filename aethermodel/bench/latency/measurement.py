"""Latency benchmark: measured under load, compared with its prediction and the budgets."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel import thresholds
from aethermodel.bench.latency.comparison import beside, deviation_of, percentiles, schedule
from aethermodel.bench.latency.latency_campaign import LatencyCampaign
from aethermodel.bench.latency.load import Floats, LoadSettings
from aethermodel.bench.latency.load_two_processes import loaded
from aethermodel.bench.latency.reruns import watched_run
from aethermodel.bench.latency.schedule_overhead import keeping_seconds
from aethermodel.bench.latency.tiers import tier_seconds
from aethermodel.fabrics import crosses
from aethermodel.measure.harness.processes.child_processes import call
from aethermodel.measure.host.jitter import Watch, full_rate, pace_of
from aethermodel.model.queueing.pauses import Pauses

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.calibrate.calibration.calibration import Calibration

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class LatencyTrial:
    """What a campaign found.

    Attributes
    ----------
    campaign : LatencyCampaign
    calibration : Calibration
        That predicts; nothing in it was fitted to a latency.
    capacity_per_second, predicted_capacity_per_second : float
        Events a second at full batches; measured: median over processes.
    runs : pandas.DataFrame
        A row per arrivals, load and process, with the percentiles in seconds, and ``capacity``,
        arriving batches a second that the process carries when there are always enough.
    table : pandas.DataFrame
        A row per arrivals and load: medians over processes with lowest and highest, of each
        also the median's interval, ``..._median_low`` and ``..._median_high``;
        ``..._all``, the same over all runs, those included that were disturbed and run again, and
        ``share_left_out``, theirs of all runs;
        ``predicted_...``, the model's of the same schedules at the pace at which this host ran
        around each run, by ticks of the consumer and by an idle loop on a producer's own core;
        ``ideal_...``, the model's on a host at full speed;
        ``p99_error`` (predicted over measured, less one; median over processes, each of its own
        schedule) with its interval
        ``p99_error_low`` and ``..._high``, which holds what the laws leave open; and the shares of
        runs that were ``switched`` away from more often than always, that had time ``stolen``, that
        were only on cores ``shared`` or moved ``apart``, and that were ``disturbed`` by any.
    tiers : pandas.DataFrame
        ``tier``, ``p50`` and ``p99`` in seconds, medians over processes.
    pauses : Pauses
        Of this host, between the loads: each as long as it held up a tick, with what the tick then
        fetched again.
    pace : float
        Mean speed of the consumer meanwhile, pauses included, as a share of full.
    keeping_seconds : float
        A tick, for keeping the schedule: measured apart, and added to what the terms say.
    """

    campaign: LatencyCampaign
    calibration: Calibration
    capacity_per_second: float
    predicted_capacity_per_second: float
    runs: pd.DataFrame
    table: pd.DataFrame
    tiers: pd.DataFrame
    pauses: Pauses
    pace: float
    keeping_seconds: float

    @classmethod
    def run(
        cls,
        campaign: LatencyCampaign,
        calibration: Calibration,
        progress: Progress | None = None,
    ) -> LatencyTrial:
        """Measure this host under load, and predict the same from the calibration."""
        import pandas as pd  # not for the processes under load, which import this module

        settings = campaign.settings(calibration)
        total = campaign.processes + 1
        runs, tiers, around = [], [], []
        keeping = call(_keeping, settings)
        for process in range(campaign.processes):
            if progress:
                progress(process + 1, total)
            found = call(_loaded, campaign, settings, process)
            runs += found.runs
            tiers += found.tiers
            around += found.around
        if progress:
            progress(total, total)
        frame = pd.DataFrame(runs)
        # Of each end, of each run: before it and after it.
        ends = [[list(end) for end in zip(*pair, strict=True)] for pair in around]
        full = [
            full_rate([each for end in same for each in end]) for same in zip(*ends, strict=True)
        ]
        paces = [[pace_of(*each) for each in zip(run, full, strict=True)] for run in ends]
        ticks = [each for run in ends for each in run[0]]
        gaps = np.concatenate([each.gaps for each in ticks])
        pauses = Pauses(gaps.size / sum(each.running for each in ticks), gaps)
        table, sending, unsure = _tables(calibration, campaign, keeping)
        slowest = float(table[-1]) if sending is None else float(max(table[-1], sending[-1]))
        return cls(
            campaign,
            calibration,
            float(frame.groupby("process")["capacity"].first().median()) * campaign.group,
            campaign.largest / slowest * campaign.group,
            frame,
            beside(frame, campaign, table, paces, sending, unsure),
            pd.DataFrame(tiers).groupby("tier", as_index=False).median(),
            pauses,
            float(np.mean([run[0].mean for run in paces])),
            keeping,
        )

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says of the trial, its judgements apart."""
        return {
            "campaign": self.campaign.model_dump(mode="json"),
            "warnings": list(self.calibration.warnings),
            "capacity_per_second": self.capacity_per_second,
            "predicted_capacity_per_second": self.predicted_capacity_per_second,
            "latency_unit": "s",
            "pauses_per_second": self.pauses.per_second,
            "pauses_share": self.pauses.share,
            "pace": self.pace,
            "keeping_seconds": self.keeping_seconds,
            "rows": self.table.to_dict(orient="records"),
            "runs": self.runs.to_dict(orient="records"),
            "tiers": self.tiers.to_dict(orient="records"),
            "calibration": self.calibration.to_json(),
        }


def _keeping(settings: LoadSettings) -> float:
    # Across processes the producer keeps the schedule, beside its sending.
    return 0.0 if crosses(settings.fabric) else keeping_seconds(settings)


@dataclass(frozen=True)
class _Process:
    """What one process saw: its runs, the host around each of them, and its tiers."""

    runs: list[dict[str, Any]]
    around: list[list[list[Watch]]]
    tiers: list[dict[str, Any]]


def _loaded(campaign: LatencyCampaign, settings: LoadSettings, process: int) -> _Process:
    """Run one process: every load in random order."""
    pipeline = loaded(settings)
    pipeline.capacity(campaign.batches // 4)
    capacity = float(
        np.median([pipeline.capacity(campaign.batches) for _ in range(thresholds.CAPACITY_RUNS)])
    )
    turns = [(kind, load) for kind in campaign.arrivals for load in campaign.loads]
    random.Random(f"{campaign.seed}/{process}").shuffle(turns)
    rows, around = [], []
    for kind, load in turns:
        due = schedule(campaign, kind, load, capacity, process)
        watched = watched_run(pipeline, due, campaign.retries)
        run, every = watched.run, np.concatenate([one.latencies for one in watched.every])
        around.append(watched.around)
        rows.append(
            {
                "arrivals": kind,
                "load": load,
                "process": process,
                "capacity": capacity,
                **percentiles(run.latencies),
                **{f"{name}_all": value for name, value in percentiles(every).items()},
                "attempts": len(watched.every),
                "batches_per_tick": campaign.batches / run.ticks,
                "switches": run.noise.switches,
                "stolen_seconds": run.noise.stolen_seconds,
                **pipeline.disturbance(run).marks(),
            }
        )
    pipeline.close()
    times = tier_seconds(settings, max(1000, campaign.batches // 4))
    tiers = [
        {
            "tier": tier,
            **{p: float(np.quantile(values, thresholds.PERCENTILES[p])) for p in ("p50", "p99")},
        }
        for tier, values in times.items()
    ]
    return _Process(rows, around, tiers)


def _tables(
    calibration: Calibration, campaign: LatencyCampaign, keeping: float
) -> tuple[Floats, Floats | None, float]:
    """Seconds of a tick with 1, 2, ... arrived batches, of their sending, and how unsure they are.

    In one process they come from the working set of the largest, however many they are. From
    another one they come out of its cache: it has just written them, wherever in the ring.
    """
    sizes = campaign.group * np.arange(1, campaign.largest + 1)
    sending = calibration.producer(sizes)
    among = float(sizes[-1]) if sending is None else 0.0
    ticks = calibration.consumer(sizes, among=among)
    table = np.asarray(ticks.seconds) + keeping
    # What is nearest to full batches decides the tail.
    unsure = deviation_of(ticks.low[-1], ticks.high[-1])
    if sending is None:
        return table, None, unsure
    sends = deviation_of(sending.low[-1], sending.high[-1])
    return table, np.asarray(sending.seconds), max(unsure, sends)
