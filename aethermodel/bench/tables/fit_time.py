"""Fit time: processor time of the fit of one law."""

from __future__ import annotations

import time

from aethermodel.laws.fit import fit_series
from aethermodel.readers.measurements import Series

_TIMES = 5


def fit_milliseconds(series: Series) -> float:
    """Least of several fits, as whatever else runs on the host only adds to it."""
    least = float("inf")
    for _ in range(_TIMES):
        start = time.process_time()
        fit_series(series)
        least = min(least, time.process_time() - start)
    return 1e3 * least
