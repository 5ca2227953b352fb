"""Clock offset between two hosts, by the exchanges that were least delayed.

As NTP has it (D. L. Mills, IEEE Transactions on Communications 39, 1991): the exchange of the
shortest round trip was held up least, so that its offset is nearest. The clocks drift apart while
one measures, so that a line is laid through the best exchange of each part of the time that has
one nearly as short. What no exchange can show is by how much one way is longer than the other: an
offset may be off by half of the shortest round trip at most, and is, by half of the difference of
the ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aethermodel import thresholds
from aethermodel.bench.fabric.exchanges import Exchange

Floats = NDArray[np.float64]

# Parts of the time, each with one exchange that counts.
_PARTS = 20
# A line has two figures.
_LEAST_PARTS = 4
# By so much may the best of a part be longer than the best of all.
_NEARLY = 1.1


@dataclass(frozen=True)
class ClockOffset:
    """How far the other host's clock is ahead, over time.

    Attributes
    ----------
    seconds, low, high : float
        In the middle of the exchanges, if both ways take equally long.
    drift : float
        Seconds that it gains a second; nan where the exchanges are too few.
    most_asymmetry : float
        By so much at most it is off where the ways differ: half of the shortest round trip.
    """

    seconds: float
    low: float
    high: float
    drift: float
    most_asymmetry: float
    _origin_ns: int
    _middle: float

    @classmethod
    def of(cls, exchanges: Sequence[Exchange]) -> ClockOffset:
        """Estimate it from exchanges; those of larger batches have longer round trips.

        Parameters
        ----------
        exchanges : sequence of Exchange
            At least one.
        """
        origin = exchanges[0].sent
        at = np.array([(one.sent - origin) / 1e9 for one in exchanges])
        # Subtracted as whole numbers: clocks of two hosts may be years apart.
        apart = exchanges[0].arrived - exchanges[0].sent
        offsets = np.array([_offset_from(one, apart) / 1e9 for one in exchanges])
        trips = np.array([one.round_trip_ns / 1e9 for one in exchanges])
        best = _best_of_parts(at, trips)
        best = best[trips[best] <= _NEARLY * trips.min()]
        x, y = at[best], offsets[best]
        middle = float(x.mean())
        drift, value = float("nan"), float(y.mean())
        # What held an exchange up stands in its offset by half, if it was on one way alone.
        half = float(trips[best].max()) / 2
        if x.size >= _LEAST_PARTS:
            drift = float(np.polyfit(x - middle, y, 1)[0])
            rest = y - value - drift * (x - middle)
            from scipy.special import stdtrit

            spread = float(np.sqrt(np.sum(rest**2) / (x.size - 2) / x.size))
            held_up = float(np.mean(trips[best] - trips.min())) / 2
            half = float(stdtrit(x.size - 2, (1 + thresholds.LEVEL) / 2)) * spread + held_up
        whole = apart / 1e9
        return cls(
            whole + value,
            whole + value - half,
            whole + value + half,
            drift,
            float(trips.min()) / 2,
            origin,
            middle,
        )

    def one_way(self, exchanges: Sequence[Exchange]) -> Floats:
        """Return the seconds that each batch was on its way, by both clocks."""
        drift = 0.0 if np.isnan(self.drift) else self.drift
        at = np.array([(one.sent - self._origin_ns) / 1e9 for one in exchanges])
        apart = np.array([(one.arrived - one.sent) / 1e9 for one in exchanges])
        return np.asarray(apart - self.seconds - drift * (at - self._middle))

    def figures(self) -> dict[str, Any]:
        """Return what a JSON document says of it."""
        return {
            "seconds": self.seconds,
            "low_seconds": self.low,
            "high_seconds": self.high,
            "drift": self.drift,
            "most_asymmetry_seconds": self.most_asymmetry,
        }


def _offset_from(one: Exchange, apart: int) -> float:
    return ((one.arrived - one.sent - apart) + (one.answered - one.came - apart)) / 2


def _best_of_parts(at: Floats, trips: Floats) -> NDArray[np.intp]:
    """Index of the shortest round trip in each part of the time."""
    parts = np.minimum((at - at[0]) / max(float(np.ptp(at)), 1e-9) * _PARTS, _PARTS - 1).astype(int)
    return np.array(
        [
            np.flatnonzero(parts == part)[np.argmin(trips[parts == part])]
            for part in np.unique(parts)
        ],
        dtype=np.intp,
    )
