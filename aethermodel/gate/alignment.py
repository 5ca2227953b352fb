"""Alignment: all runs in the terms of one law, so that a parameter is the same thing in each.

Of two runs of one program one may be fitted by an affine law and the other by one with a knee, and
their costs an event are then different things. The terms that most runs of the base have are fitted
to the data of every run.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from aethermodel.gate.limits import Quantity
from aethermodel.gate.runs import Estimate, LawRun, Run
from aethermodel.inputs.refusals import InputError

if TYPE_CHECKING:
    from aethermodel.laws.families.structures import Terms

Floats = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class AlignedRun:
    """A run in the terms of another one's law.

    Parameters
    ----------
    run : LawRun
    terms : tuple of Term
    units : dict of str to str
        Of the costs ``c0``, ``c1``, ..., one a term.
    """

    run: LawRun
    terms: Terms
    units: dict[str, str]

    @property
    def label(self) -> str:
        """File or commit."""
        return self.run.label

    @property
    def sizes(self) -> Floats:
        """Measured sizes."""
        return self.run.sizes

    def estimate(self, quantity: Quantity) -> Estimate:
        """Return a cost by the shared terms; a time by the run's own law."""
        if not quantity.parameter:
            return self.run.estimate(quantity)
        if quantity.parameter not in self.units:
            raise InputError(
                f"{self.label}: no parameter {quantity.parameter!r} that all runs share; there are "
                f"{', '.join(self.units)}"
            )
        value, deviation = self._costs()
        at = int(quantity.parameter[1:])
        if not value[at] > 0:
            raise InputError(
                f"{self.label}: {quantity.parameter} is 0: a relative change of nothing is none"
            )
        return Estimate(math.log(value[at]), float((deviation[at] / value[at]) ** 2))

    def unit(self, quantity: Quantity) -> str:
        """Seconds, or the cost's own unit."""
        return self.units.get(quantity.parameter, "s")

    def _costs(self) -> tuple[Floats, Floats]:
        """Costs and their standard deviations, by non-negative least squares of relative errors."""
        from scipy.optimize import nnls

        from aethermodel.laws.families.terms import design

        law = self.run.law
        kept = (law.means > 0) & (law.sizes > 0)
        columns = design(self.terms, law.sizes[kept]) / law.means[kept][:, None]
        norm = np.linalg.norm(columns, axis=0)
        norm[norm == 0] = 1.0
        found, rest = nnls(columns / norm, np.ones(kept.sum()))
        free = max(int(kept.sum()) - len(self.terms), 1)
        inverse = np.linalg.pinv(columns.T @ columns)
        spread = np.sqrt(np.maximum(np.diag(inverse), 0.0) * rest**2 / free)
        return found / norm, spread


def aligned(base: Sequence[Run], head: Sequence[Run]) -> tuple[list[Run], list[Run]]:
    """Return both sides in the terms that most runs of the base have.

    Runs of calibrations, and of laws that all have the same terms, stay as they are.

    Raises
    ------
    InputError
        If one side is of calibrations and the other of laws.
    """
    laws = [run for run in (*base, *head) if isinstance(run, LawRun)]
    if not laws:
        return list(base), list(head)
    if len(laws) < len(base) + len(head):
        raise InputError("a parameter of a calibration is none of a law: limit a time instead")
    if len({run.law.terms for run in laws}) == 1:
        return list(base), list(head)
    kinds = Counter(_kind(run) for run in laws[: len(base)])
    most = max(kinds.values())
    wanted = min((kind for kind, count in kinds.items() if count == most), key=len)
    law = next(run.law for run in reversed(laws[: len(base)]) if _kind(run) == wanted)
    units = {p.name: p.unit for p in law.parameters if p.name[:1] == "c"}
    first, second = ([AlignedRun(run, law.terms, units) for run in side if isinstance(run, LawRun)]
                     for side in (base, head))  # fmt: skip
    return list(first), list(second)


def _kind(run: LawRun) -> tuple[str, ...]:
    return tuple(term.kind for term in run.law.terms)
