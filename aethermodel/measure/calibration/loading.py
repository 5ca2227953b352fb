"""Calibrations of this host, read from files."""

from __future__ import annotations

from pathlib import Path

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.merging import merge
from aethermodel.measure.host.fingerprint import this_host
from cython_core import simd_variant


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
    here = this_host().id
    try:
        loaded = [Calibration.load(path, host_id=here, foreign=foreign) for path in paths]
    except FileNotFoundError as error:
        raise ValueError(
            f"{error.filename}: no such calibration; make one with "
            f"`aethermodel calibrate --json {error.filename}`"
        ) from None
    known = merge(loaded)
    variant = known.conditions.variant
    if not foreign and variant not in (None, simd_variant()):
        raise ValueError(
            f"the calibration's kernels ran as {variant}, here they run as {simd_variant()}: "
            f"set AETHER_SIMD={variant}, or calibrate again"
        )
    return known
