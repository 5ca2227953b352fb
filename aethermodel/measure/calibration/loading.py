"""Calibrations of this host, read from files."""

from __future__ import annotations

from pathlib import Path

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.merging import merge
from aethermodel.kernel_facts import simd_variant
from aethermodel.measure.host.fingerprint import this_host


def load_calibration(*paths: Path | str, foreign: bool = False) -> Calibration:
    """Read calibration files and merge them.

    Parameters
    ----------
    *paths : path
        One or more files of one host.
    foreign : bool
        Take another host's, with a warning in all that is made from it.

    Raises
    ------
    ValueError
        If a file is missing, no calibration or another host's, or two do not belong together.
    """
    host = this_host().id
    try:
        loaded = [Calibration.load(path, host_id=host, foreign=foreign) for path in paths]
    except FileNotFoundError as error:
        raise ValueError(
            f"{error.filename}: no such calibration; make one with "
            f"`aethermodel calibrate --json {error.filename}`"
        ) from None
    known = merge(loaded)
    variant, here = known.conditions.variant, simd_variant()
    if not foreign and None not in (variant, here) and variant != here:
        raise ValueError(
            f"the calibration's kernels ran as {variant}, here they run as {here}: "
            f"set AETHER_SIMD={variant}, or calibrate again"
        )
    return known
