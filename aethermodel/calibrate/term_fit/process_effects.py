"""Process effects: variance between fresh processes, which repeats cannot show.

Address layout, hash seed and the state of the host make all samples of a process slower or faster
together. Eight processes of four samples are then eight witnesses of the level, not thirty-two.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import stdtrit

from aethermodel import thresholds
from aethermodel.calibrate.term_fit.samples import MAD_TO_SIGMA, Samples

Floats = NDArray[np.float64]
_ROUNDS = 4
# Of hosts without a disturbed process so many lose one nevertheless.
_FALSE_OUTLIER = 0.01
# Of fewer levels none is called an outlier of the others.
_LEAST_LEVELS = 4


@dataclass(frozen=True)
class Between:
    """A factor that all samples of one process share, different from process to process.

    Attributes
    ----------
    processes : int
        That the samples came from; 0 where that was not recorded.
    variance : float
        Relative variance of one process's level; zero where the processes differ by no more than
        their own samples make them.
    weight : float
        Share of `variance` that is left in the mean level: one over the processes, or more where
        some gave more samples than others.
    spent : float
        Degrees of freedom of the samples' noise that finding the levels took.
    levels : dict of float to float
        By process, what it was found to be slower by, relative to the mean level.
    """

    processes: int = 0
    variance: float = 0.0
    weight: float = 0.0
    spent: float = 0.0
    levels: Mapping[float, float] = field(default_factory=dict)

    def own_noise(self, samples: Samples) -> Samples:
        """Return levelled samples with the noise that is their own: levels were fitted to it."""
        left = samples.freedom - self.spent
        if not self.spent or left < 1:
            return samples
        share = samples.freedom / left
        return replace(
            samples,
            noise=samples.noise * float(np.sqrt(share)),
            location_variance=samples.location_variance * share,
            freedom=int(left),
        )

    def half(self, value: ArrayLike, level: float, fresh: float = 0) -> Floats:
        """Half-width of the interval that these levels leave around a value.

        Parameters
        ----------
        value : array_like
            In any unit.
        level : float
            Confidence, between 0 and 1.
        fresh : float
            Number of further processes whose mean the interval has to hold; 0: the mean level of
            all processes there could be.

        Notes
        -----
        Student's t with one degree of freedom less than there are processes.
        """
        if not self.variance:
            return np.zeros(np.shape(value))
        variance = self.variance * (self.weight + (1 / fresh if fresh else 0))
        quantile = stdtrit(self.processes - 1, (1 + level) / 2)
        return np.asarray(quantile * np.sqrt(variance) * np.abs(value), dtype=np.float64)

    def deviation(self, standing: ArrayLike) -> Floats:
        """Relative deviation of the mean level at quantiles of its distribution, 0.5 being none."""
        if not self.variance:
            return np.zeros(np.shape(standing))
        scale = np.sqrt(self.variance * self.weight)
        return np.asarray(scale * stdtrit(self.processes - 1, standing), dtype=np.float64)


#: Samples whose processes were not recorded, or do not differ.
ALIKE = Between()


def level_out(n: Floats, seconds: Floats, process: ArrayLike) -> tuple[Floats, Between]:
    """Take out of the samples what their processes differ by, and say how much that is.

    Parameters
    ----------
    n, seconds : ndarray of float64, shape (samples,)
        As `aethermodel.calibrate.term_fit.samples.checked` returns them.
    process : array_like, shape (samples,)
        What tells the processes apart: any number each.

    Returns
    -------
    seconds : ndarray of float64, shape (samples,)
        Each process moved towards the level of all, by as much as its own samples are sure of it
        (the best linear unbiased prediction of its effect; Robinson 1991,
        doi 10.1214/ss/1177011926). Unchanged where the processes do not differ.
    between : Between

    Raises
    ------
    ValueError
        If there is not one process for each sample.

    Notes
    -----
    Levels are medians of a two-way layout, size by process, in logarithms; their variance is that
    of the levels less what the samples' own noise puts there (method of moments).
    """
    given = np.asarray(process)
    if given.shape != n.shape:
        raise ValueError(f"there are {n.size} samples but {given.size} processes for them")
    names, group = np.unique(given, return_inverse=True)
    if names.size < 2:
        return seconds, Between(names.size)
    _, size = np.unique(n, return_inverse=True)
    rest = np.log(seconds)
    effect = np.zeros(names.size)
    for _ in range(_ROUNDS):
        rest = rest - _medians(rest, size)[size]
        step = _medians(rest, group)
        effect, rest = effect + step, rest - step[group]
    taken = np.bincount(group)
    scale = MAD_TO_SIGMA * float(np.median(np.abs(rest)))
    lost = size.max() + names.size  # sizes and levels that were fitted
    scale *= np.sqrt(n.size / max(n.size - lost, 1))
    # The median has found each level; the mean of what lies near it knows it better.
    near = (
        np.abs(rest) <= thresholds.OUTLIER_CUTOFF * scale
        if scale > 0
        else np.ones(n.size, dtype=bool)
    )
    kept = np.bincount(group, near)
    step = np.bincount(group, rest * near) / np.maximum(kept, 1)
    effect, rest = effect + step, rest - step[group]
    within = float(np.sum(np.square(rest[near]))) / max(int(near.sum()) - lost, 1)
    noise = within / np.maximum(kept, 1)
    effect -= _mean_level(effect)
    variance = float(np.sum(np.square(effect)) / (names.size - 1) - np.mean(noise))
    if variance <= 0:
        return seconds, Between(names.size)
    sure = variance / (variance + noise)
    weight = float(np.sum(np.square(taken / n.size)))
    spent = (names.size - 1) * float(np.mean(sure))
    levels = dict(zip(names.tolist(), effect.tolist(), strict=True))
    between = Between(names.size, variance, weight, spent, levels)
    return seconds * np.exp(-(sure * effect)[group]), between


def _mean_level(effect: Floats) -> float:
    """Mean of the levels but for processes that were disturbed throughout.

    A mean, as terms timed in the same processes share it: what one of them has by chance too much
    the other has as well, and cancels where the two are compared. More robust a location would be
    another one for each term. So a level is left out only if it is none of the others'
    distribution: by Grubbs' test (1969, doi 10.1080/00401706.1969.10490657), one after the other.
    """
    kept = np.sort(effect)
    while kept.size > _LEAST_LEVELS:
        far = int(np.argmax(np.abs(kept - kept.mean())))
        others = np.delete(kept, far)
        spread = others.std(ddof=1) * np.sqrt(1 + 1 / others.size)
        bound = stdtrit(others.size - 1, 1 - _FALSE_OUTLIER / (2 * kept.size))
        if abs(kept[far] - others.mean()) <= bound * spread:
            break
        kept = others
    return float(kept.mean())


def _medians(values: Floats, group: NDArray[np.int64]) -> Floats:
    values = values[np.lexsort((values, group))]
    count = np.bincount(group)
    start = np.cumsum(count) - count
    return np.asarray((values[start + (count - 1) // 2] + values[start + count // 2]) / 2)
