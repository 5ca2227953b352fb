"""Calibration of this host within a time budget: sample, reject, refine, fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import reduce
from math import inf
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd

from aethermodel import thresholds
from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.conditions import Conditions
from aethermodel.calibrate.experiment_design.next_point import next_point
from aethermodel.inputs.refusals import InputError
from aethermodel.kernel_facts import simd_variant, switch_size
from aethermodel.measure.campaign.campaign_settings import Campaign
from aethermodel.measure.host.contention import CoreCheck
from aethermodel.measure.host.fingerprint import this_host
from aethermodel.measure.sampling.rejection import reject_disturbed
from aethermodel.measure.sampling.sampler import CALM_SECONDS, Plan, Point, calm_plan, take_samples
from aethermodel.text.percentages import percentage

Progress = Callable[[int, int], None]
# Seconds that the shortest sample takes.
_SHORTEST = CALM_SECONDS


def now() -> str:
    """Return the present as ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def calibration_of(
    samples: pd.DataFrame, campaign: Campaign, host: dict[str, Any], taken: str
) -> Calibration:
    """Fit the terms from samples taken under a campaign's conditions."""
    if "cache_bytes" not in host:
        raise InputError("host: its cache_bytes are missing, by which the kernel's knees are told")
    # Each fabric has a loop of its own kind, and it is the same term.
    samples = samples.replace({"probe": {"bus_loop": "loop"}})
    conditions = Conditions(
        topics=campaign.topics,
        pool=campaign.pool,
        event_loop=campaign.event_loop,
        fabric=campaign.label,
        cache_bytes=host["cache_bytes"],
        switch=switch_size(campaign.topics, campaign.record_bytes),
        variant=simd_variant(),
        record_bytes=campaign.record_bytes,
    )
    return Calibration.from_samples(samples, host, conditions, taken)


def noisy_terms(calibration: Calibration) -> dict[str, float]:
    """Return the terms that fail the noise gate, with their relative deviation."""
    noise = {
        term: float(np.hypot(fit.noise, np.sqrt(fit.between.variance)))
        for term, fit in calibration.laws.items()
    }
    return {term: value for term, value in noise.items() if not value <= thresholds.MOST_NOISE}


def calibrate_host(
    campaign: Campaign,
    progress: Progress | None = None,
    *,
    seconds: float = thresholds.CALIBRATION_SECONDS,
    refine: bool = False,
) -> Calibration:
    """Run the terms' probes and fit them, within a time budget.

    The first process samples every point, whatever that takes: no term is left without a law on a
    host that is slow. Terms too noisy at first are measured again for as long as the budget lasts;
    what is still noisy then is called inconclusive in the calibration's warnings.

    Parameters
    ----------
    campaign : Campaign
    progress : callable, optional
        Called with (samples taken, samples planned so far).
    seconds : float
        The budget: no sample begins after it, but those of the first process.
    refine : bool
        Spend what is left of the budget where it narrows the prediction most.

    Raises
    ------
    ValueError
        If the budget is not above zero.
    """
    if not seconds > 0:
        raise ValueError(f"the time budget must be above zero seconds, not {seconds:g}")
    sampling = _Sampling(campaign, progress, seconds)
    wanted = campaign.plan(whole=False)
    sampling.take(wanted.points, wanted.processes)
    calibration = sampling.calibration()
    while sampling.has_time and (noisy := noisy_terms(calibration)):
        again = [point for point in campaign.term_points() if _term(point) in noisy]
        sampling.take(again, 1)
        calibration = sampling.calibration()
    while refine and (best := next_best(calibration, campaign, sampling.left)):
        point, repeats = best
        sampling.take([point], 1, repeats)
        calibration = sampling.calibration()
    return calibration.warned(*sampling.shortcomings(wanted, calibration))


class _Sampling:
    """Samples so far, and the time that is left for more."""

    def __init__(self, campaign: Campaign, progress: Progress | None, seconds: float) -> None:
        self.campaign, self.progress, self.seconds = campaign, progress, seconds
        self.deadline = monotonic() + (1 - thresholds.CALIBRATION_RESERVE) * seconds
        self.frames: list[pd.DataFrame] = []
        self.processes = self.done = 0
        self.first = self.longest = 0.0

    @property
    def has_time(self) -> bool:
        """Whether one more process of the longest duration so far fits in."""
        return self.left > 0

    @property
    def left(self) -> float:
        """Seconds until one more process of the longest duration so far would be too late."""
        return self.deadline - monotonic() - self.longest

    def take(self, points: Sequence[Point], processes: int, repeats: int | None = None) -> None:
        """Sample points in fresh processes, one at a time so that the budget holds."""
        repeats = repeats or self.campaign.repeats
        total = self.done + len(points) * processes * repeats
        for _ in range(processes):
            if self.frames and not self.has_time:
                return
            start = monotonic()
            plan = calm_plan(points, 1, repeats, self.campaign.seed + self.processes)
            seen = [CoreCheck.of(frame[list(CoreCheck._fields)].min()) for frame in self.frames]
            best = reduce(CoreCheck.best, seen, CoreCheck())
            deadline = self.deadline if self.frames else inf
            frame = take_samples(plan, self._advance(total), deadline=deadline, best=best)
            self.frames.append(frame.assign(process=self.processes))
            self.processes += 1
            took = monotonic() - start
            self.first, self.longest = self.first or took, max(self.longest, took)

    def _advance(self, total: int) -> Progress:
        before = self.done

        def advance(done: int, _: int) -> None:
            self.done = before + done
            if self.progress:
                self.progress(self.done, total)

        return advance

    def calibration(self) -> Calibration:
        samples = reject_disturbed(pd.concat(self.frames, ignore_index=True))
        host = this_host().model_dump(mode="json")
        return calibration_of(samples, self.campaign, host, now())

    def shortcomings(self, wanted: Plan, calibration: Calibration) -> list[str]:
        """What the reader of this calibration must know."""
        found = [
            f"inconclusive: {term} is noisy, its samples deviate by "
            f"{percentage(noise)} from their law, more than the "
            f"{percentage(thresholds.MOST_NOISE, 0)} that is reliable: "
            "calibrate again on a quieter host"
            for term, noise in noisy_terms(calibration).items()
        ]
        if self.first > self.seconds:
            found.append(
                f"longer than its budget of {self.seconds:g} s: the first process, which samples "
                f"every point, took {self.first:.3g} s"
            )
        if self.done < wanted.samples:
            found.append(
                f"cut short: {self.done} of {wanted.samples} samples fitted into the time budget"
            )
        return found


def _term(point: Point) -> str:
    return "loop" if point.probe == "bus_loop" else point.probe


def next_best(
    calibration: Calibration, campaign: Campaign, seconds: float = thresholds.CALIBRATION_SECONDS
) -> tuple[Point, int] | None:
    """Return the point that narrows the prediction most, and how often to sample it.

    The term whose interval is widest, as a share of T_batch at any of the campaign's batch sizes,
    is sampled where the D-optimal criterion says. Every size may spend what the campaign's repeats
    of a short sample take, so that of a large one there are fewer. The campaign's own batch sizes
    stay held out.

    Parameters
    ----------
    calibration : Calibration
    campaign : Campaign
    seconds : float
        Time that is left.

    Returns
    -------
    (Point, int) or None
        None if no point helps noticeably, or the time is too short for a sample of any.
    """
    sizes = np.array(campaign.batch_sizes, dtype=np.float64)
    total = calibration.predict(sizes).seconds
    calls = np.minimum(sizes, campaign.topics)
    widths = {}
    for term, fit in calibration.laws.items():
        _, low, high = fit.predict(calls if term == "loop" else sizes)
        widths[term] = float(np.max((high - low) / total))
    term = max(widths, key=lambda name: widths[name])
    top = campaign.topics if term == "loop" else campaign.kernel_sizes()[-1]
    powers = {float(2**i) for i in range(23) if 2**i < top} | {float(top)}
    free = powers if term == "loop" else powers - set(map(float, campaign.batch_sizes))
    fit = calibration.laws[term]
    budget = min(seconds, campaign.repeats * _SHORTEST)
    if budget < _SHORTEST:
        return None
    best = next_point(fit, sorted(free), lambda n: np.maximum(_SHORTEST, fit.predict(n)[0]), budget)
    if best.shrinkage > thresholds.WORTHWHILE_SHRINKAGE:
        return None
    points = {_term(point): point for point in campaign.term_points()}
    varied = "calls" if term == "loop" else "batch_size"
    like = points[term]
    settings = {**like.settings, varied: int(best.n)}
    return Point(probe=like.probe, settings=settings, company=like.company), best.repeats
