"""Drawing of a law with matplotlib."""

from __future__ import annotations

from typing import Any

import numpy as np

from aethermodel.laws.fitted_curve import FittedCurve

_SIZES = 400


def plot(law: FittedCurve, axes: Any = None) -> Any:
    """Draw a law through many sizes, dashed beyond the data, with its interval and the data."""
    if axes is None:
        from matplotlib.figure import Figure

        axes = Figure(layout="constrained").subplots()
    start = law.smallest if law.smallest > 0 else float(law.sizes[law.sizes > 0].min(initial=1.0))
    n = np.geomspace(start, 4 * law.largest, _SIZES)
    band = law.predict(n)
    inside = ~band.extrapolated
    axes.fill_between(n, band.low, band.high, alpha=0.2, linewidth=0)
    (line,) = axes.plot(n[inside], band.seconds[inside])
    axes.plot(n[~inside], band.seconds[~inside], linestyle="--", color=line.get_color())
    axes.plot(law.sizes, law.means, ".", color="black")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel(f"{law.size_name} ({law.size_unit})" if law.size_unit else law.size_name)
    axes.set_ylabel("seconds")
    return axes
