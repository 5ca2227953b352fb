"""Verdicts: a figure held against its limit, with what its interval and the host leave open.

Samples are marked while they are taken (`aethermodel.measure.host.contention`), those marked are
left out of a figure (`aethermodel.measure.sampling.rejection`), and here the figure is judged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from aethermodel import thresholds
from aethermodel.text.percentages import percentage

Outcome = Literal["pass", "fail", "inconclusive"]
# What marks a sample, and how it is said.
_CAUSES = {
    "switched": "preempted",
    "stolen": "had time stolen",
    "shared": "only by other work on a core",
    "apart": "only because the cores had been moved apart",
}


def judge(
    value: float,
    low: float,
    high: float,
    limit: float,
    *,
    at_least: bool = False,
    disturbed: bool = False,
) -> Outcome:
    """Judge a figure that is expected to be within its limit: a miss must be certain.

    Parameters
    ----------
    value, low, high : float
        The figure, and the ends of its interval.
    limit : float
    at_least : bool
        Whether the figure should reach the limit; else it should not pass it.
    disturbed : bool
        Whether the host disturbed it so much that a miss says nothing.
    """
    if _met(value, limit, at_least):
        return "pass"
    in_doubt = _met(low, limit, at_least) or _met(high, limit, at_least)
    return "inconclusive" if disturbed or in_doubt else "fail"


def judge_whole(low: float, high: float, limit: float, *, at_least: bool = False) -> Outcome:
    """Judge a figure that has to prove itself: all of its interval is on one side, or nothing is.

    Parameters
    ----------
    low, high : float
        The ends of its interval.
    limit : float
    at_least : bool
        Whether the figure should reach the limit; else it should not pass it.
    """
    ends = {_met(low, limit, at_least), _met(high, limit, at_least)}
    return "inconclusive" if len(ends) > 1 else "pass" if ends == {True} else "fail"


def _met(value: float, limit: float, at_least: bool) -> bool:
    return value >= limit if at_least else value <= limit


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return fail if anything failed, else inconclusive if anything is; pass of none."""
    found = set(outcomes)
    order: tuple[Outcome, ...] = ("fail", "inconclusive")
    return next((outcome for outcome in order if outcome in found), "pass")


def mostly_disturbed(share: float) -> bool:
    """Whether so large a share of samples or runs was disturbed that a miss says nothing."""
    return share > thresholds.MOST_DISTURBED


def causes(shares: Mapping[str, float]) -> str:
    """Say what disturbed samples or runs, each cause with its share.

    Parameters
    ----------
    shares : mapping of str to float
        Any of ``switched``, ``stolen``, ``shared``, ``apart``.
    """
    known = [name for name in _CAUSES if shares.get(name, 0.0) >= 0.005]  # as it is written
    return ", ".join(f"{percentage(shares[name], 0)} {_CAUSES[name]}" for name in known)
