"""Sampling of a law at many sizes, itself and drawn many times, for answers with intervals."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.calibrate.predict.size_answers import SizeAnswers
from aethermodel.inputs.refusals import InputError
from aethermodel.model.sampled_law import SampledLaw

if TYPE_CHECKING:
    from aethermodel.laws.law import Law

Floats = npt.NDArray[np.float64]
#: Families whose size is no batch: the work stays, the time falls as the size grows.
SHARED_WORK = frozenset({"falling", "usl"})
#: How far beyond the largest measured size a size is looked for, in multiples of it.
REACH = 4.0
#: Draws of a law, which lie evenly: half of what independent ones would need.
DRAWS = thresholds.DRAWS // 2
_POINTS = 400
# About the best size so many more, over a factor of so much either way.
_ABOUT, _ABOUT_POINTS = 1.4, 121


def sizes_of(law: Law, reach: float = REACH) -> Floats:
    """Return the sizes to sample a law at.

    Dense, with the measured ones and both sides of its steps. Of a law that does not hold the
    measured ones alone, with what lies beyond them by factors of two: in between nothing is known
    but that its draws wander, and the best of many wandering values is none of the curve's.

    Parameters
    ----------
    law : Law
    reach : float
        Largest of them, in multiples of the largest measured size.
    """
    measured = law.sizes[law.sizes > 0]
    start, end = float(measured[0]), float(measured[-1]) * reach
    if law.interpolates or not law.holds:
        beyond = float(measured[-1]) * 2.0 ** np.arange(1, np.log2(max(reach, 1)) + 1)
        return np.concatenate([measured, beyond]) if measured.size > 1 else np.array([start, end])
    places = [measured, np.geomspace(start, end, _POINTS)]
    # A rate is flat about its best: only many sizes there tell one draw's best size from another's.
    coarse = np.unique(np.concatenate(places))
    peak = coarse[np.argmax(coarse / law.predict(coarse).seconds)]
    places.append(peak * np.geomspace(1 / _ABOUT, _ABOUT, _ABOUT_POINTS))
    for value in breaks(law):
        places.append(np.array([value * (1 - 1e-9), value, value * (1 + 1e-9)]))
    found = np.unique(np.concatenate(places))
    return found[(found >= start) & (found <= end * (1 + 1e-12))]


def breaks(law: Law) -> dict[float, str]:
    """Return where a law changes slope or level, by place, with the name of each."""
    return {
        p.value: p.name
        for p in law.parameters
        if p.name.startswith("N") and law.smallest < p.value < law.largest
    }


def drawn_seconds(law: Law, sizes: Floats, count: int = DRAWS, seed: int = 0) -> Floats:
    """Return joint draws of a law's mean times, shape (count, sizes), above zero."""
    drawn = np.asarray(law.draws(sizes, count, seed), dtype=np.float64)
    return np.asarray(np.maximum(drawn, 1e-15))


class LawSizes(SizeAnswers):
    """Answers about sizes from a law of one's own.

    Parameters
    ----------
    law : Law
    level : float
        Confidence of the intervals.

    Notes
    -----
    Of a law whose time falls with the size (workers that share the work), the rate is how often
    the work is done a second, ``1 / T``; of all others ``N / T``.
    """

    time = "best rate with T"

    def __init__(self, law: Law, level: float = thresholds.LEVEL) -> None:
        if law.second_name:
            raise InputError(
                f"the law has a second variable, {law.second_name}: ask at a value of it "
                f"(--at {law.second_name}=VALUE; law.at(VALUE) in Python)"
            )
        self.law = law
        self.level = level
        self.unit = rate_unit(law).removesuffix("/s")
        self.whole = bool(np.all(law.sizes == np.round(law.sizes)))

    @cached_property
    def _sizes(self) -> Floats:
        return sizes_of(self.law)

    @cached_property
    def times(self) -> tuple[SampledLaw, SampledLaw]:
        """The law's times and those of its draws; an interpolation ends where it refuses."""
        sizes = self._sizes
        point = self.law.predict(sizes).seconds
        kept = np.isfinite(point) & (point > 0)
        drawn = drawn_seconds(self.law, sizes[kept])
        whole = np.all(np.isfinite(drawn), axis=0)
        sizes = sizes[kept][whole]
        return (
            SampledLaw(sizes, point[kept][whole][None]),
            SampledLaw(sizes, drawn[:, whole]),
        )

    @cached_property
    def _rated(self) -> tuple[SampledLaw, SampledLaw]:
        if self.law.family not in SHARED_WORK:
            return self.times
        # N / (N T) is 1 / T.
        point, drawn = (SampledLaw(law.sizes, law.table * law.sizes) for law in self.times)
        return point, drawn

    @property
    def point(self) -> SampledLaw:
        """The law at many sizes."""
        return self._rated[0]

    @property
    def drawn(self) -> SampledLaw:
        """The same law, drawn many times."""
        return self._rated[1]

    @property
    def largest(self) -> float:
        """Largest measured size."""
        return self.law.largest

    @property
    def grows_to_the_end(self) -> bool:
        """Whether the rate still grows at the largest measured size."""
        rates = self.point.rates[0][self.point.sizes <= self.largest]
        return bool(rates.size < 2 or rates[-1] > 1.02 * rates[: -max(1, rates.size // 20)].max())


def rate_unit(law: Law) -> str:
    """Return what the rate of a law counts a second, such as ``B/s``."""
    if law.family in SHARED_WORK:
        return "runs/s"
    return f"{law.counted}/s"
