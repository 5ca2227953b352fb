"""Pipelined processes: the slower of two laws sets the pace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from aethermodel.model.batch import BatchModel
from aethermodel.model.piecewise_law import Law

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pipelined:
    """A consumer and a producer that overlap, in the steady state: T = max of the two.

    What fills the pipeline at its start is paid once a stream, not once a batch.

    Attributes
    ----------
    stages : (Law, Law)
        Of equally many draws.
    """

    stages: tuple[Law, Law]

    def seconds(self, n: npt.ArrayLike) -> Floats:
        """T_batch at batch sizes that broadcast against the draws."""
        one, other = (stage.seconds(n) for stage in self.stages)
        return np.maximum(one, other)

    def rate(self, n: npt.ArrayLike) -> Floats:
        """Events a second at batch sizes that broadcast against the draws."""
        return np.asarray(n, dtype=np.float64) / self.seconds(n)

    def ranked_at(self, n: float) -> Pipelined:
        """Return the stages with their draws paired by rank of the time at a batch size.

        Stages have draws of their own, and any pairing is one of them. The larger of two that are
        nearly equal is by chance larger than either: paired at random its draws would leave out
        the truth too often. Paired by rank its quantiles are the larger of the stages' quantiles,
        as in the interval of a composed prediction. At that size alone: what compares two sizes has
        to leave the draws as they are.
        """
        one, other = self.stages
        ranks = np.argsort(np.argsort(one.seconds(n), kind="stable"), kind="stable")
        order = np.argsort(other.seconds(n), kind="stable")[ranks]
        paired = replace(
            other,
            fixed=other.fixed[:, order],
            per_call=other.per_call[:, order],
            slope=other.slope[:, order],
            above=other.above[:, order],
        )
        return Pipelined((one, paired))


def law_of(model: BatchModel, values: Mapping[str, npt.ArrayLike] | None = None) -> Law | Pipelined:
    """Evaluate a model's coefficients, as `Law.of` does, stage by stage.

    Parameters
    ----------
    model : BatchModel
    values : mapping of str to array_like, shape (draws,), optional
        Parameter values other than the model's own.
    """
    if model.producer is None:
        return Law.of(model, values)
    consumer, producer = (Law.of(stage, values) for stage in model.stages)
    return Pipelined((consumer, producer))
