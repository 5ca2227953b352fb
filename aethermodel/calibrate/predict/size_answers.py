"""Answers about sizes from a law of any form, each with its interval: for a rate, a time, a share.

What is asked of a calibration's T_batch and of anybody's own law is answered here, by the same
functions (`aethermodel.model.optimal_batch_size`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.calibrate.predict.monte_carlo import Answer, answer
from aethermodel.model.optimal_batch_size import (
    AnyLaw,
    RateSearch,
    best_within,
    size_for_rate,
)
from aethermodel.text.number_format import size_text
from aethermodel.text.percentages import percentage
from aethermodel.text.times import duration

Floats = npt.NDArray[np.float64]
SHARES = (0.90, 0.95, 0.99)
#: Share of the best rate that makes a batch size a good one: beyond it mostly latency grows.
SHARE = 0.95
_ROUNDING = 1e-12
_MEGA = 1e6


@dataclass(frozen=True)
class Optimum:
    """A batch size that was asked for.

    Attributes
    ----------
    goal : str
        What it is for, in words.
    size : Answer
        Events; infinite where no batch size will do, nan where one event already is too many.
    per_second : Answer
        Throughput at that size.
    last : Answer
        Of a goal that a range of batch sizes reaches, the largest of them; nan of others.
    extrapolated : bool
        Whether the size, or an end of its interval, is beyond all that were calibrated.
    """

    goal: str
    size: Answer
    per_second: Answer
    last: Answer
    extrapolated: bool

    def __str__(self) -> str:
        if np.isnan(self.size.value):
            return f"{self.goal}: no batch size"
        if np.isinf(self.size.value):
            return f"{self.goal}: never"
        if np.isnan(self.last.value):
            text = f"{self.goal}: N = {_known(self.size)}"
        else:
            text = f"{self.goal}: every N from {_known(self.size)} to {_known(self.last)}"
        return text + ", extrapolated" * self.extrapolated


class SizeAnswers(ABC):
    """Answers about sizes from a law and from draws of it.

    Attributes
    ----------
    time : str
        What the law's time is called.
    unit : str
        What a size counts.
    whole : bool
        Whether sizes are whole numbers.
    level : float
        Confidence of the intervals.
    """

    time = "T_batch"
    unit = "events"
    whole = True
    level = thresholds.LEVEL

    @property
    @abstractmethod
    def point(self) -> AnyLaw:
        """The law itself."""

    @property
    @abstractmethod
    def drawn(self) -> AnyLaw:
        """The same law, drawn many times."""

    @property
    @abstractmethod
    def largest(self) -> float:
        """Largest measured size: the best rate is looked for up to there."""

    def drawn_about(self, size: float) -> AnyLaw:
        """The drawn laws, for a time or a rate at about a size."""
        return self.drawn

    @cached_property
    def _searches(self) -> dict[float, list[RateSearch]]:
        return {}

    def _search(self, law: AnyLaw, most: float) -> RateSearch:
        """Return the search of a law, the same one for all shares."""
        known = self._searches.setdefault(most, [])
        for search in known:
            if search.law is law:
                return search
        known.append(RateSearch(law, most))
        return known[-1]

    def _answer(self, value: float, draws: Floats) -> Answer:
        return answer(value, draws, self.level)

    def _up(self, sizes: Floats) -> Floats:
        """Next whole size; of a solution that is whole but for rounding, that itself."""
        return np.asarray(np.ceil(sizes * (1 - _ROUNDING)) if self.whole else sizes)

    def _down(self, sizes: Floats) -> Floats:
        return np.asarray(np.floor(sizes * (1 + _ROUNDING)) if self.whole else sizes)

    def best_rate(self, most: float | None = None) -> Answer:
        """Return the highest throughput at any batch size up to `most`, in events a second.

        Parameters
        ----------
        most : float, optional
            In events; the largest measured size by default, infinite for the limit of the law.
        """
        most = self.largest if most is None else most
        (rate,), (size,) = self._search(self.point, most).best
        drawn = self._search(self.drawn_about(size), most).best[0]
        return self._answer(float(rate), drawn)

    def share(self, share: float, most: float | None = None) -> Optimum:
        """Return the batch sizes that reach a share of the highest throughput.

        All commands recommend by this. A rate hardly changes over a wide range of batch sizes, so
        that the best size itself is badly known, and of no use; the ends of the range are known.

        Parameters
        ----------
        share : float
            Above 0 and below 1.
        most : float, optional
            Largest batch to look at, in events; the largest measured one by default, infinite
            for the limit of the law.
        """
        if not 0 < share < 1:
            raise ValueError(f"a share of the best rate lies between 0 and 1, not at {share!r}")
        goal = f"{percentage(share, 0)} of the best rate"
        if most is not None and most < np.inf:
            goal += f" up to N = {most:,.0f}"
        most = self.largest if most is None else most
        # Two sizes are compared: what makes one stage slower than the other counts as drawn.
        laws = (self.point, self.drawn)
        searches = [self._search(law, most) for law in laws]
        wanted = [share * search.best[0] for search in searches]
        least = [self._up(size_for_rate(law, x)) for law, x in zip(laws, wanted, strict=True)]
        if np.isinf(most):
            return self._optimum(goal, least[0], least[1])
        least = [np.minimum(sizes, most) for sizes in least]
        last = [
            np.maximum(self._down(search.last_size_at(x)), sizes)
            for search, x, sizes in zip(searches, wanted, least, strict=True)
        ]
        return self._optimum(goal, least[0], least[1], self._answer(float(last[0][0]), last[1]))

    def rate(self, per_second: float) -> Optimum:
        """Return the smallest batch size that reaches a throughput in events a second."""
        rate = f"{per_second:,.0f}" if per_second < _MEGA else f"{size_text(per_second / _MEGA)} M"
        goal = f"at least {rate} {self.unit}/s"
        point = self._up(size_for_rate(self.point, per_second))
        drawn = self._up(size_for_rate(self.drawn_about(float(point[0])), per_second))
        return self._optimum(goal, point, drawn)

    def within(self, seconds: float) -> Optimum:
        """Return the batch size of the highest throughput whose T_batch stays within a time."""
        goal = f"{self.time} within {duration(seconds)}"
        point = self._down(best_within(self.point, seconds))
        drawn = self._down(best_within(self.drawn_about(float(point[0])), seconds))
        return self._optimum(goal, point, drawn)

    def gain_at(self, size: float, n: float) -> Answer:
        """Return the relative gain in throughput of batches of `size` events over those of `n`."""
        point, drawn = (law.rate(size) / law.rate(n) - 1 for law in (self.point, self.drawn))
        return self._answer(float(point[0]), drawn)

    def _optimum(
        self, goal: str, point: Floats, drawn: Floats, last: Answer | None = None
    ) -> Optimum:
        size = self._answer(float(point[0]), drawn)
        none = Answer(float("nan"), float("nan"), float("nan"))
        # One that is never reached, or only beyond what was calibrated, is no less extrapolated.
        ends = (size.value, size.high) if size.value < np.inf else (size.low,)
        beyond = bool(max(ends) > self.largest)
        if not np.isfinite(size.value):
            return Optimum(goal, size, none, none, beyond)
        at = self.drawn_about(size.value).rate(np.full(drawn.shape, size.value))
        rate = self._answer(float(self.point.rate(size.value)[0]), at)
        return Optimum(goal, size, rate, last or none, beyond)


def _known(size: Answer) -> str:
    if size.low == size.high:
        return f"{size.value:,.0f}"
    return f"{size.value:,.0f} ({size.low:,.0f} to {size.high:,.0f})"
