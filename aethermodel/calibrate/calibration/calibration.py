"""Calibration: each term fitted from its own probe, bound to the host it was taken on."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt
import sympy

from aethermodel import thresholds
from aethermodel.calibrate.calibration.calibration_file import content_of, read, samples_of
from aethermodel.calibrate.calibration.composition import (
    Part,
    Prediction,
    add_up,
    part_of,
    side_by_side,
    together,
)
from aethermodel.calibrate.calibration.conditions import Conditions
from aethermodel.calibrate.calibration.refill_law import fit_refill, growth_of
from aethermodel.calibrate.calibration.term_names import names_of, term_of, with_refill
from aethermodel.calibrate.calibration.term_samples import TermSamples
from aethermodel.calibrate.experiment_design.identifiability import identify
from aethermodel.calibrate.term_fit.fit_term import Kind, TermFit, fit_term
from aethermodel.calibrate.term_fit.process_effects import ALIKE
from aethermodel.calibrate.term_fit.scaling_fit import ScalingFit, fit_scaling, team_parameters
from aethermodel.model.batch import BatchModel
from aethermodel.model.compiled import compiled
from aethermodel.model.parameters import N, Parameter
from aethermodel.model.terms import PRODUCER, REFILL, TERM_NAMES, shared

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Calibration", "Conditions", "Prediction"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Calibration(TermSamples):
    """Fitted terms with the samples they came from.

    The samples, ``host``, ``created``, ``conditions`` and ``warnings`` are those of `TermSamples`.
    """

    @classmethod
    def load(cls, path: Path | str, *, host_id: str | None = None, foreign: bool = False) -> Self:
        """Read a calibration file; `aethermodel.load_calibration` also checks it for this host.

        Parameters
        ----------
        path : path
        host_id : str, optional
            Of this host: a calibration of another host is then refused. Without it nothing is
            checked: for looking into a file, not for predicting.
        foreign : bool
            Take another host's calibration nevertheless, with a warning in `warnings`.

        Raises
        ------
        ValueError
            If the file is no calibration, or another host's.
        """
        calibration = read(cls, path)
        if host_id is None or calibration.host["id"] == host_id:
            return calibration
        if not foreign:
            raise ValueError(
                f"{path} was taken on host {calibration.host['id']}, this is {host_id}: "
                "calibrate here, or use --foreign"
            )
        return calibration.warned(
            f"foreign: calibrated on host {calibration.host['id']} "
            f"({calibration.host['processor']}), not on this one"
        )

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Rebuild a calibration from JSON values; the terms are fitted again from its samples.

        Raises
        ------
        ValueError
            If it is not a calibration, or was changed.
        """
        return samples_of(cls, content)

    def to_json(self) -> dict[str, Any]:
        """Return the calibration as JSON values; the parameters stand there for readers."""
        return content_of(self, self.fits, self.parameters.values(), self.findings)

    @cached_property
    def laws(self) -> dict[str, TermFit]:
        """One fit a term, of ``refill`` and ``send`` where there are any, from its own samples."""
        return {term: self._law(term) for term in self.samples}

    def _law(self, term: str) -> TermFit:
        n, seconds, process = self.samples[term]
        group = process or None
        if term == PRODUCER:
            return fit_term(n, seconds, forms=("affine", "knee"), group=group)
        if term == REFILL:
            return fit_refill(n, seconds, self.conditions.fills(), group)
        if term == "fabric" and (places := self.conditions.ring_places()):
            # An event costs another price where the ring has outgrown the cache that it was written
            # in, dearer or not, and another where fewer batches lie between its two ends.
            spills, fewer = places
            return fit_term(
                n, seconds, knees=[spills], free_knee=False, switch=[spills, fewer], group=group
            )
        if term != "kernel":
            # Handles have no memory level: whatever they cost, it has no knee.
            return fit_term(n, seconds, forms=("constant", "affine"), group=group)
        # A knee beyond the samples says nothing about them. Of a cache that others use too, less
        # is left than its size says: then the knee is found from the samples.
        inside = tuple(k for k in self.conditions.knees().values() if min(n) < k < max(n))
        switch = self.conditions.switch or ()
        return fit_term(n, seconds, knees=inside, switch=switch, group=group)

    @property
    def largest(self) -> float:
        """Largest batch that every term with a law of N was sampled at: beyond, nothing was seen.

        A refill is of events gone by, and bends no more once they fill the cache.
        """
        return min(
            max(timings.n) for term, timings in self.samples.items() if term not in ("loop", REFILL)
        )

    @property
    def fits(self) -> dict[str, TermFit]:
        """The terms' fits alone: what adds up in one process."""
        return {term: fit for term, fit in self.laws.items() if term in TERM_NAMES}

    @cached_property
    def parameters(self) -> dict[str, Parameter]:
        """All fitted parameters by model name, with interval and source."""
        return self.model().parameters

    @cached_property
    def findings(self) -> tuple[str, ...]:
        """What the sweep could not tell, in words, by the parameters' model names."""
        found = []
        for term, fit in self.laws.items():
            if fit.between.processes == 1:
                found.append(
                    f"{term}: samples of one process; what others differ by is not in the intervals"
                )
            names = {name: known[0] for name, known in self.names(term).items()}
            found += [f"{term}: {_renamed(text, names)}" for text in identify(fit).warnings]
        return tuple(found)

    def names(self, term: str) -> dict[str, tuple[str, str, str]]:
        """Return name, unit and meaning in the model of each parameter of a term's fit."""
        return names_of(term, self.laws[term], self.conditions.knees())

    def model(self) -> BatchModel:
        """Return the symbolic model with the fitted parameters."""
        return self._model

    @cached_property
    def _model(self) -> BatchModel:
        where = f"{self.created[:10]}, host {self.host['id']}"
        knees = self.conditions.knees()
        terms = {
            name: term_of(name, fit, knees, f"{name} probe, {where}")
            for name, fit in self.laws.items()
            if name != REFILL
        }
        refill = self.laws.get(REFILL)
        if refill and "loop" in terms:
            terms["loop"] = with_refill(terms["loop"], refill, f"{REFILL} probe, {where}")
        if self.scaling:
            timed = ", ".join(map(str, self.scaling.counts))
            source = f"kernel probe with {timed} threads, {where}"
            named = team_parameters(self.scaling.law, source, self.scaling)
            terms["kernel"] = shared(terms["kernel"], *named)
        producer = terms.pop(PRODUCER, None)
        return BatchModel(list(terms.values()), self.conditions.calls(), producer)

    @cached_property
    def scaling(self) -> ScalingFit | None:
        """How the kernel scales with the threads that share a batch; None if it was not timed."""
        if not self.teams[0]:
            return None
        seconds: dict[int, list[float]] = {}
        for threads, each in zip(*self.teams, strict=True):
            seconds.setdefault(int(threads), []).append(each)
        if 1 not in seconds:
            return None  # a calibration that was cut short may have timed teams alone
        return fit_scaling(seconds, split=True)

    def predict(
        self, n: npt.ArrayLike, level: float = thresholds.LEVEL, kind: Kind = "mean"
    ) -> Prediction:
        """Predict T_batch; nothing is fitted to what is predicted.

        Parameters
        ----------
        n : array_like
            Batch sizes, 1 or more.
        level : float
            Of the interval.
        kind : {"mean", "observation"}
            Whether the interval covers the mean, or one new sample with the probes' own noise.

        Returns
        -------
        Prediction
            The terms' means added, their intervals as `add_up` does; where another process sends,
            the slower of the two sides.
        """
        return side_by_side(self.consumer(n, level, kind), self.producer(n, level, kind))

    def consumer(
        self,
        n: npt.ArrayLike,
        level: float = thresholds.LEVEL,
        kind: Kind = "mean",
        among: float = 0.0,
    ) -> Prediction:
        """Predict the sum of the terms: T_batch of one process, or of the one that receives.

        Parameters
        ----------
        n, level, kind
            As for `predict`.
        among : float
            Whatever its size, a batch's events come from the working set of batches of so many:
            as large as that is, they cost what they cost there. 0: from that of its own size, as
            the probes' do.
        """
        sizes = np.atleast_1d(np.asarray(n, dtype=np.float64))
        if not (sizes >= 1).all():
            raise ValueError("a batch size must be at least 1")
        calls = self.conditions.calls()
        return add_up(
            sizes, {term: self.part(term, sizes, calls, level, kind, among) for term in TERM_NAMES}
        )

    def part(
        self,
        term: str,
        sizes: Floats,
        calls: sympy.Expr,
        level: float,
        kind: Kind,
        among: float = 0.0,
    ) -> Part:
        """Evaluate one term at batch sizes, with so many handler calls a tick at N events.

        The other parameters are as for `consumer`. A term that could not be measured is nothing.
        """
        if term not in self.laws:
            nothing = np.zeros(sizes.size)
            return Part(nothing, nothing, nothing, ((ALIKE, nothing),))
        if term != "loop":
            return part_of(self.laws[term].among(among), sizes, level, kind)
        at = compiled((N,), calls)(sizes)
        loop = part_of(self.laws[term], at, level, kind)
        if REFILL not in self.laws:
            return loop
        return together(loop, growth_of(self.laws[REFILL], sizes, level, kind))

    def producer(
        self, n: npt.ArrayLike, level: float = thresholds.LEVEL, kind: Kind = "mean"
    ) -> Prediction | None:
        """Predict what a batch costs a producer in a process of its own; None without one."""
        if PRODUCER not in self.laws:
            return None
        sizes = np.atleast_1d(np.asarray(n, dtype=np.float64))
        return add_up(sizes, {PRODUCER: part_of(self.laws[PRODUCER], sizes, level, kind)})

    def copy_rates(self) -> pd.DataFrame:
        """Return the copy ceiling: ``n`` and events a second of the median copy; may be empty."""
        import pandas as pd

        table = pd.DataFrame({"n": self.copies[0], "seconds": self.copies[1]}, dtype=float)
        median = table.groupby("n", as_index=False)["seconds"].median()
        return median.assign(per_second=median["n"] / median["seconds"])[["n", "per_second"]]


def _renamed(text: str, names: dict[str, str]) -> str:
    return re.sub(r"\w+", lambda word: names.get(word[0], word[0]), text)
