"""Record sizes: T_batch in two variables, N and bytes, from calibrations at several sizes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from math import log

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.calibrate.calibration.composition import Prediction
from aethermodel.calibrate.calibration.merged_calibration import merge
from aethermodel.calibrate.term_fit.fit_term import Kind
from aethermodel.inputs.refusals import InputError


@dataclass(frozen=True)
class RecordSizes:
    """Calibrations of one host at several record sizes.

    Attributes
    ----------
    calibrations : dict of int to Calibration
        By bytes of a record, ascending; alike in all other conditions.
    """

    calibrations: dict[int, Calibration]

    @classmethod
    def of(cls, calibrations: Iterable[Calibration]) -> RecordSizes:
        """Merge those of one size, and keep the sizes apart.

        Raises
        ------
        ValueError
            If there is none, or two do not belong together.
        """
        ordered = sorted(calibrations, key=_size)
        known = {size: merge(group) for size, group in groupby(ordered, key=_size)}
        if not known:
            raise InputError("there is no calibration")
        first, *others = known.values()
        for other in others:
            if other.host["id"] != first.host["id"]:
                raise InputError(
                    "calibrations at several record sizes are of one host, not of "
                    f"{first.host['id']} and {other.host['id']}"
                )
            for name in ("topics", "pool", "event_loop", "fabric"):
                ours, theirs = (getattr(c.conditions, name) for c in (first, other))
                if ours != theirs:
                    raise InputError(
                        f"calibrations at several record sizes differ in {name}: {ours} and "
                        f"{theirs}"
                    )
        return cls(known)

    def measured(self, record_bytes: int | None = None) -> Calibration | None:
        """Return the calibration of a size, of the only one without it; None if none is of it.

        Raises
        ------
        ValueError
            If no size is asked for, and there are several.
        """
        if record_bytes is not None:
            return self.calibrations.get(record_bytes)
        if len(self.calibrations) > 1:
            sizes = ", ".join(map(str, self.calibrations))
            raise InputError(f"calibrated at records of {sizes} bytes: say which (record_bytes)")
        return next(iter(self.calibrations.values()))

    def neighbours(self, record_bytes: int) -> tuple[int, int]:
        """Return the two calibrated sizes to go by: around a size, or nearest to it.

        Raises
        ------
        ValueError
            If only one size was calibrated.
        """
        sizes = list(self.calibrations)
        if len(sizes) < 2:
            raise InputError(
                f"calibrated at records of {sizes[0]} bytes alone, not of {record_bytes}: "
                "calibrate at this size, or at two others"
            )
        above = next((i for i, size in enumerate(sizes) if size > record_bytes), len(sizes) - 1)
        low = max(above - 1, 0)
        return sizes[low], sizes[low + 1]

    def origin(self, record_bytes: int) -> str:
        """Return how a size is known: ``measured``, ``interpolated`` or ``extrapolated``."""
        if record_bytes in self.calibrations:
            return "measured"
        sizes = list(self.calibrations)
        return "interpolated" if sizes[0] < record_bytes < sizes[-1] else "extrapolated"

    def predict(
        self,
        n: npt.ArrayLike,
        record_bytes: int,
        level: float = thresholds.LEVEL,
        kind: Kind = "mean",
    ) -> Prediction:
        """Predict T_batch at batch sizes and a record size.

        Parameters
        ----------
        n : array_like
        record_bytes : int
        level, kind
            As for `Calibration.predict`.

        Returns
        -------
        Prediction
            Of a size that was calibrated, its own. Of another, ``log T`` linear in ``log bytes``
            through the two nearest, term by term: a power of the bytes, constant for what moves a
            handle. More bytes never take less time, so that in between the interval reaches from
            the lower end of the smaller size to the upper end of the larger one; beyond, it is
            widened by as much as the law was extended.
        """
        if known := self.calibrations.get(record_bytes):
            return known.predict(n, level, kind)
        sizes = self.neighbours(record_bytes)
        less, more = (self.calibrations[size].predict(n, level, kind) for size in sizes)
        share = log(record_bytes / sizes[0]) / log(sizes[1] / sizes[0])
        budget = {
            term: _between(less.budget[term], more.budget[term], share) for term in less.budget
        }
        seconds = np.sum(list(budget.values()), axis=0)
        low, high = np.minimum(less.low, more.low), np.maximum(less.high, more.high)
        if not 0 <= share <= 1:
            near = less.seconds if share < 0 else more.seconds
            reach = np.abs(seconds - near)
            low = np.maximum(np.minimum(low, seconds - reach), 0.0)
            high = np.maximum(high, seconds + reach)
        low, high = np.minimum(low, seconds), np.maximum(high, seconds)
        return Prediction(less.n, seconds, low, high, budget)


def _size(calibration: Calibration) -> int:
    return calibration.conditions.record_bytes


def _between(
    less: npt.NDArray[np.float64], more: npt.NDArray[np.float64], share: float
) -> npt.NDArray[np.float64]:
    """Go on from one size's times to the other's, by a power; straight where one is 0."""
    both = (less > 0) & (more > 0)
    safe = (np.where(both, less, 1.0), np.where(both, more, 1.0))
    power = np.exp((1 - share) * np.log(safe[0]) + share * np.log(safe[1]))
    straight = np.maximum((1 - share) * less + share * more, 0.0)
    return np.where(both, power, straight)
