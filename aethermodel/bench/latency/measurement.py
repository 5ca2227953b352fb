"""Latency benchmark: measured under load, compared with its prediction and the budgets."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ConfigDict, Field

from aethermodel import thresholds
from aethermodel.bench.latency.load import Floats, LoadSettings
from aethermodel.bench.latency.load_two_processes import loaded
from aethermodel.bench.latency.offered_loads import Kinds, Loads
from aethermodel.bench.latency.reruns import watched_run
from aethermodel.bench.latency.schedule_overhead import keeping_seconds
from aethermodel.bench.latency.tiers import tier_seconds
from aethermodel.fabrics import crosses
from aethermodel.inputs.unset_values import UnsetIsDefault
from aethermodel.measure.harness.processes.child_processes import call
from aethermodel.measure.host.disturbance import MARKS
from aethermodel.measure.host.jitter import Watch, full_rate, pace_of
from aethermodel.model.queueing.arrivals import Kind, arrivals_of
from aethermodel.model.queueing.batch_service import serve, serve_by_clock
from aethermodel.model.queueing.host_pace import HostPace
from aethermodel.model.queueing.pauses import Pauses
from aethermodel.order_statistics import median_interval

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.calibrate.calibration.calibration import Calibration

Progress = Callable[[int, int], None]


class LatencyCampaign(UnsetIsDefault):
    """Loads to put on the pipeline.

    Attributes
    ----------
    loads : tuple of float
        Shares of what the very process carries, above 0 and below 1: where its events happen to
        lie in the caches makes one faster than another.
    arrivals : tuple of {"poisson", "periodic", "bursty"}
        How batches arrive. Bursts: Poisson at twice the rate half of the time.
    group, largest : int
        Events of an arriving batch, and arrived batches that one tick takes at most.
    processes : int
        Fresh processes, each with every load in random order.
    batches : int
        Arriving batches of one run.
    retries : int
        How often a run that was disturbed is run again; the least disturbed one counts.
    seed : int
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    loads: Loads = Field((0.2, 0.5, 0.8), min_length=1)
    arrivals: Kinds = Field(("poisson", "periodic", "bursty"), min_length=1)
    group: int = Field(256, ge=1, le=2**20)
    largest: int = Field(32, ge=1, le=256)
    processes: int = Field(15, ge=1, le=100)
    batches: int = Field(40_000, ge=1000, le=10**7)
    retries: int = Field(thresholds.LOAD_RETRIES, ge=0, le=100)
    seed: int = 0

    def settings(self, calibration: Calibration) -> LoadSettings:
        """Return the pipeline under the conditions of a calibration."""
        return LoadSettings.under(calibration.conditions, self.group, self.largest)


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
        ``p99_error_low`` and ``..._high``; and the shares of runs that were ``switched`` away
        from more often than always, that had time ``stolen``, that were only on cores ``shared`` or
        moved ``apart``, and that were ``disturbed`` by any of these.
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
        table, sending = _tables(calibration, campaign, keeping)
        slowest = float(table[-1]) if sending is None else float(max(table[-1], sending[-1]))
        return cls(
            campaign,
            calibration,
            float(frame.groupby("process")["capacity"].first().median()) * campaign.group,
            campaign.largest / slowest * campaign.group,
            frame,
            beside(frame, campaign, table, paces, sending),
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
                **_percentiles(run.latencies),
                **{f"{name}_all": value for name, value in _percentiles(every).items()},
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
) -> tuple[Floats, Floats | None]:
    """Seconds of a tick with 1, 2, ... arrived batches, and of their sending by a producer.

    In one process they come from the working set of the largest, however many they are. From
    another one they come out of its cache: it has just written them, wherever in the ring.
    """
    sizes = campaign.group * np.arange(1, campaign.largest + 1)
    sending = calibration.producer(sizes)
    among = float(sizes[-1]) if sending is None else 0.0
    table = np.asarray(calibration.consumer(sizes, among=among).seconds) + keeping
    return table, None if sending is None else np.asarray(sending.seconds)


def schedule(
    campaign: LatencyCampaign, kind: Kind, load: float, capacity: float, process: int
) -> Floats:
    """Return when each batch of a run is due, in seconds: for the pipeline and for its model.

    Parameters
    ----------
    campaign : LatencyCampaign
    kind : {"poisson", "periodic", "bursty"}
    load : float
    capacity : float
        Arriving batches a second.
    process : int
        Every process has schedules of its own.
    """
    place = [campaign.arrivals.index(kind), campaign.loads.index(load)]
    rng = np.random.default_rng([campaign.seed, process, *place])
    return arrivals_of(kind, load * capacity).times(campaign.batches, rng)


def predicted(
    due: Floats,
    table: Floats,
    pace: HostPace | None = None,
    sending: Floats | None = None,
    sending_pace: HostPace | None = None,
) -> Floats:
    """Return the model's latencies under a schedule that the pipeline was run under.

    Two schedules of one kind and load differ in their tails: at 80 % load by 15 % (one standard
    deviation) in 20,000 batches. So the model serves the pipeline's own, warm-up left out alike.

    Parameters
    ----------
    due : ndarray, shape (batches,)
    table : ndarray, shape (largest,)
        Seconds that a tick with 1, 2, ... arrived batches takes at full speed.
    pace : HostPace, optional
        At which the host ran; at full speed if left out.
    sending : ndarray, shape (largest,), optional
        Seconds that a producer of its own takes to send as many: two servers in a row.
    sending_pace : HostPace, optional
        At which the producer's core ran: it pauses when the consumer's does not.

    Returns
    -------
    ndarray, shape (batches after warm-up,)
    """
    # Whatever the pace, most of what is due is served within as long again.
    until = 2 * float(due[-1])
    came = due
    if sending is not None:
        # Those sent together come together; rounding must not put one before the other.
        came = np.maximum.accumulate(due + _served(due, sending, sending_pace, until))
    waited = came - due + _served(came, table, pace, until)
    return waited[int(thresholds.LOAD_WARM_UP * due.size) :]


def _served(due: Floats, table: Floats, pace: HostPace | None, until: float) -> Floats:
    return serve_by_clock(pace.clock(until), due, table) if pace else serve(due, table)


def beside(
    runs: pd.DataFrame,
    campaign: LatencyCampaign,
    table: Floats,
    paces: Sequence[Sequence[HostPace]] | None = None,
    sending: Floats | None = None,
) -> pd.DataFrame:
    """Put the model beside the runs, schedule by schedule: see `LatencyTrial.table`.

    Parameters
    ----------
    runs : pandas.DataFrame
        A row per arrivals, load and process, with that process's ``capacity`` in arriving batches
        a second.
    campaign : LatencyCampaign
    table : ndarray, shape (largest,)
        Seconds of a tick with 1, 2, ... arrived batches, by the calibration.
    paces : sequence of sequence of HostPace, optional
        Around each run: of the consumer's core, and of the producer's where it has its own.
    sending : ndarray, shape (largest,), optional
        Seconds that a producer in a process of its own takes to send as many.
    """
    import pandas as pd

    rows = []
    for (kind, load), group in runs.groupby(["arrivals", "load"], sort=False):
        row: dict[str, Any] = {
            "arrivals": kind,
            "load": load,
            "offered_per_second": load * group["capacity"].median() * campaign.group,
            "batches_per_tick": group["batches_per_tick"].median(),
        }
        models = []
        for at, process, capacity in group[["process", "capacity"]].itertuples():
            due = schedule(campaign, kind, load, capacity, process)
            ideal = _percentiles(predicted(due, table, sending=sending), "ideal_")
            ends = paces[at] if paces else [None]
            here = predicted(due, table, ends[0], sending, ends[-1])
            models.append(ideal | _percentiles(here, "predicted_"))
        model = pd.DataFrame(models, index=group.index)
        for name in ("mean", *thresholds.PERCENTILES):
            row[name] = group[name].median()
            row[f"{name}_low"], row[f"{name}_high"] = group[name].min(), group[name].max()
            between = median_interval(group[name]).ends
            row[f"{name}_median_low"], row[f"{name}_median_high"] = between
            row[f"{name}_all"] = group[f"{name}_all"].median()
        row |= model.median().to_dict()
        errors = model["predicted_p99"] / group["p99"] - 1
        row["share_left_out"] = 1 - len(group) / float(group["attempts"].sum())
        row["p99_error"] = errors.median()
        row["p99_error_low"], row["p99_error_high"] = median_interval(errors).ends
        row |= group[list(MARKS)].mean().to_dict()
        rows.append(row)
    return pd.DataFrame(rows).sort_values(["arrivals", "load"], ignore_index=True)


def _percentiles(latencies: Floats, prefix: str = "") -> dict[str, float]:
    found = np.quantile(latencies, list(thresholds.PERCENTILES.values())).tolist()
    shares = dict(zip(thresholds.PERCENTILES, found, strict=True))
    return {prefix + k: v for k, v in ({"mean": float(latencies.mean())} | shares).items()}
