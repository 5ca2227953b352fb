"""What an engineer asks of a calibration, each answer with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from aethermodel.calibrate.draws import Answer, answer
from aethermodel.calibrate.scenario import Scenario
from aethermodel.model.bottleneck import bottleneck_map
from aethermodel.model.law import Law
from aethermodel.model.optimum import best_rate, best_within, size_for_rate
from aethermodel.model.roofline import Ceiling, Origin, interpreter_ceiling
from aethermodel.model.sensitivity import gains
from aethermodel.model.stages import Pipelined, law_of

Floats = npt.NDArray[np.float64]
SHARES = (0.90, 0.95, 0.99)
#: Largest batch size that maps and rooflines reach unless told otherwise.
TOP = 2**20


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
    """

    goal: str
    size: Answer
    per_second: Answer


@dataclass(frozen=True)
class Buys:
    """What halving a cost buys: relative gain in throughput."""

    name: str
    is_term: bool
    assumed: bool
    gain: Answer


@dataclass(frozen=True)
class Bound:
    """The term that binds over a range of batch sizes; its end with an interval."""

    term: str
    begin: float
    end: Answer


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

    def best_rate(self) -> Answer:
        """Return the highest throughput at any batch size, in events a second."""
        return answer(float(best_rate(self._point)[0][0]), best_rate(self._drawn)[0])

    def share(self, share: float, most: float = np.inf) -> Optimum:
        """Return the smallest batch size that reaches a share of the highest throughput.

        Without a knee the highest is that of the largest batch there is room for, `most` events;
        where there is no such limit, the asymptote.
        """
        if not 0 < share < 1:
            raise ValueError(f"a share of the best rate lies between 0 and 1, not at {share!r}")
        goal = f"{share:.0%} of the best rate"
        if most < np.inf:
            goal += f" up to N = {most:,.0f}"
        point, drawn = (
            np.ceil(size_for_rate(law, share * best_rate(law, most)[0]))
            for law in (self._point, self._drawn)
        )
        return self._optimum(goal, point, drawn)

    def rate(self, per_second: float) -> Optimum:
        """Return the smallest batch size that reaches a throughput in events a second."""
        goal = f"at least {per_second:,.0f} events/s"
        found = [np.ceil(size_for_rate(law, per_second)) for law in (self._point, self._drawn)]
        return self._optimum(goal, *found)

    def within(self, seconds: float) -> Optimum:
        """Return the batch size of the highest throughput whose T_batch stays within a time."""
        goal = f"T_batch within {seconds * 1e6:,.6g} µs"
        found = [np.floor(best_within(law, seconds)) for law in (self._point, self._drawn)]
        return self._optimum(goal, *found)

    def gain_at(self, size: float, n: float) -> Answer:
        """Return the relative gain in throughput of batches of `size` events over those of `n`."""
        point, drawn = (law.rate(size) / law.rate(n) - 1 for law in (self._point, self._drawn))
        return answer(float(point[0]), drawn)

    def _optimum(self, goal: str, point: Floats, drawn: Floats) -> Optimum:
        size = float(point[0])
        if not np.isfinite(size):
            none = Answer(float("nan"), float("nan"), float("nan"))
            return Optimum(goal, answer(size, drawn), none)
        at = self._drawn.rate(np.full(drawn.shape, size))
        return Optimum(goal, answer(size, drawn), answer(float(self._point.rate(size)[0]), at))

    def sensitivity(self, n: float) -> list[Buys]:
        """Rank terms and parameters by what halving them buys at a batch size."""
        model, scenario = self.scenario.model, self.scenario
        drawn = {gain.name: gain.halved for gain in gains(model, n, scenario.draws)}
        return [
            Buys(
                gain.name,
                gain.is_term,
                scenario.is_assumed(gain.name)
                if gain.is_term
                else scenario.origin_of(gain.name) == "assumed",
                answer(float(gain.halved[0]), drawn[gain.name]),
            )
            for gain in gains(model, n)
        ]

    def bottlenecks(self, top: float = TOP) -> list[Bound]:
        """Return which term binds from one event to `top` events a batch."""
        spans = bottleneck_map(self.scenario.model, top, self.scenario.draws)
        return [Bound(span.term, span.begin, answer(span.end, span.crossing)) for span in spans]

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
