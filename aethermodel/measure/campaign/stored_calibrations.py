"""Calibrations of this host, read from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.merged_calibration import merge
from aethermodel.calibrate.predict.record_sizes import RecordSizes
from aethermodel.gate.runs import is_pipeline_calibration
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
    known = merge(_loaded(paths, foreign))
    _check_variant(known, foreign)
    return known


def load_record_sizes(*paths: Path | str, foreign: bool = False) -> RecordSizes:
    """Read calibration files of any record sizes; those of one size are merged.

    Takes and raises what `load_calibration` does.
    """
    known = RecordSizes.of(_loaded(paths, foreign))
    for calibration in known.calibrations.values():
        _check_variant(calibration, foreign)
    return known


def _loaded(paths: Sequence[Path | str], foreign: bool) -> list[Calibration]:
    host = this_host().id
    for path in map(Path, paths):
        if is_pipeline_calibration(path):
            raise ValueError(
                f"{path}: of a pipeline of your own; predict -c, bench latency --pipeline and "
                "notebook 95_own_pipeline take it (calibration, faster for what if)"
            )
    try:
        return [Calibration.load(path, host_id=host, foreign=foreign) for path in paths]
    except FileNotFoundError as error:
        raise ValueError(
            f"{error.filename}: no such calibration; make one with "
            f"`aethermodel calibrate --json {error.filename}`"
        ) from None


def _check_variant(known: Calibration, foreign: bool) -> None:
    variant, here = known.conditions.variant, simd_variant()
    if not foreign and None not in (variant, here) and variant != here:
        raise ValueError(
            f"the calibration's kernels ran as {variant}, here they run as {here}: "
            f"set AETHER_SIMD={variant}, or calibrate again"
        )
