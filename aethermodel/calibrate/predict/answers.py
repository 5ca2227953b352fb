"""Answers from a calibration, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from aethermodel.calibrate.predict.monte_carlo import Answer, answer
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.model.bottleneck import bottleneck_map
from aethermodel.model.optimum import best_rate, best_within, last_size_at, size_for_rate
from aethermodel.model.piecewise_law import Law
from aethermodel.model.pipelined import Pipelined, law_of
from aethermodel.model.roofline import Ceiling, Origin, interpreter_ceiling
from aethermodel.model.sensitivity import gains
from aethermodel.percentages import percentage

Floats = npt.NDArray[np.float64]
SHARES = (0.90, 0.95, 0.99)
#: Share of the best rate that makes a batch size a good one: beyond it mostly latency grows.
SHARE = 0.95
#: Largest batch size that maps and rooflines reach unless told otherwise.
TOP = 2**20
_ROUNDING = 1e-12


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


@dataclass(frozen=True)
class Buys:
    """What halving a cost buys: relative gain in throughput."""

    name: str
    is_term: bool
    assumed: bool
    gain: Answer


@dataclass(frozen=True)
class Bound:
    """The term that binds over a range of batch sizes; its end with an interval.

    `extrapolated` says that the range reaches beyond all sizes that were calibrated.
    """

    term: str
    begin: float
    end: Answer
    extrapolated: bool


class Answers:
    """Answers from one scenario.

    Parameters
    ----------
    scenario : Scenario
        A calibration, with or without assumptions.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    @cached_property
    def _point(self) -> Law | Pipelined:
        return law_of(self.scenario.model)

    @cached_property
    def _drawn(self) -> Law | Pipelined:
        return law_of(self.scenario.model, self.scenario.draws)

    def _drawn_about(self, size: float) -> Law | Pipelined:
        """The drawn laws, for a time or a rate at about a batch size."""
        drawn = self._drawn
        if not isinstance(drawn, Pipelined):
            return drawn
        return drawn.ranked_at(float(np.clip(size, 1, self.largest)))

    @property
    def largest(self) -> float:
        """Largest calibrated batch: the best rate is looked for up to there."""
        return self.scenario.calibration.largest

    def best_rate(self, most: float | None = None) -> Answer:
        """Return the highest throughput at any batch size up to `most`, in events a second.

        Parameters
        ----------
        most : float, optional
            In events; the largest calibrated batch by default, infinite for the limit of the law.
        """
        most = self.largest if most is None else most
        (rate,), (size,) = best_rate(self._point, most)
        return answer(float(rate), best_rate(self._drawn_about(size), most)[0])

    def share(self, share: float, most: float | None = None) -> Optimum:
        """Return the batch sizes that reach a share of the highest throughput.

        All commands recommend by this. A rate hardly changes over a wide range of batch sizes, so
        that the best size itself is badly known, and of no use; the ends of the range are known.

        Parameters
        ----------
        share : float
            Above 0 and below 1.
        most : float, optional
            Largest batch to look at, in events; the largest calibrated one by default, infinite
            for the limit of the law.
        """
        if not 0 < share < 1:
            raise ValueError(f"a share of the best rate lies between 0 and 1, not at {share!r}")
        goal = f"{percentage(share, 0)} of the best rate"
        if most is not None and most < np.inf:
            goal += f" up to N = {most:,.0f}"
        most = self.largest if most is None else most
        near = size_for_rate(self._point, share * best_rate(self._point, most)[0])
        laws = (self._point, self._drawn_about(float(near[0])))
        wanted = [share * best_rate(law, most)[0] for law in laws]
        least = [_up(size_for_rate(law, x)) for law, x in zip(laws, wanted, strict=True)]
        if np.isinf(most):
            return self._optimum(goal, least[0], least[1])
        least = [np.minimum(sizes, most) for sizes in least]
        last = [
            np.maximum(_down(last_size_at(law, x, most)), sizes)
            for law, x, sizes in zip(laws, wanted, least, strict=True)
        ]
        return self._optimum(goal, least[0], least[1], answer(float(last[0][0]), last[1]))

    def rate(self, per_second: float) -> Optimum:
        """Return the smallest batch size that reaches a throughput in events a second."""
        goal = f"{per_second / 1e6:,.6g} M events/s"
        point = _up(size_for_rate(self._point, per_second))
        drawn = _up(size_for_rate(self._drawn_about(float(point[0])), per_second))
        return self._optimum(goal, point, drawn)

    def within(self, seconds: float) -> Optimum:
        """Return the batch size of the highest throughput whose T_batch stays within a time."""
        goal = f"T_batch within {seconds * 1e6:,.6g} µs"
        point = _down(best_within(self._point, seconds))
        drawn = _down(best_within(self._drawn_about(float(point[0])), seconds))
        return self._optimum(goal, point, drawn)

    def gain_at(self, size: float, n: float) -> Answer:
        """Return the relative gain in throughput of batches of `size` events over those of `n`."""
        point, drawn = (law.rate(size) / law.rate(n) - 1 for law in (self._point, self._drawn))
        return answer(float(point[0]), drawn)

    def _optimum(
        self, goal: str, point: Floats, drawn: Floats, last: Answer | None = None
    ) -> Optimum:
        size = answer(float(point[0]), drawn)
        none = Answer(float("nan"), float("nan"), float("nan"))
        # One that is never reached, or only beyond what was calibrated, is no less extrapolated.
        ends = (size.value, size.high) if size.value < np.inf else (size.low,)
        beyond = bool(max(ends) > self.largest)
        if not np.isfinite(size.value):
            return Optimum(goal, size, none, none, beyond)
        at = self._drawn_about(size.value).rate(np.full(drawn.shape, size.value))
        rate = answer(float(self._point.rate(size.value)[0]), at)
        return Optimum(goal, size, rate, last or none, beyond)

    def sensitivity(self, n: float) -> list[Buys]:
        """Rank terms and parameters by what halving them buys at a batch size."""
        scenario = self.scenario
        # The estimates in front of the draws: SymPy's derivatives are taken once.
        values = {
            name: np.concatenate([[p.value], scenario.draws[name]])
            for name, p in scenario.model.parameters.items()
        }
        found = [
            Buys(
                gain.name,
                gain.is_term,
                scenario.is_assumed(gain.name)
                if gain.is_term
                else scenario.origin_of(gain.name) == "assumed",
                answer(float(gain.halved[0]), gain.halved[1:]),
            )
            for gain in gains(scenario.model, n, values)
        ]
        return sorted(found, key=lambda buys: -buys.gain.value)

    def bottlenecks(self, top: float = TOP) -> list[Bound]:
        """Return which term binds from one event to `top` events a batch."""
        spans = bottleneck_map(self.scenario.model, top, self.scenario.draws)
        return [
            Bound(span.term, span.begin, answer(span.end, span.crossing), span.end > self.largest)
            for span in spans
        ]

    def ceilings(self, n: npt.ArrayLike, published: list[Ceiling]) -> list[Ceiling]:
        """Return what no design here passes: copies as measured, the interpreter, and others.

        Parameters
        ----------
        n : array_like
            Batch sizes at which to evaluate the interpreter's ceiling.
        published : list of Ceiling
            Such as PCIe and line rate.
        """
        assumed = any(self.scenario.is_assumed(term) for term in ("loop", "ffi"))
        origin: Origin = "assumed" if assumed else "measured"
        found = [interpreter_ceiling(self.scenario.model, n, origin), *published]
        copies = self.scenario.calibration.copy_rates()
        if len(copies):
            sizes, rates = copies["n"].to_numpy(), copies["per_second"].to_numpy()
            source = "bandwidth probe, in the run of the calibration"
            found.insert(0, Ceiling("memory copy", sizes, rates, "measured", source))
        return found


def _up(sizes: Floats) -> Floats:
    """Next whole batch size; of a solution that is whole but for rounding, that itself."""
    return np.asarray(np.ceil(sizes * (1 - _ROUNDING)))


def _down(sizes: Floats) -> Floats:
    return np.asarray(np.floor(sizes * (1 + _ROUNDING)))


def _known(size: Answer) -> str:
    if size.low == size.high:
        return f"{size.value:,.0f}"
    return f"{size.value:,.0f} ({size.low:,.0f} to {size.high:,.0f})"
