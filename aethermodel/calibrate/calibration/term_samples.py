"""Samples of each term, with the host and the conditions that they were taken in."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self

from aethermodel.calibrate.calibration.conditions import Conditions
from aethermodel.calibrate.term_fit.samples import Timings, checked
from aethermodel.model.terms import PRODUCER, REFILL, TERM_NAMES

if TYPE_CHECKING:
    import pandas as pd

Columns = tuple[list[float], list[float]]


@dataclass(frozen=True)
class TermSamples:
    """Samples of each term: what a `Calibration` is fitted from.

    Attributes
    ----------
    host : dict
        Fingerprint of the host.
    created : str
        When the samples were taken: ISO 8601, UTC.
    conditions : Conditions
    samples : dict of str to Timings
        Undisturbed samples by term; of ``refill``, where they were taken; and of ``send`` where a
        producer in another process sends. A term that could not be measured is left out.
    copies : (n, seconds)
        Plain copies of the same batches, measured in the same run: the ceiling. May be empty.
    warnings : tuple of str
        What a reader of any figure made from this has to know: noise, another host, drift.
    teams : (threads, seconds)
        The kernel on one large batch, by the threads that share it. May be empty.
    """

    host: dict[str, Any]
    created: str
    conditions: Conditions
    samples: dict[str, Timings]
    copies: Columns = field(default_factory=lambda: ([], []))
    warnings: tuple[str, ...] = ()
    teams: Columns = field(default_factory=lambda: ([], []))

    @classmethod
    def from_samples(
        cls, samples: pd.DataFrame, host: dict[str, Any], conditions: Conditions, taken: str
    ) -> Self:
        """Take each term from the rows of its own probe; rows of the pipeline are never read.

        Parameters
        ----------
        samples : pandas.DataFrame
            As `aethermodel.measure.sampling.sampler.take_samples` gives them.
        host : dict
        conditions : Conditions
        taken : str
            When they were taken: ISO 8601, UTC.

        Returns
        -------
        TermSamples or its subclass
            A term whose samples cannot carry a law, because the time ran out, is left out of it and
            named in its warnings.

        Raises
        ------
        ValueError
            If no term could be measured.
        """
        by_term = {}
        missing: dict[str, str] = {}
        alone, teams = _teams(samples)
        for term in (*TERM_NAMES, REFILL, PRODUCER):
            rows = alone[(alone["probe"] == term) & alone["final"]]
            if rows.empty and not (alone["probe"] == term).any() and term not in TERM_NAMES:
                continue
            # Where no probe of it was reached, not even its settings are there.
            n = rows.get("calls" if term == "loop" else "batch_size", rows["seconds"])
            process = rows["process"].astype(int).tolist()
            timings = Timings(n.astype(float).tolist(), rows["seconds"].tolist(), process)
            try:
                checked(timings.n, timings.seconds)
            except ValueError as error:
                missing[term] = str(error)
            else:
                by_term[term] = timings
        if not any(term in by_term for term in TERM_NAMES):
            raise ValueError(
                "no term could be measured: " + "; ".join(map(": ".join, missing.items()))
            )
        warnings = tuple(
            f"{term} could not be measured ({why}): predictions are without it"
            for term, why in missing.items()
        )
        copied = samples[(samples["probe"] == "bandwidth") & samples["final"]]
        copies = (copied["batch_size"].astype(float).tolist(), copied["seconds"].tolist())
        if "kernel" not in by_term:
            teams = ([], [])
        return cls(host, taken, conditions, by_term, copies, warnings, teams)

    def warned(self, *warnings: str) -> Self:
        """Return the same with further warnings."""
        return replace(self, warnings=(*self.warnings, *warnings))


def _teams(samples: pd.DataFrame) -> tuple[pd.DataFrame, Columns]:
    """Part the kernel's samples of several threads from all others; beside those of one."""
    if "threads" not in samples:
        return samples, ([], [])
    several = samples["threads"] > 1
    sizes = samples.loc[several, "batch_size"].unique()
    rows = samples[(samples["probe"] == "kernel") & samples["batch_size"].isin(sizes)]
    rows = rows[rows["final"]]
    return samples[~several], (rows["threads"].astype(float).tolist(), rows["seconds"].tolist())
