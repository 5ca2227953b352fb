"""Law of cache refill: what a tick fetches again after events evicted its working set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from aethermodel.calibrate.calibration.composition import Part, part_of
from aethermodel.calibrate.term_fit.fit_term import Kind, TermFit, fit_term

Floats = npt.NDArray[np.float64]


def fit_refill(
    n: npt.ArrayLike,
    seconds: npt.ArrayLike,
    fills: float | None,
    group: Sequence[int] | None = None,
) -> TermFit:
    """Fit ticks by the events that went by before each.

    Parameters
    ----------
    n, seconds : array_like, shape (samples,)
        Of the refill probe: a tick that calls every handler.
    fills : float or None
        Events that fill the L2 cache: from there on there is hardly anything left to displace.
    group : sequence of int, optional
        Process of each sample.
    """
    return fit_term(n, seconds, forms=("constant", "affine"), switch=fills or (), group=group)


def growth_of(fit: TermFit, at: Floats, level: float, kind: Kind) -> Part:
    """Evaluate what grows with the events; the fixed cost is the loop's own, and left out."""
    return part_of(replace(fit, fixed=False), at, level, kind)
