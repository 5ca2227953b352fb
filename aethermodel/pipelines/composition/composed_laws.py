"""Composed laws: the law of each term of a pipeline, and the time of a batch that they make up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.laws.law import Law
from aethermodel.pipelines.composition.composition import Composed, GroupTerms, Kind, compose

Floats = npt.NDArray[np.float64]
#: Joint draws behind an interval.
DRAWS = 1000


@dataclass(frozen=True)
class TermLaw:
    """A term with its law.

    Attributes
    ----------
    name : str
    kind : {"stage", "hand-over", "loop", "assumed"}
    law : Law
        Over the records of a batch of the source; of what is assumed also over its bytes.
    busy : float
        Share of its time that it keeps a core busy; above 1 where it uses several.
    source : str
        "measured", or where an assumed law comes from.
    factor : float
        That its time is multiplied by: 1 but in what is asked of a change.
    alone : dict of int to float
        Seconds at a few sizes of a stage that is called back to back, the caches its own; the law
        is of rounds, in which the other stages of its thread run in between.
    """

    name: str
    kind: Kind
    law: Law
    busy: float
    source: str
    factor: float = 1.0
    alone: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Overlap:
    """Share of their time that groups of one process hold each other up, with its interval."""

    value: float
    low: float
    high: float


#: Where it was not measured: from not at all to always.
UNKNOWN = Overlap(1.0, 0.0, 1.0)


@dataclass(frozen=True)
class Predicted:
    """Times of a batch, each an array over the sizes asked for.

    Attributes
    ----------
    n, seconds, low, high : ndarray
        Records, and the time from batch to batch with its interval.
    transit : ndarray
        Seconds of one batch from end to end, where nothing waits.
    budget : dict of str to ndarray
        Seconds of each term.
    bound : ndarray of str
        The slowest group, "cores" or "interpreter".
    extrapolated : ndarray of bool
        Whether a size lies outside those that were calibrated.
    """

    n: Floats
    seconds: Floats
    low: Floats
    high: Floats
    transit: Floats
    budget: dict[str, Floats]
    bound: npt.NDArray[np.str_]
    extrapolated: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ComposedLaws:
    """Laws of a pipeline's terms on one host, and the time of a batch composed of them.

    Attributes
    ----------
    pipeline, file : str
        Its name, and the file that declares it.
    record_bytes : int or None
    host : dict
        Fingerprint.
    created : str
        ISO 8601.
    terms : dict of str to TermLaw
    groups : tuple of GroupTerms
    cores : int
    gil : Overlap
    passed : dict of str to float
        Share of the records that a stage passes on, where it is not all.
    warnings : tuple of str
    """

    pipeline: str
    file: str
    record_bytes: int | None
    host: dict[str, Any]
    created: str
    terms: dict[str, TermLaw]
    groups: tuple[GroupTerms, ...]
    cores: int
    gil: Overlap = UNKNOWN
    passed: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def measured(self) -> dict[str, TermLaw]:
        """Terms that were timed here."""
        return {name: term for name, term in self.terms.items() if term.kind != "assumed"}

    @property
    def smallest(self) -> float:
        """Smallest calibrated size, in records."""
        return max(term.law.smallest for term in self._sized) if self._sized else 1.0

    @property
    def largest(self) -> float:
        """Largest calibrated size, in records."""
        return min(term.law.largest for term in self._sized) if self._sized else 1.0

    @property
    def sizes(self) -> Floats:
        """Calibrated sizes, in records."""
        return self._sized[0].law.sizes

    @property
    def _sized(self) -> list[TermLaw]:
        return [term for term in self.terms.values() if term.kind == "stage"]

    def without_assumed(self) -> Self:
        """Return what can be compared with a run here."""
        groups = tuple(
            group._replace(terms=tuple(t for t in group.terms if t in self.measured))
            for group in self.groups
        )
        kept = tuple(group for group in groups if group.terms)
        return replace(self, terms=self.measured, groups=kept)

    def _sizes_of(self, term: TermLaw, n: Floats) -> Floats:
        if term.kind == "assumed" and term.law.size_unit == "B":
            return n * float(self.record_bytes or 1)
        return n

    def times(self, n: npt.ArrayLike) -> dict[str, Floats]:
        """Return seconds of each term at sizes."""
        at = np.asarray(n, dtype=np.float64)
        return {
            name: term.factor * term.law.predict(self._sizes_of(term, at)).seconds
            for name, term in self.terms.items()
        }

    def _busy(self) -> dict[str, float]:
        return {name: term.busy for name, term in self.terms.items()}

    def composed(self, n: npt.ArrayLike) -> Composed:
        """Return the time of a batch by the laws themselves."""
        return self.composed_of(self.times(n))

    def composed_of(self, times: Mapping[str, Floats]) -> Composed:
        """Return the time of a batch by the seconds of its terms."""
        return compose(self.groups, times, self._busy(), self.cores, self.gil.value)

    def draws(self, n: npt.ArrayLike, count: int = DRAWS, seed: int = 0) -> Floats:
        """Return joint draws of the time of a batch.

        Returns
        -------
        ndarray, shape (count, sizes)
            Terms are drawn each by itself, as each was timed by itself.
        """
        return self.drawn(n, count, seed).seconds

    def drawn(self, n: npt.ArrayLike, count: int = DRAWS, seed: int = 0) -> Composed:
        """Return the same draws with the times of the groups, each of shape (count, sizes)."""
        at = np.asarray(n, dtype=np.float64)
        drawn = {
            name: term.factor * term.law.draws(self._sizes_of(term, at), count, seed + 1 + index)
            for index, (name, term) in enumerate(self.terms.items())
        }
        rng = np.random.default_rng(seed)
        gil = rng.uniform(self.gil.low, self.gil.high, count)[:, None]
        return compose(self.groups, drawn, self._busy(), self.cores, gil)

    def faster(self, /, **factors: float) -> Self:
        """Return what it would be, if terms took so many times what they take.

        Parameters
        ----------
        **factors : float
            Above 0, by the name of the term; ``_`` may stand for ``-``.

        Raises
        ------
        InputError
            On a term that there is none of, or a factor that is not above 0.
        """
        known = {name.replace("-", "_"): name for name in self.terms}
        terms = dict(self.terms)
        for key, factor in factors.items():
            name = known.get(key.replace("-", "_"))
            if name is None:
                raise InputError(f"no term {quoted(key)}; there are {', '.join(terms)}")
            if not 0 < factor < np.inf:
                raise InputError(f"{name}: a factor is a finite number above 0, not {factor!r}")
            terms[name] = replace(terms[name], factor=terms[name].factor * factor)
        return replace(self, terms=terms)

    def predict(
        self, n: npt.ArrayLike, level: float = thresholds.LEVEL, seed: int = 0
    ) -> Predicted:
        """Predict the time of a batch.

        Parameters
        ----------
        n : array_like
            Records.
        level : float
            Confidence of the interval, which comes from joint draws.
        seed : int
        """
        at = np.atleast_1d(np.asarray(n, dtype=np.float64))
        composed = self.composed(at)
        tails = [(1 - level) / 2, (1 + level) / 2]
        low, high = np.quantile(self.draws(at, seed=seed), tails, axis=0)
        return Predicted(
            at,
            composed.seconds,
            np.minimum(low, composed.seconds),
            np.maximum(high, composed.seconds),
            composed.transit,
            self.times(at),
            composed.bound,
            (at < self.smallest) | (at > self.largest),
        )
