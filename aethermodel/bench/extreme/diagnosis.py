"""Diagnosis of the stress test: time by term, and the gain of each lever, ranked."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aethermodel import thresholds
from aethermodel.bench.extreme.advice import Advice, in_words, pays_most, ranked
from aethermodel.bench.extreme.allocations import Allocations, allocations
from aethermodel.bench.extreme.levers import Pulled, levers, pull
from aethermodel.bench.extreme.model_view import Modelled
from aethermodel.bench.extreme.stress import Design, Stress
from aethermodel.bench.extreme.stress_trace import Observation, observe
from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.published.specification import load_specification
from aethermodel.text.times import microseconds
from aethermodel.verdict import mostly_disturbed

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Diagnosis:
    """What a diagnosis found.

    Attributes
    ----------
    design : Design
    per_second : float
        Messages a second of the present design: median of the rounds.
    low, high : float
        Its slowest and fastest round.
    disturbed_share : float
        Of all runs, those that the system disturbed though they were taken again.
    threshold_per_second : float
        Of the specification, section 5.
    observation : Observation
    allocations : Allocations or None
        None for the mocked core, which allocates nothing.
    modelled : Modelled
    advice : tuple of Advice
        Clear gains first, the greatest on top.
    """

    design: Design
    per_second: float
    low: float
    high: float
    disturbed_share: float
    threshold_per_second: float
    observation: Observation
    allocations: Allocations | None
    modelled: Modelled
    advice: tuple[Advice, ...]

    @property
    def ready(self) -> bool:
        """Whether it is above the threshold."""
        return self.per_second > self.threshold_per_second

    @property
    def seconds(self) -> float:
        """Measured time of a batch."""
        return self.design.batch_size / self.per_second

    @property
    def unexplained_seconds(self) -> float:
        """What no term of the model holds; negative where the model says too much."""
        return self.seconds - self.modelled.seconds().value

    @property
    def best(self) -> Advice | None:
        """The advice of the greatest clear gain; None if none is clear."""
        return pays_most(self.advice)

    @property
    def conclusion(self) -> str:
        """Verdict and best lever, in words."""
        side = "Above" if self.ready else "Below"
        words = f"{side} {self.threshold_per_second:,.0f} msg/s, which the specification asks for."
        if mostly_disturbed(self.disturbed_share):
            words += " Most runs were disturbed by the system: measure again on a quieter host."
        if self.best is None:
            return f"{words} No lever that was tried gains more than the noise of this run."
        best = self.best
        return f"{words} By measurement this pays most: {best.action} ({in_words(best.gain)})."

    def figures(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "throughput_per_second": self.per_second,
            "low_per_second": self.low,
            "high_per_second": self.high,
            "disturbed_share": self.disturbed_share,
            "threshold_per_second": self.threshold_per_second,
            "ready": self.ready,
            "conclusion": self.conclusion,
            "batch_seconds": self.seconds,
            "unexplained_seconds": self.unexplained_seconds,
            "observation": self.observation.figures(),
            "allocations": self.allocations.figures() if self.allocations else None,
            "model": self.modelled.figures(),
            "advice": [one.figures() for one in self.advice],
        }


def diagnose(
    design: Design,
    calibration: Calibration | None = None,
    *,
    batches: int = 500,
    seconds: float = 0.03,
    seed: int = 0,
    progress: Progress | None = None,
) -> Diagnosis:
    """Watch a design, count its allocations, pull its levers, and ask the model.

    Parameters
    ----------
    design : Design
    calibration : Calibration, optional
        Of this host, by `quick_calibration` or a file; needed for the real core.
    batches : int
        To watch.
    seconds : float
        Least duration of a run of one lever; there are seven runs of each.
    seed : int
        Of the order of the runs.
    progress : callable, optional
        Called with (runs done, runs in all).

    Raises
    ------
    ValueError
        If the calibration is missing, or was taken under other conditions.
    """
    if design.core == "cython" and calibration is None:
        raise ValueError("a diagnosis of the real core wants a calibration of this host")
    known = calibration if design.core == "cython" else None
    # First of all, so that a calibration that does not fit ends it here.
    modelled = Modelled(design, known)
    stress = Stress(design)
    stress.run(max(2, batches // 10))
    if known is None:
        passage = stress.run(batches)
        modelled = Modelled(design, batch_seconds=passage.seconds / batches)
    observation = observe(stress, batches)
    counted = allocations(stress) if design.core == "cython" else None
    best = modelled.best_size().value
    sizes = [int(best)] if np.isfinite(best) else []
    contest = pull(design, levers(design, sizes), seconds=seconds, seed=seed, progress=progress)
    rate = float(np.median(contest.present))
    return Diagnosis(
        design,
        rate,
        min(contest.present),
        max(contest.present),
        contest.disturbed_share,
        load_specification().threshold_per_second,
        observation,
        counted,
        modelled,
        ranked(_advice(rate, modelled, contest.pulled)),
    )


def _advice(rate: float, modelled: Modelled, pulled: Sequence[Pulled]) -> Iterator[Advice]:
    design = modelled.design
    seconds = design.batch_size / rate
    for one in pulled:
        why = f"tried beside the present design, {thresholds.ROUNDS} interleaved rounds"
        if (size := one.lever.design.batch_size) != design.batch_size:
            after = size / (rate * (1 + one.gain))
            why += f"; the model says {in_words(modelled.gain_at(size).value)}"
            why += f"; a batch then takes {microseconds(after)}, not {microseconds(seconds)}"
        yield Advice(
            one.lever.name,
            one.lever.action,
            one.gain,
            one.low,
            one.high,
            per_second=one.gain * rate,
            why=why,
        )
