"""Several calibrations of one host as one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from aethermodel.calibrate.calibration import Calibration, Samples


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
    for index, one in enumerate(given):
        if any(one.samples == other.samples for other in given[:index]):
            raise ValueError("a calibration is given twice: its samples would count double")
    warnings = tuple(dict.fromkeys(text for one in given for text in one.warnings))
    return replace(
        last,
        samples={term: _joined(one.samples[term] for one in given) for term in last.samples},
        copies=_joined(one.copies for one in given),
        teams=_joined(one.teams for one in given),
        warnings=warnings,
    )


def _joined(parts: Iterable[Samples]) -> Samples:
    sizes: list[float] = []
    seconds: list[float] = []
    for n, values in parts:
        sizes += n
        seconds += values
    return sizes, seconds
