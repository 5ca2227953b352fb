"""Process spread: by how much the processes of a trial differ, and which stage makes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from aethermodel import thresholds
from aethermodel.calibrate.predict.in_place import figures_of
from aethermodel.text.percentages import percentage
from aethermodel.text.times import duration

if TYPE_CHECKING:
    import pandas as pd

# Of two processes nobody can say which is the odd one.
_FEWEST_PROCESSES = 3


@dataclass(frozen=True)
class ProcessSpread:
    """What the fastest and the slowest process took, at the size where they differ most.

    Attributes
    ----------
    n : int
    fastest, slowest : float
        Seconds of a batch.
    term : str
        That differs most between the two.
    term_fastest, term_slowest : float
        Its seconds in each.
    """

    n: int
    fastest: float
    slowest: float
    term: str
    term_fastest: float
    term_slowest: float

    def __str__(self) -> str:
        more, of_term = self.slowest - self.fastest, self.term_slowest - self.term_fastest
        return (
            f"Its processes differ: at N = {self.n:,} the slowest takes "
            f"{self.slowest / self.fastest:.2f} times what the fastest does, and {self.term} has "
            f"{percentage(min(of_term / more, 1.0), 0)} of that "
            f"({duration(self.term_fastest)} and {duration(self.term_slowest)})."
        )

    def figures(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def process_spread(samples: pd.DataFrame, terms: Sequence[str]) -> ProcessSpread | None:
    """Return how the processes of a trial differ; None where it is less than a prediction may.

    Parameters
    ----------
    samples : pandas.DataFrame
        Of a trial: those in place are looked at that were not disturbed.
    terms : sequence of str
        That may be timed in place.
    """
    import pandas as pd

    calm = samples["final"] & ~samples["noisy"].astype(bool)
    timed = samples[(samples["term"] == "timed") & calm]
    if timed.empty:
        return None
    seen = pd.DataFrame(list(figures_of(timed)), index=timed.index)
    named = [name for name in terms if name in seen]
    columns = timed[["batch_size", "process", "seconds"]].join(seen[named])
    medians = columns.groupby(["batch_size", "process"]).median()
    found: ProcessSpread | None = None
    for n, own in medians.groupby("batch_size"):
        if len(own) < _FEWEST_PROCESSES or not named:
            continue
        fast, slow = own.loc[own["seconds"].idxmin()], own.loc[own["seconds"].idxmax()]
        times = float(slow["seconds"] / fast["seconds"])
        before = found.slowest / found.fastest if found else 1 + thresholds.WORST_ERROR
        if times <= before:
            continue
        term = str((slow[named] - fast[named]).astype(float).idxmax())
        ends = float(fast["seconds"]), float(slow["seconds"])
        found = ProcessSpread(int(n), *ends, term, float(fast[term]), float(slow[term]))
    return found
