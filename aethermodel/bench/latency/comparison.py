"""Comparison of runs under load with the model's, of the very same schedules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from statistics import NormalDist
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.bench.latency.latency_campaign import LatencyCampaign
from aethermodel.measure.host.disturbance import MARKS
from aethermodel.model.queueing.arrivals import Kind, arrivals_of
from aethermodel.model.queueing.batch_service import serve, serve_by_clock
from aethermodel.model.queueing.host_pace import HostPace
from aethermodel.order_statistics import median_interval, shifted_median_interval

if TYPE_CHECKING:
    import pandas as pd


Floats = npt.NDArray[np.float64]
# Service times, in standard deviations of what the laws leave open, that P99 is computed at, the
# runs that it is computed in, and draws between them: a run takes a while to serve.
_DEVIATIONS, _SEEN, _DRAWS = (-3.0, -1.5, 0.0, 1.5, 3.0), 3, 1000


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
    unsure: float = 0.0,
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
    unsure : float
        Standard deviation, of its logarithm, that the laws leave a tick's time: all runs are
        predicted by the same laws, so that their number does not show it.
    """
    import pandas as pd  # not for the processes under load, which import this module

    rows = []
    for (kind, load), group in runs.groupby(["arrivals", "load"], sort=False):
        row: dict[str, Any] = {
            "arrivals": kind,
            "load": load,
            "offered_per_second": load * group["capacity"].median() * campaign.group,
            "batches_per_tick": group["batches_per_tick"].median(),
        }
        models, shifts = [], list[Floats]()
        for at, process, capacity in group[["process", "capacity"]].itertuples():
            due = schedule(campaign, kind, load, capacity, process)
            ideal = percentiles(predicted(due, table, sending=sending), "ideal_")
            ends = paces[at] if paces else [None]
            here = predicted(due, table, ends[0], sending, ends[-1])
            if unsure and len(shifts) < _SEEN:
                again = partial(predicted, pace=ends[0], sending_pace=ends[-1])
                shifts.append(_shifted(again, due, table, sending, unsure))
            models.append(ideal | percentiles(here, "predicted_"))
        model = pd.DataFrame(models, index=group.index)
        for name in ("mean", *thresholds.PERCENTILES):
            row[name] = group[name].median()
            row[f"{name}_low"], row[f"{name}_high"] = group[name].min(), group[name].max()
            between = median_interval(group[name]).ends
            row[f"{name}_median_low"], row[f"{name}_median_high"] = between
            row[f"{name}_all"] = group[f"{name}_all"].median()
        row |= model.median().to_dict()
        errors = np.log(model["predicted_p99"] / group["p99"])
        row["share_left_out"] = 1 - len(group) / float(group["attempts"].sum())
        row["p99_error"] = float(np.expm1(errors.median()))
        shared = np.median(shifts, axis=0) if shifts else np.zeros(1)
        row["p99_error_low"], row["p99_error_high"] = np.expm1(
            shifted_median_interval(errors, shared)
        ).tolist()
        row |= group[list(MARKS)].mean().to_dict()
        rows.append(row)
    return pd.DataFrame(rows).sort_values(["arrivals", "load"], ignore_index=True)


def _shifted(
    served: Callable[..., Floats],
    due: Floats,
    table: Floats,
    sending: Floats | None,
    unsure: float,
) -> Floats:
    """Draw the logarithm of what the laws' own error does to P99: steady, so a few points do."""
    found = []
    for deviation in _DEVIATIONS:
        factor = np.exp(deviation * unsure)
        sent = None if sending is None else sending * factor
        found.append(float(np.quantile(served(due, table * factor, sending=sent), 0.99)))
    drawn = np.random.default_rng(0).standard_normal(_DRAWS)
    return np.asarray(np.interp(drawn, _DEVIATIONS, np.log(found) - np.log(found[2])))


def deviation_of(low: npt.ArrayLike, high: npt.ArrayLike) -> float:
    """Return the standard deviation of the logarithm behind intervals of `thresholds.LEVEL`."""
    wide = np.log(np.asarray(high) / np.asarray(low))
    return float(np.max(wide) / (2 * NormalDist().inv_cdf((1 + thresholds.LEVEL) / 2)))


def percentiles(latencies: Floats, prefix: str = "") -> dict[str, float]:
    """Return the mean and the usual percentiles, each under its name."""
    found = np.quantile(latencies, list(thresholds.PERCENTILES.values())).tolist()
    shares = dict(zip(thresholds.PERCENTILES, found, strict=True))
    return {prefix + k: v for k, v in ({"mean": float(latencies.mean())} | shares).items()}
