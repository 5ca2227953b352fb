"""Answers from a calibration, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from aethermodel.calibrate.predict.monte_carlo import Answer, answer
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.calibrate.predict.size_answers import SizeAnswers
from aethermodel.model.binding_term import bottleneck_map
from aethermodel.model.piecewise_law import Law
from aethermodel.model.pipelined import Pipelined, law_of
from aethermodel.model.roofline import Ceiling, Origin, interpreter_ceiling
from aethermodel.model.sensitivity import gains

#: Largest batch size that maps and rooflines reach unless told otherwise.
TOP = 2**20


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


class Answers(SizeAnswers):
    """Answers from one scenario.

    Parameters
    ----------
    scenario : Scenario
        A calibration, with or without assumptions.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario

    @cached_property
    def point(self) -> Law | Pipelined:
        """T_batch."""
        return law_of(self.scenario.model)

    @cached_property
    def drawn(self) -> Law | Pipelined:
        """T_batch from drawn parameters."""
        return law_of(self.scenario.model, self.scenario.draws)

    def drawn_about(self, size: float) -> Law | Pipelined:
        """The drawn laws, for a time or a rate at about a batch size."""
        drawn = self.drawn
        if not isinstance(drawn, Pipelined):
            return drawn
        return drawn.ranked_at(float(np.clip(size, 1, self.largest)))

    @property
    def largest(self) -> float:
        """Largest calibrated batch: the best rate is looked for up to there."""
        return self.scenario.calibration.largest

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
