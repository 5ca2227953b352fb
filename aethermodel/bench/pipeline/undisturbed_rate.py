"""Throughput of a row, from slices without contention on the consumer's core.

A run of half a second on a rented host is never left alone from end to end; slices of it are. Which
ones shows an idle loop beside each (`aethermodel.measure.host.slices`), never the slice's own rate.
The model's terms are measured so, and so its prediction belongs beside this figure.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from aethermodel import thresholds
from aethermodel.measure.host.contention import core_excess, trip_excess


def left_alone(runs: list[dict[str, Any]]) -> pd.DataFrame:
    """Take the slices out of the runs, and tell what was carried in the calm ones.

    Parameters
    ----------
    runs : list of dict
        Each with ``row``, and where it was sliced with ``slices``: events a second, and the seconds
        of the idle loop beside each; and ``slices_trip_seconds``, a line's way between the cores.

    Returns
    -------
    pandas.DataFrame
        By row ``alone_per_second``, the median of the calm slices, nan where fewer than twenty or
        less than a tenth are calm; and ``alone_share``, theirs of all slices.
    """
    rows = [
        (run["row"], *each, run["slices_trip_seconds"])
        for run in runs
        for each in run.pop("slices", [])
    ]
    slices = pd.DataFrame(rows, columns=["row", "per_second", "core_seconds", "trip_seconds"])
    best = slices["core_seconds"].quantile(thresholds.BEST_CORE_QUANTILE)
    own = core_excess(slices["core_seconds"], best) <= 1
    near = ~(trip_excess(slices["trip_seconds"], slices["trip_seconds"].min()) > 1)
    calm = slices["per_second"].where(near & own)
    found = calm.groupby(slices["row"]).agg(["median", "count", "size"])
    share = found["count"] / found["size"]
    enough = found["count"] >= thresholds.CALM_SLICES_OF_A_RUN
    enough &= share >= thresholds.CALM_SHARE_OF_A_RUN
    return pd.DataFrame({"alone_per_second": found["median"].where(enough), "alone_share": share})
