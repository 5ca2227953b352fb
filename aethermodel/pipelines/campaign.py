"""Campaign of a pipeline: which sizes, which terms, and the samples that its laws are fitted to."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING

import numpy as np

from aethermodel import thresholds
from aethermodel.calibrate.predict.in_place import figures_of
from aethermodel.inputs.refusals import InputError
from aethermodel.laws.fit import fit_series
from aethermodel.laws.law import Law
from aethermodel.measure.host.fingerprint import this_host
from aethermodel.measure.sampling.rejection import reject_disturbed
from aethermodel.measure.sampling.sampler import (
    Point,
    SamplingError,
    calm_plan,
    take_samples,
)
from aethermodel.measure.sampling.sequential import sample_sequentially
from aethermodel.pipelines.calibration import PipelineCalibration
from aethermodel.pipelines.composition.composed_laws import UNKNOWN, Overlap, TermLaw
from aethermodel.pipelines.execution.rehearsal import Rehearsal, rehearse
from aethermodel.pipelines.pipeline import Pipeline
from aethermodel.pipelines.pipeline_file import load_pipeline
from aethermodel.pipelines.terms import (
    TermPlan,
    alone_sizes,
    group_terms,
    shares_interpreter,
    term_plan,
)
from aethermodel.readers.measurements import Measurements, Series
from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    import pandas as pd

Progress = Callable[[int, int], None]
PROBE = "stage"
#: How the warning begins of a calibration that a failure ended.
CUT_SHORT = "cut short: "
# Sizes grow by so much: fourteen up to ten thousand.
_GROWTH = 2
# Fewest sizes that a law is fitted to.
_FEWEST_SIZES = 3
# A batch may take this share of the time that there is: a sample runs it a few dozen times, in
# several processes, for each of its stages.
_LONGEST_SHARE = 1 / 150
# Share of the budget that may be gone before it begins; a process that has long been there did
# something else.
_MOST_SPENT = 1 / 4
_OPENING_SECONDS, _BATCHES_A_SAMPLE = 30.0, 100
_NEARLY_ONE = (0.85, 1.5)


def calibrated_sizes(largest: int) -> tuple[int, ...]:
    """Return one, three times powers of two, and the largest."""
    sizes, size = {1, largest}, 3
    while size < largest * 0.7:
        sizes.add(size)
        size *= _GROWTH
    return tuple(sorted(sizes))


def held_out_sizes(largest: int, calibrated: Iterable[int]) -> tuple[int, ...]:
    """Return powers of ten, and one more below the largest, that no term is timed at."""
    sizes = {10**k for k in range(1, 9) if 10**k < 0.5 * largest} | {max(2, round(0.6 * largest))}
    return tuple(sorted(sizes - set(calibrated)))


@dataclass
class Campaign:
    """What is to be measured of a pipeline.

    Parameters
    ----------
    reference : str
        ``FILE.py[:NAME]``.
    sizes : tuple of int
        At which terms are timed; by the pipeline's largest batch where empty.
    held_out : tuple of int
        At which the whole is run; powers of ten where empty.
    processes, repeats, seed : int
    seconds : float
        Time budget.
    spent : float
        Seconds of it that were gone before, as in starting the interpreter. What comes after the
        samples is given as many: on a host that is slow to begin, it is slow to end.

    Attributes
    ----------
    pipeline : Pipeline
    rehearsal : Rehearsal
    """

    reference: str
    sizes: tuple[int, ...] = ()
    held_out: tuple[int, ...] = ()
    processes: int = 8
    repeats: int = 2
    seed: int = 0
    seconds: float = thresholds.CALIBRATION_SECONDS
    spent: float = 0.0

    def __post_init__(self) -> None:
        if not self.seconds > 0:
            raise InputError(f"the time budget must be above zero seconds, not {self.seconds:g}")
        self.pipeline: Pipeline = load_pipeline(self.reference)
        largest = self.pipeline.largest
        self.sizes = tuple(sorted(set(self.sizes))) or calibrated_sizes(largest)
        if len(self.sizes) < _FEWEST_SIZES:
            raise InputError(f"a law needs at least {_FEWEST_SIZES} batch sizes")
        self.held_out = tuple(sorted(set(self.held_out))) or held_out_sizes(
            self.sizes[-1], self.sizes
        )
        self.rehearsal = Rehearsal()
        self.notes: list[str] = []

    def left(self, begin: float) -> float:
        """Return the seconds for samples, of a campaign that began at `begin` (monotonic)."""
        return (
            self.seconds - (monotonic() - begin) - 2 * min(self.spent, _MOST_SPENT * self.seconds)
        )

    @property
    def file(self) -> str:
        """File as it was named."""
        return self.reference.rpartition(":")[0] or self.reference

    def rehearse(self, *, whole: bool = True) -> None:
        """Run each size once, and keep those that go well and fit into the time.

        Parameters
        ----------
        whole : bool
            Also those that the whole is run at.

        Raises
        ------
        InputError
            If fewer than three sizes are left; names stage and size.
        """
        wanted = sorted({*self.sizes, *(self.held_out if whole else ())})
        found = rehearse(self.pipeline.reference, wanted, self.pipeline.timeout)
        self.rehearsal = found
        self.notes += found.notes
        longest = self.seconds * _LONGEST_SHARE
        fits = {n for n, seconds in found.seconds.items() if seconds <= longest}
        least = sorted(self.sizes)[:_FEWEST_SIZES]
        kept = tuple(n for n in self.sizes if n in fits or (n in found.seconds and n in least))
        if len(kept) < _FEWEST_SIZES:
            raise InputError(f"{self.file}: {found.failure or 'too few sizes went well'}")
        slow = [n for n in self.sizes if n in found.seconds and n not in kept]
        if slow:
            self.notes.append(
                f"left out: N = {', '.join(f'{n:,}' for n in slow)}, where a batch takes up to "
                f"{max(found.seconds[n] for n in slow):.2g} s: allow more than "
                f"{self.seconds:g} s (--seconds)"
            )
        self.sizes = kept
        self.held_out = tuple(n for n in self.held_out if n in found.seconds and n < kept[-1])

    def term_points(self, terms: Iterable[TermPlan]) -> list[Point]:
        """Return what times each term by itself, and at a few sizes stages back to back."""
        points = []
        for term in terms:
            points += [self._point(term.name, n) for n in term.sizes]
            if term.kind == "stage":
                points += [self._point(term.name, n, True) for n in alone_sizes(term.sizes)]
        if shares_interpreter(self.pipeline):
            points += [self._point("gil", n) for n in (self.sizes[len(self.sizes) // 2],
                                                       self.sizes[-1])]  # fmt: skip
        return points

    def whole_points(self) -> list[Point]:
        """Return the pipeline as it runs, plain and with its stages timed in place."""
        return [self._point(term, n) for n in self.held_out for term in ("whole", "timed")]

    def _point(self, term: str, n: int, alone: bool = False) -> Point:
        settings = {"pipeline": self.pipeline.reference, "term": term, "batch_size": n}
        return Point(probe=PROBE, settings={**settings, "alone": alone})

    def sample(
        self, points: list[Point], seconds: float, progress: Progress | None = None
    ) -> tuple[pd.DataFrame | None, str]:
        """Sample points; return what there is, and what went wrong."""
        plan = calm_plan(points, self.processes, self.repeats, self.seed)
        try:
            taken = sample_sequentially(
                plan,
                seconds,
                progress,
                silence=self._silence,
                throughout=lambda p: p.settings["term"] in ("whole", "timed"),
            )
        except SamplingError as error:
            return error.samples, str(error)
        return taken, ""

    @property
    def _silence(self) -> float:
        """Seconds after which a process that gives no sample hangs."""
        # A sample is a few dozen batches, its warm-up as many; a busy host takes its time.
        longest = max(self.rehearsal.seconds.values(), default=0.0)
        return 3 * (self.pipeline.timeout + _OPENING_SECONDS + _BATCHES_A_SAMPLE * longest)

    def sweep(self, sizes: Iterable[int], progress: Progress | None = None) -> pd.DataFrame:
        """Run the whole at each size in every process; return the samples.

        Raises
        ------
        InputError
            If a stage fails; names stage and size.
        """
        found = rehearse(self.pipeline.reference, sorted(sizes), self.pipeline.timeout)
        if found.failure:
            raise InputError(f"{self.file}: {found.failure}")
        self.rehearsal = found
        points = [self._point("whole", n) for n in sorted(sizes)]
        plan = calm_plan(points, self.processes, self.repeats, self.seed)
        try:
            return reject_disturbed(take_samples(plan, progress, silence=self._silence))
        except SamplingError as error:
            raise InputError(f"{self.file}: {error}") from None


@dataclass(frozen=True)
class Partial:
    """A calibration, and what ended it early.

    Attributes
    ----------
    calibration : PipelineCalibration
    failure : str
        Empty where nothing did.
    """

    calibration: PipelineCalibration
    failure: str


def calibrate_pipeline(campaign: Campaign, progress: Progress | None = None) -> Partial:
    """Time each term of a pipeline by itself, and fit it.

    Parameters
    ----------
    campaign : Campaign
    progress : callable, optional
        Called with (samples taken, samples that may still be asked for, those included).

    Raises
    ------
    InputError
        If nothing can be fitted.
    """
    begin = monotonic()
    campaign.rehearse(whole=False)
    terms = term_plan(campaign.pipeline, campaign.sizes)
    samples, failure = campaign.sample(campaign.term_points(terms), campaign.left(begin), progress)
    failure = failure or campaign.rehearsal.failure
    if samples is None:
        raise InputError(f"{campaign.file}: {failure}")
    return Partial(fitted(campaign, reject_disturbed(samples), failure), failure)


def calibrated(campaign: Campaign, progress: Progress | None = None) -> PipelineCalibration:
    """Time and fit each term, for what comes after it.

    Raises
    ------
    InputError
        If nothing can be fitted, or a stage failed on the way.
    """
    found = calibrate_pipeline(campaign, progress)
    if found.failure:
        raise InputError(f"{campaign.file}: {found.failure}")
    return found.calibration


def fitted(campaign: Campaign, samples: pd.DataFrame, failure: str = "") -> PipelineCalibration:
    """Fit the laws of a pipeline's terms.

    Raises
    ------
    InputError
        If a term has too few samples.
    """
    pipeline = campaign.pipeline
    terms = {}
    warnings = list(campaign.notes)
    for plan in term_plan(pipeline, campaign.sizes):
        if plan.kind == "assumed":
            assumed = next(one for one in pipeline.assumed if one.name == plan.name)
            law = assumed.load(pipeline.record_bytes)
            terms[plan.name] = TermLaw(plan.name, "assumed", law, 0.0, assumed.source)
            continue
        both = samples[(samples["term"] == plan.name) & samples["final"]]
        alone = both["alone"].astype(bool)
        own, back_to_back = both[~alone], both[alone]
        distinct = own["batch_size"].nunique()
        if distinct < min(_FEWEST_SIZES, len(plan.sizes)):
            why = f" ({failure})" if failure else ""
            raise InputError(
                f"{campaign.file}: {plan.name} was timed at {distinct} sizes only{why}"
            )
        law = _law(own, plan, campaign)
        terms[plan.name] = TermLaw(
            plan.name,
            plan.kind,
            law,
            _busy(own if plan.kind != "stage" else back_to_back),
            "measured",
            alone=_medians(back_to_back),
        )
        if (noise := _deviation(law)) > thresholds.MOST_NOISE:
            warnings.append(
                f"inconclusive: {plan.name} is noisy, its samples deviate by "
                f"{percentage(noise, 0)} from their law"
            )
    if failure:
        warnings.append(f"{CUT_SHORT}{failure}; calibrated up to N = {campaign.sizes[-1]:,}")
    return PipelineCalibration(
        pipeline=pipeline.name,
        file=campaign.file,
        record_bytes=pipeline.record_bytes,
        host=this_host().model_dump(mode="json"),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        terms=terms,
        groups=tuple(group_terms(pipeline)),
        cores=len(os.sched_getaffinity(0)),
        gil=_overlap(samples),
        passed=campaign.rehearsal.passed,
        warnings=tuple(warnings),
    )


def _medians(samples: pd.DataFrame) -> dict[int, float]:
    """Return seconds by size: medians of the processes' medians."""
    by = samples.groupby(["batch_size", "process"])["seconds"].median()
    return {int(n): float(value) for n, value in by.groupby("batch_size").median().items()}


def _law(own: pd.DataFrame, plan: TermPlan, campaign: Campaign) -> Law:
    series = Series(
        {},
        own["batch_size"].to_numpy(dtype=np.float64),
        own["seconds"].to_numpy(dtype=np.float64),
        process=own["process"].astype(str).to_numpy(),
    )
    of = Measurements(campaign.file, PROBE, "N", "", "per batch", (series,))
    from dataclasses import replace

    return replace(fit_series(series, of), name=plan.name)


def _deviation(law: Law) -> float:
    noise = 0.0 if np.isnan(law.noise) else law.noise
    return float(np.hypot(noise, np.sqrt(law.between[0])))


def _busy(samples: pd.DataFrame) -> float:
    """Share of its time that a term keeps a core busy, whatever else kept it waiting for one."""
    shares = [
        figures["cpu"] / seconds
        for figures, seconds in zip(figures_of(samples), samples["seconds"], strict=True)
        if "cpu" in figures
    ]
    share = float(np.median(shares)) if shares else 1.0
    # One core is one: what is above is the clock's rounding, or a neighbour's.
    return 1.0 if _NEARLY_ONE[0] < share < _NEARLY_ONE[1] else round(share, 4)


def _overlap(samples: pd.DataFrame) -> Overlap:
    own = samples[(samples["term"] == "gil") & samples["final"]]
    values = [figures["gil"] for figures in figures_of(own) if "gil" in figures]
    if not values:
        return UNKNOWN
    low, high = np.quantile(values, [0.1, 0.9])
    return Overlap(float(np.median(values)), float(low), float(high))
