"""Merging of several calibrations of one host."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.term_samples import Columns
from aethermodel.calibrate.term_fit.samples import Timings


def merge(calibrations: Iterable[Calibration]) -> Calibration:
    """Put the samples of several calibrations of one host together, and fit them as one.

    Parameters
    ----------
    calibrations : iterable of Calibration
        Of the same host, libraries and conditions, none twice.

    Returns
    -------
    Calibration
        Dated as the latest, with the warnings of all.

    Raises
    ------
    ValueError
        If there is none, or two do not belong together.
    """
    given = sorted(calibrations, key=lambda calibration: calibration.created)
    if not given:
        raise ValueError("there is no calibration to merge")
    last = given[-1]
    for other in given:
        for name in ("id", "python", "libraries"):
            if other.host.get(name) != last.host.get(name):
                raise ValueError(
                    "calibrations to merge differ in host "
                    f"{name}: {other.host.get(name)} and {last.host.get(name)}"
                )
        for name, value in vars(other.conditions).items():
            if value != (wanted := getattr(last.conditions, name)):
                raise ValueError(f"calibrations to merge differ in {name}: {value} and {wanted}")
        if other.samples.keys() != last.samples.keys():
            raise ValueError("calibrations to merge differ in terms: one has no samples of send")
    for index, one in enumerate(given):
        if any(one.samples == other.samples for other in given[:index]):
            raise ValueError("a calibration is given twice: its samples would count double")
    warnings = tuple(dict.fromkeys(text for one in given for text in one.warnings))
    return replace(
        last,
        samples=_joined([one.samples for one in given]),
        copies=_side_by_side(one.copies for one in given),
        teams=_side_by_side(one.teams for one in given),
        warnings=warnings,
    )


def _joined(given: list[dict[str, Timings]]) -> dict[str, Timings]:
    """Put samples together; the processes of one calibration are none of another's.

    A process has one name in all terms: by that is seen what it is slower by in all of them.
    """
    joined: dict[str, Timings] = {term: Timings([], [], []) for term in given[0]}
    first = 0
    for samples in given:
        for term, part in samples.items():
            so_far = joined[term]
            recorded = all(one[term].process for one in given)
            joined[term] = Timings(
                so_far.n + part.n,
                so_far.seconds + part.seconds,
                so_far.process + [first + process for process in part.process] * recorded,
            )
        first += 1 + max((max(part.process, default=-1) for part in samples.values()), default=-1)
    return joined


def _side_by_side(parts: Iterable[Columns]) -> Columns:
    places: list[float] = []
    seconds: list[float] = []
    for at, values in parts:
        places += at
        seconds += values
    return places, seconds
