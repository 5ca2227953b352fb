"""Points of a curve: one figure for each distinct size, with what is known of its noise."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from aethermodel.calibrate.term_fit.process_effects import ALIKE, Between, level_out
from aethermodel.calibrate.term_fit.samples import summarise
from aethermodel.inputs.refusals import InputError
from aethermodel.laws.local_correction import octaves
from aethermodel.readers.measurements import Series

Floats = NDArray[np.float64]

# A rounding step is spread evenly: its standard deviation is the step over the root of twelve.
_EVEN = 1 / np.sqrt(12)
# Where a format gives a spread without its repeats, it is believed as that of ten would be.
_SPREAD_FREEDOM = 9
# What is no time or size of anything overflows a double once it is squared and multiplied.
_SHORTEST, _LONGEST, _MOST_SIZE, _LEAST_SIZE = 1e-18, 1e15, 1e18, 1e-12
# Of more sizes than this neighbours are taken together: a law has eight figures.
_MOST_POINTS = 500
# A few sizes measured again say little of the noise at the others.
_REPEATED = 0.5
#: A call of size 0 that takes so many times less than the next size does something else.
NOTHING = 1.5


@dataclass(frozen=True)
class Points:
    """What the rows of a curve say at each distinct size.

    Attributes
    ----------
    n : ndarray, shape (m,)
        Distinct sizes, ascending; 0 is allowed.
    seconds : ndarray, shape (m,)
        Location of the repeats of each size.
    second : ndarray, shape (m,), optional
        Second variable; sizes are then distinct with it.
    deviation : ndarray, shape (m,)
        Relative standard deviation of each location by its repeats and its rounding; nan where
        nothing tells.
    rounding : ndarray, shape (m,)
        The part of `deviation` that the printed digits leave.
    noise : float
        Relative standard deviation of one repeat; nan where no size has repeats.
    freedom : int
        Degrees of freedom behind `noise`; 0 without repeats.
    between : Between
        What the processes differ by that the rows came from.
    """

    n: Floats
    seconds: Floats
    second: Floats | None
    deviation: Floats
    rounding: Floats
    noise: float
    freedom: int
    between: Between = ALIKE

    def __getitem__(self, kept: NDArray[np.bool_]) -> Points:
        """Return some of the points."""
        return Points(
            self.n[kept],
            self.seconds[kept],
            None if self.second is None else self.second[kept],
            self.deviation[kept],
            self.rounding[kept],
            self.noise,
            self.freedom,
            self.between,
        )

    @property
    def octaves(self) -> Floats:
        """Base-2 logarithm of the sizes; size 0 lies one octave below the least above it."""
        return octaves(self.n, self.n)


def points_of(series: Series) -> Points:
    """Sum up the rows of a curve by size.

    Raises
    ------
    InputError
        If the rows are no sizes and times.
    """
    n, seconds = _numbers(series.sizes, "size"), _numbers(series.seconds, "time")
    if n.shape != seconds.shape:
        raise InputError(f"there are {n.size} sizes but {seconds.size} times")
    if not n.size:
        raise InputError("there is no measurement to fit")
    if not np.all((n >= 0) & (n <= _MOST_SIZE)):
        raise InputError(f"every size must be a number from 0 to {_MOST_SIZE:g}")
    if not np.all((seconds >= _SHORTEST) & (seconds <= _LONGEST)):
        raise InputError(
            f"every time must be a number of seconds above zero, from {_SHORTEST:g} to {_LONGEST:g}"
        )
    n = np.where(n < _LEAST_SIZE, 0.0, n)
    second = _second(series)
    key, other = n, None
    if second is not None:
        pairs, where = np.unique(np.stack([n, second]), axis=1, return_inverse=True)
        key = where.ravel().astype(np.float64)
        other = pairs
    between = ALIKE
    if series.process is not None and len(set(series.process)) > 1:
        seconds, between = level_out(key, seconds, series.process)
    samples = between.own_noise(summarise(key, seconds))
    sizes = samples.n if other is None else other[0]
    noise, freedom = samples.noise, samples.freedom
    variance = samples.location_variance / samples.kept
    if np.mean(samples.kept > 1) < _REPEATED:
        noise, freedom, variance = float("nan"), 0, np.full(samples.n.size, np.nan)
    if series.spread is not None and not freedom:
        noise, freedom, variance = _spread(series, key, samples.seconds)
    rounding = _rounding(series, key, samples.seconds)
    # Without repeats the printed digits are all that is known of the noise.
    variance = np.where(np.isnan(variance) & (rounding > 0), 0.0, variance)
    deviation = np.sqrt(variance + rounding**2)
    return Points(
        sizes,
        samples.seconds,
        None if other is None else other[1],
        deviation,
        rounding,
        float(noise),
        int(freedom),
        between,
    )


def does_nothing(points: Points) -> bool:
    """Whether size 0 is a call that does nothing, so that no law of the others holds for it."""
    return bool(
        points.second is None
        and points.n.size > 3
        and points.n[0] == 0
        and points.seconds[0] * NOTHING < points.seconds[1]
    )


def grouped(points: Points) -> Points:
    """Take neighbouring sizes together where there are more than a fit has use for.

    Groups are of as many sizes each, so that the mean time belongs to the mean size on any law
    that is straight within a group.

    Notes
    -----
    Noise from differences of neighbours: von Neumann 1941, doi 10.1214/aoms/1177731677.
    """
    m = points.n.size
    if m <= _MOST_POINTS or points.second is not None:
        return points
    start = np.unique(np.linspace(0, m, _MOST_POINTS, endpoint=False).astype(np.int64))
    count = np.diff(np.append(start, m))

    def mean(values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values, start) / count)

    noise, freedom, deviation = points.noise, points.freedom, points.deviation
    if not freedom:
        # Neighbours among so many sizes are as good as repeats.
        noise = float(np.sqrt(np.mean(np.diff(np.log(points.seconds)) ** 2) / 2))
        freedom, deviation = m - start.size, np.hypot(noise, points.rounding)
    return replace(
        points,
        n=mean(points.n),
        seconds=mean(points.seconds),
        deviation=np.sqrt(mean(deviation**2) / count),
        rounding=np.sqrt(mean(points.rounding**2) / count),
        noise=noise,
        freedom=freedom,
    )


def _numbers(values: object, what: str) -> Floats:
    try:
        return np.asarray(values, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        raise InputError(f"every {what} must be a number") from None


def second_name(series: Series) -> str:
    """Name of the second variable that moves, "" where none does."""
    for name, values in series.second.items():
        numbers = np.asarray(values, dtype=np.float64)
        if numbers.size and np.all(np.isfinite(numbers)) and np.ptp(numbers) > 0:
            return name
    return ""


def _second(series: Series) -> Floats | None:
    name = second_name(series)
    if not name:
        return None
    values = np.asarray(series.second[name], dtype=np.float64).ravel()
    if np.any(values < 0):
        raise InputError(f"{name} must not be negative")
    return values


def _spread(series: Series, key: Floats, seconds: Floats) -> tuple[float, int, Floats]:
    """Noise, its freedom and the variance of each location, from spreads of rows."""
    _, where = np.unique(key, return_inverse=True)
    relative = np.asarray(series.spread, dtype=np.float64).ravel() / seconds[where]
    relative = np.where(np.isfinite(relative), relative, 0.0)
    repeats = np.full(key.size, _SPREAD_FREEDOM + 1.0)
    if series.repeats is not None:
        told = np.asarray(series.repeats, dtype=np.float64).ravel()
        repeats = np.where(np.isfinite(told) & (told >= 1), told, 1.0)
    noise = float(np.sqrt(np.mean(relative**2)))
    rows = np.bincount(where)
    variance = np.bincount(where, noise**2 / repeats) / rows**2
    return noise, int(np.sum(np.maximum(repeats - 1, 0))), variance


def _rounding(series: Series, key: Floats, seconds: Floats) -> Floats:
    if series.resolution is None:
        return np.zeros(seconds.size)
    _, where = np.unique(key, return_inverse=True)
    step = np.asarray(series.resolution, dtype=np.float64).ravel()
    step = np.where(np.isfinite(step) & (step > 0), step, 0.0)
    widest = np.zeros(seconds.size)
    np.maximum.at(widest, where, step)
    return np.asarray(widest * _EVEN / seconds)
