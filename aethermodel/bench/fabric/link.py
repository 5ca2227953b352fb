"""Link between two hosts: latency and gap a byte, from a law of the time over the bytes.

LogGP: a batch takes the overhead o of both ends, the latency L, and the gap G a byte. The law is
fitted over the bytes on the wire, headers included, so that its slope is what the link was built
for: between two sizes in the largest quarter, where the copies of both hosts go on while the wire
is busy and hide behind it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aethermodel import thresholds
from aethermodel.bench.fabric.overhead import Overhead
from aethermodel.laws.law import Law
from aethermodel.order_statistics import median_interval

# The slope is that between the largest size and a quarter of it.
_BULK = 4.0


@dataclass(frozen=True)
class Figure:
    """An estimate with its interval, in `unit`."""

    value: float
    low: float
    high: float
    unit: str

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says of it."""
        return {"value": self.value, "low": self.low, "high": self.high, "unit": self.unit}


@dataclass(frozen=True)
class Link:
    """What connects two hosts.

    Attributes
    ----------
    latency : Figure
        L and o: from the first byte handed to one kernel until the last was read from the other's,
        of a batch of no size.
    overhead : Figure or None
        o, both ends together: that part which is there without a wire; None where not known.
    delay : Figure or None
        L: what the wire adds, by the exchanges that were held up least; None where the overhead
        is not known, or is more than the whole way takes.
    gap : Figure
        G: seconds a byte on the wire.
    rate : Figure
        Bits a second on the wire, 8 / G.
    """

    latency: Figure
    overhead: Figure | None
    delay: Figure | None
    gap: Figure
    rate: Figure

    @classmethod
    def of(cls, law: Law, overhead: Overhead | None, calm: Sequence[float]) -> Link:
        """Derive it from a law of seconds one way over bytes on the wire.

        Parameters
        ----------
        law : Law
        overhead : Overhead, optional
            Mean of both hosts, when they were held up least.
        calm : sequence of float
            Seconds one way of the smallest batch when it was held up least, one a round.
        """
        least, most = law.smallest, law.largest
        at = np.array([least, most / _BULK, most])
        best = _figures(law.predict(at).seconds[None, :], at)
        drawn = _figures(law.draws(at, thresholds.DRAWS), at)
        (latency, gap), (latencies, gaps) = best, drawn
        whole = _figure(float(latency[0]), latencies, "s")
        slope = _figure(float(gap[0]), gaps, "s/B")
        rate = Figure(_rate(slope.value), _rate(slope.high), _rate(slope.low), "bit/s")
        if overhead is None:
            return cls(whole, None, None, slope, rate)
        own = Figure(*overhead, "s")
        way, (least_way, most_way) = float(np.median(calm)), median_interval(calm).ends
        value = way - least * slope.value - own.value
        below = (way - least_way, least * (slope.high - slope.value), own.high - own.value)
        above = (most_way - way, least * (slope.value - slope.low), own.value - own.low)
        low, high = (float(np.sqrt(np.sum(np.square(ends)))) for ends in (below, above))
        # No wire takes less than no time: the hosts were not as they were on the way between.
        delay = Figure(value, value - low, value + high, "s") if value + high >= 0 else None
        return cls(whole, own, delay, slope, rate)

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says of it."""
        return {name: part.figures() if part else None for name, part in vars(self).items()}


def _figures(
    seconds: NDArray[np.float64], at: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    least, quarter, most = seconds.T
    gap = np.maximum((most - quarter) / (at[2] - at[1]), 0.0)
    return np.maximum(least - at[0] * gap, 0.0), gap


def _figure(value: float, drawn: NDArray[np.float64], unit: str) -> Figure:
    half = (1 - thresholds.LEVEL) / 2
    low, high = np.nanquantile(drawn, (half, 1 - half))
    return Figure(value, float(min(low, value)), float(max(high, value)), unit)


def _rate(gap: float) -> float:
    """Return bits a second; of a gap that cannot be told from none they are unbounded."""
    return 8 / gap if gap > 0 else float("inf")
