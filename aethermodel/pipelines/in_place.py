"""Terms in place: what each stage costs inside the whole, beside what it costs isolated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel import thresholds
from aethermodel.order_statistics import median_interval
from aethermodel.text.percentages import percent, percentage

if TYPE_CHECKING:
    import pandas as pd

_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"), (0.0, "ns"))


@dataclass(frozen=True)
class InPlace:
    """One term at one batch size.

    Attributes
    ----------
    term : str
    n : int
    isolated, isolated_low, isolated_high : float
        Seconds by the term's own law, with its interval.
    in_place, in_place_low, in_place_high : float
        Seconds inside the whole: median of the processes, with its interval.
    clock_share : float
        What the two reads of the clock cost, as a share of the term; it is taken off.
    """

    term: str
    n: int
    isolated: float
    isolated_low: float
    isolated_high: float
    in_place: float
    in_place_low: float
    in_place_high: float
    clock_share: float

    @property
    def change(self) -> float:
        """Relative: 0.1 for 10 % more in place."""
        return self.in_place / self.isolated - 1

    @property
    def change_interval(self) -> tuple[float, float]:
        """Ends of the interval of `change`: both sides' intervals, in quadrature."""
        ratio = self.in_place / self.isolated
        below = np.hypot(
            np.log(self.in_place / max(self.in_place_low, 1e-15)),
            np.log(self.isolated_high / self.isolated),
        )
        above = np.hypot(
            np.log(self.in_place_high / self.in_place),
            np.log(self.isolated / max(self.isolated_low, 1e-15)),
        )
        return float(ratio * np.exp(-below) - 1), float(ratio * np.exp(above) - 1)

    @property
    def differs(self) -> bool:
        """Whether the interval of the change leaves out none."""
        low, high = self.change_interval
        return not low <= 0 <= high

    @property
    def seconds(self) -> float:
        """What it costs more in place."""
        return self.in_place - self.isolated

    def __str__(self) -> str:
        low, high = self.change_interval
        clock = ""
        if self.clock_share > thresholds.CLOCK_SHARE:
            clock = f"; the clock's {percentage(self.clock_share, 0)} taken off"
        return (
            f"{self.term}: {duration(self.isolated)} isolated, {duration(self.in_place)} in the "
            f"pipeline ({percent(self.change)}, {percent(low)} to {percent(high)}{clock})"
        )

    def figures(self) -> dict[str, Any]:
        """Return JSON values."""
        low, high = self.change_interval
        return {
            "term": self.term,
            "n": self.n,
            "isolated_seconds": self.isolated,
            "isolated_low_seconds": self.isolated_low,
            "isolated_high_seconds": self.isolated_high,
            "in_place_seconds": self.in_place,
            "in_place_low_seconds": self.in_place_low,
            "in_place_high_seconds": self.in_place_high,
            "change": self.change,
            "change_low": low,
            "change_high": high,
            "differs": self.differs,
            "clock_share": self.clock_share,
        }


def duration(seconds: float) -> str:
    """Write a time with three digits."""
    scale, unit = next((s, u) for s, u in _UNITS if abs(seconds) >= s)
    return f"{seconds / (scale or 1e-9):.3g} {unit}"


def median_of_processes(seconds: pd.DataFrame) -> tuple[float, float, float]:
    """Return the median of the processes' medians and its interval.

    Parameters
    ----------
    seconds : pandas.DataFrame
        ``process`` and ``seconds``, a row a sample.
    """
    medians = seconds.groupby("process")["seconds"].median().to_numpy()
    low, high = median_interval(medians).ends
    return float(np.median(medians)), float(low), float(high)
