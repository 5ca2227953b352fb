"""Roofline: the ceilings of any design on this host, over the batch size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from aethermodel.model.batch import BatchModel

Floats = npt.NDArray[np.float64]
Origin = Literal["measured", "published", "assumed"]
#: Terms during which Python runs, so that the interpreter's lock is held.
PYTHON_TERMS = ("loop", "ffi")


@dataclass(frozen=True)
class Ceiling:
    """A rate that cannot be passed.

    Attributes
    ----------
    name : str
    n, per_second : ndarray of float64
        Batch sizes, ascending, and events a second; interpolated between on logarithmic axes.
    origin : {"measured", "published", "assumed"}
    source : str
        The probe or publication.
    """

    name: str
    n: Floats
    per_second: Floats
    origin: Origin
    source: str

    def at(self, n: npt.ArrayLike) -> Floats:
        """Events a second at batch sizes `n`; flat beyond the first and last known."""
        sizes = np.log(np.asarray(n, dtype=np.float64))
        return np.asarray(np.exp(np.interp(sizes, np.log(self.n), np.log(self.per_second))))


def bandwidth_ceiling(
    name: str, bytes_per_second: float, event_bytes: float, origin: Origin, source: str
) -> Ceiling:
    """Return the ceiling of a medium that carries each event once.

    Parameters
    ----------
    name : str
    bytes_per_second, event_bytes : float
        Above zero.
    origin, source : str
        As in `Ceiling`.
    """
    if not (bytes_per_second > 0 and event_bytes > 0):
        raise ValueError(f"{name}: bandwidth and event size must be above zero")
    rate = np.array([bytes_per_second / event_bytes])
    return Ceiling(name, np.ones(1), rate, origin, source)


def interpreter_ceiling(model: BatchModel, n: npt.ArrayLike, origin: Origin) -> Ceiling:
    """Return the ceiling that Python sets: its terms are serial however many threads route.

    Parameters
    ----------
    model : BatchModel
    n : array_like
        Batch sizes.
    origin : str
        Where the model's parameters come from.
    """
    sizes = np.asarray(n, dtype=np.float64)
    budget = model.budget(sizes)
    held = np.sum([budget[term] for term in PYTHON_TERMS if term in budget], axis=0)
    return Ceiling("interpreter lock", sizes, sizes / held, origin, "N / (T_loop + T_ffi)")


def lowest(ceilings: list[Ceiling], n: npt.ArrayLike) -> tuple[Floats, list[str]]:
    """Return the lowest ceiling at each batch size, and its name."""
    rates = np.stack([ceiling.at(n) for ceiling in ceilings])
    which = np.argmin(rates, axis=0)
    return rates.min(axis=0), [ceilings[index].name for index in np.atleast_1d(which)]
