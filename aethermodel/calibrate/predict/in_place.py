"""Terms in place: what each stage costs inside the whole, beside what it costs isolated."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel import thresholds
from aethermodel.calibrate.calibration.composition import add_up
from aethermodel.inputs.plain_values import parse_json
from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.order_statistics import median_interval
from aethermodel.text.percentages import UNKNOWN, percent, percentage
from aethermodel.text.times import duration

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.calibrate.calibration.calibration import Calibration

#: What is timed between two reads of the clock in the built-in pipeline, and its terms. The rest of
#: a batch is the loop's.
ROUTE = "ffi + kernel"
_MOST = 1e6  # seconds


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
    def known(self) -> bool:
        """Whether both sides are known well enough to say by how much they differ."""
        low, high = self.change_interval
        return bool(1 + high < thresholds.UNKNOWN_SPAN * (1 + low))

    @property
    def differs(self) -> bool:
        """Whether it is known, and the interval of the change leaves out none."""
        low, high = self.change_interval
        return self.known and not low <= 0 <= high

    @property
    def seconds(self) -> float:
        """What it costs more in place."""
        return self.in_place - self.isolated

    def change_in_words(self) -> str:
        """Say by how much it differs, with the interval: ``+9.8 %, +7.9 to +12 %``."""
        if not self.known:
            return f"by how much it differs {UNKNOWN}"
        low, high = self.change_interval
        return f"{percent(self.change)}, {percent(low)} to {percent(high)}"

    def __str__(self) -> str:
        clock = ""
        if self.clock_share > thresholds.CLOCK_SHARE:
            clock = f"; the clock's {percentage(self.clock_share, 0)} taken off"
        return (
            f"{self.term}: {duration(self.isolated)} isolated, {duration(self.in_place)} in the "
            f"pipeline ({self.change_in_words()}{clock})"
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
            "known": self.known,
            "differs": self.differs,
            "clock_share": self.clock_share,
        }


def median_of_processes(seconds: pd.DataFrame) -> tuple[float, float, float]:
    """Return the median of the processes' medians and its interval.

    Parameters
    ----------
    seconds : pandas.DataFrame
        ``process`` and ``seconds``, a row a sample.
    """
    return _median(seconds.groupby("process")["seconds"].median().to_numpy())


def figures_of(samples: pd.DataFrame) -> pd.Series[dict[str, float]]:
    """Return what each sample saw beside its seconds."""
    if "figures" not in samples:
        return samples["seconds"].map(lambda _: {})
    return samples["figures"].map(lambda text: _figures(text) if isinstance(text, str) else {})


def _figures(text: str) -> dict[str, float]:
    figures = parse_json(text.encode("utf-8", "surrogatepass"))
    numbers = isinstance(figures, dict) and all(
        isinstance(figure, int | float) and 0 <= figure < _MOST for figure in figures.values()
    )
    if not numbers:
        raise InputError(f"figures: should be seconds by name, not {quoted(text)}")
    return dict(figures)


def told_in_place(found: Iterable[InPlace], whole: dict[int, float]) -> list[InPlace]:
    """Return the terms that differ in place, by what that is of the whole.

    Parameters
    ----------
    found : iterable of InPlace
    whole : dict of int to float
        Measured seconds of a batch, by its size.
    """
    off = [one for one in found if one.differs and one.n in whole]
    return sorted(off, key=lambda one: -abs(one.seconds) / whole[one.n])


def terms_in_place(calibration: Calibration, samples: pd.DataFrame) -> tuple[InPlace, ...]:
    """Compare the built-in pipeline's terms isolated with themselves in place.

    Parameters
    ----------
    calibration : Calibration
    samples : pandas.DataFrame
        With rows of the ``pipeline`` and ``in_place`` probes.

    Returns
    -------
    tuple of InPlace
        At each size ``fabric`` (with the wait for a slower producer), the router's call with its
        kernel, and the ``loop``, which is what they leave of the whole: without a clock in it, or
        with, whichever was faster. Empty where nothing was timed in place undisturbed, as in
        samples of older trials.
    """
    import pandas as pd

    # What was disturbed to the last says nothing of a term.
    final = samples[samples["final"] & ~samples["noisy"].astype(bool)]
    timed = final[final["probe"] == "in_place"]
    if timed.empty:
        return ()
    seen = pd.DataFrame(list(figures_of(timed)), index=timed.index)
    timed = timed[["batch_size", "process", "seconds"]].join(seen)
    if "route" not in timed:
        return ()
    places = timed.dropna().groupby(["batch_size", "process"]).median()
    whole = final[final["probe"] == "pipeline"].groupby(["batch_size", "process"])["seconds"]
    places["whole"] = np.fmin(whole.median().reindex(places.index), places["seconds"])
    found: list[InPlace] = []
    for n, own in places.dropna().groupby("batch_size"):
        size = float(n)
        isolated = _isolated(calibration, size)
        rest = (own["whole"] - own["fabric"] - own["route"]).clip(lower=0.0)
        clock = float(own["clock"].median())
        in_turn = {"fabric": (own["fabric"], 2 * clock), ROUTE: (own["route"], clock)}
        for term, (seconds, cost) in {**in_turn, "loop": (rest, 0.0)}.items():
            value, low, high = _median(seconds.to_numpy())
            if term in isolated and value > 0:
                found.append(
                    InPlace(term, int(size), *isolated[term], value, low, high, cost / value)
                )
    return tuple(found)


def _isolated(calibration: Calibration, n: float) -> dict[str, tuple[float, float, float]]:
    """Return seconds of each term that is timed in place, with the interval of its own law."""
    at = np.array([n])
    calls = calibration.conditions.calls()
    parts = {
        term: calibration.part(term, at, calls, thresholds.LEVEL, "mean")
        for term in ("loop", "ffi", "kernel", "fabric")
    }
    wait = float(calibration.predict(at).budget.get("wait", np.zeros(1))[0])
    found = {}
    for name, terms in {"fabric": ("fabric",), ROUTE: ("ffi", "kernel"), "loop": ("loop",)}.items():
        sum_ = add_up(at, {term: parts[term] for term in terms})
        more = wait if name == "fabric" else 0.0
        mean, low, high = (float(x[0]) + more for x in (sum_.seconds, sum_.low, sum_.high))
        if mean > 0:
            found[name] = mean, max(low, mean * 1e-3), high
    return found


def _median(values: Any) -> tuple[float, float, float]:
    low, high = median_interval(values).ends
    value = float(np.median(values))
    return value, max(float(low), value * 1e-3), float(high)
