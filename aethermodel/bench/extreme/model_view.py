"""Model of a stress-test design: time by term, gain of halving one, best batch size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from aethermodel.bench.extreme.stress import Design
from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.predict.calibration_answers import Answers
from aethermodel.calibrate.predict.monte_carlo import Answer
from aethermodel.calibrate.predict.scenario import Scenario
from aethermodel.calibrate.predict.size_answers import SHARE
from aethermodel.measure.campaign.calibrate import calibrate_host
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.model.batch import BatchModel
from aethermodel.model.optimal_batch_size import best_rate, size_for_rate
from aethermodel.model.parameters import N
from aethermodel.model.piecewise_law import Law
from aethermodel.model.sensitivity import gains
from aethermodel.published.specification import load_specification
from aethermodel.text.moments import moment

_LARGE = 30_000
# What halving a term takes, in practice.
_HALVING = {
    "loop": "fewer handlers a tick, one handler for many topics",
    "ffi": "half the calls across the border: one a batch is the least",
    "kernel": "wider SIMD, more threads, columns instead of records",
    "fabric": "a queue without futures, a ring instead of a queue",
}


@dataclass(frozen=True)
class Term:
    """One term of T_batch at the design's batch size: seconds a batch, with their interval."""

    name: str
    seconds: Answer
    #: Relative gain in throughput if it were halved.
    halved: Answer

    @property
    def halving(self) -> str:
        """What could halve it, in words."""
        return _HALVING[self.name]


class Modelled:
    """The model of one design.

    Parameters
    ----------
    design : Design
    calibration : Calibration, optional
        Of this host; for the real core.
    batch_seconds : float
        Without a calibration: time of a batch as measured. Of the mocked core ``ffi`` and
        ``kernel`` are what it spins for; all else is put down to ``loop``, the queue included.

    Raises
    ------
    ValueError
        If the calibration was taken under other conditions than the design's.
    """

    def __init__(
        self, design: Design, calibration: Calibration | None = None, batch_seconds: float = 0.0
    ) -> None:
        self.design, self.calibration, self._batch_seconds = design, calibration, batch_seconds
        if calibration is None:
            return
        conditions = calibration.conditions
        wanted = {
            "event_loop": design.event_loop,
            "topics": design.topics,
            "fabric": design.label,
        }
        for name, ours in wanted.items():
            theirs = getattr(conditions, name)
            if theirs != ours:
                raise ValueError(f"the calibration was taken with {name} {theirs}, not {ours}")

    @cached_property
    def model(self) -> BatchModel:
        """Symbolic, with the calibrated figures, or the mocked core's."""
        if self.calibration:
            return self.calibration.model()
        paper = load_specification().model()
        budget = paper.budget(self.design.batch_size)
        rest = self._batch_seconds - float(budget["ffi"] + budget["kernel"])
        return paper.replaced(
            "measured: what the core does not spin for", t_loop=max(rest, 0.0), t_fabric=0.0
        )

    @property
    def source(self) -> str:
        """Where its figures are from, in words."""
        if self.calibration:
            return f"calibration of {moment(self.calibration.created)}"
        return "what the mocked core spins for, all else as measured put down to the loop"

    def terms(self) -> tuple[Term, ...]:
        """Return each term at the design's batch size, the dearest first."""
        n = self.design.batch_size
        halved = {gain.name: float(gain.halved[0]) for gain in gains(self.model, n) if gain.is_term}
        if self.calibration is None:
            budget = self.model.budget(n)
            found = [
                Term(name, _exactly(float(cost)), _exactly(halved[name]))
                for name, cost in budget.items()
            ]
        else:
            bought = {one.name: one.gain for one in self._answers.sensitivity(n) if one.is_term}
            found = [Term(name, self._cost(name), bought[name]) for name in halved]
        return tuple(sorted(found, key=lambda term: -term.seconds.value))

    def seconds(self) -> Answer:
        """Return T_batch."""
        n = self.design.batch_size
        if self.calibration is None:
            return _exactly(float(self.model.seconds_at(n)))
        found = self.calibration.predict(n)
        return Answer(float(found.seconds[0]), float(found.low[0]), float(found.high[0]))

    def best_size(self) -> Answer:
        """Return the smallest batch size that reaches 95 % of the best rate, in events.

        Of a calibration, by the rule of all commands: up to the largest batch that it was taken at.
        """
        if self.calibration is None:
            law = Law.of(self.model)
            size = size_for_rate(law, SHARE * best_rate(law)[0])
            return _exactly(float(np.ceil(size[0])))
        return self._answers.share(SHARE).size

    def gain_at(self, size: float) -> Answer:
        """Return the relative gain in throughput of another batch size."""
        if self.calibration is None:
            rates = self.model.throughput_at([self.design.batch_size, size])
            return _exactly(float(rates[1] / rates[0] - 1))
        return self._answers.gain_at(size, self.design.batch_size)

    @cached_property
    def _answers(self) -> Answers:
        assert self.calibration
        return Answers(Scenario(self.calibration, {}))

    def _cost(self, term: str) -> Answer:
        assert self.calibration
        n = float(self.design.batch_size)
        at = float(self.calibration.conditions.calls().subs(N, n)) if term == "loop" else n
        mean, low, high = self.calibration.fits[term].predict(np.array([at]))
        return Answer(float(mean[0]), float(low[0]), float(high[0]))

    def figures(self) -> dict[str, Any]:
        """Return JSON values."""
        best = self.best_size()
        return {
            "source": self.source,
            "seconds": vars(self.seconds()),
            "terms": [
                {"name": t.name, "seconds": vars(t.seconds), "halved": vars(t.halved)}
                for t in self.terms()
            ],
            "best_batch_size": {**vars(best), "share_of_best_rate": SHARE},
            "warnings": list(self.calibration.warnings) if self.calibration else [],
        }


def quick_calibration(design: Design, seconds: float, progress: Any = None) -> Calibration:
    """Calibrate the terms of a design within a time budget, from few processes.

    Parameters
    ----------
    design : Design
        With the real core: of the mocked one there is nothing to calibrate.
    seconds : float
        The budget.
    progress : callable, optional
        Called with (samples taken, samples planned so far).
    """
    campaign = Campaign(
        # Beside the design's own a large one, so that the best size is not far beyond the probes.
        batch_sizes=tuple({min(design.batch_size, 2**22), _LARGE}),
        event_loop=design.event_loop,
        topics=design.topics,
        pool=design.pool,
        processes=3,
        repeats=2,
    )
    return calibrate_host(campaign, progress, seconds=seconds)


def _exactly(value: float) -> Answer:
    return Answer(value, value, value)
