"""Merging of several calibrations of one host."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from aethermodel.calibrate.calibration.calibration import Calibration, Columns
from aethermodel.calibrate.fit.samples import Timings


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
        samples={term: _joined([one.samples[term] for one in given]) for term in last.samples},
        copies=_side_by_side(one.copies for one in given),
        teams=_side_by_side(one.teams for one in given),
        warnings=warnings,
    )


def _joined(parts: list[Timings]) -> Timings:
    """Put samples together; the processes of one calibration are none of another's."""
    sizes: list[float] = []
    seconds: list[float] = []
    processes: list[int] = []
    recorded = all(part.process for part in parts)
    for part in parts:
        first = max(processes, default=-1) + 1
        sizes += part.n
        seconds += part.seconds
        processes += [first + process for process in part.process] if recorded else []
    return Timings(sizes, seconds, processes)


def _side_by_side(parts: Iterable[Columns]) -> Columns:
    places: list[float] = []
    seconds: list[float] = []
    for at, values in parts:
        places += at
        seconds += values
    return places, seconds
