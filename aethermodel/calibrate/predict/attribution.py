"""Attribution of the residual between the pipeline and the sum of its terms."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import nnls
from scipy.stats import t as student

from aethermodel import thresholds
from aethermodel.model.terms import TERM_NAMES
from aethermodel.text.percentages import percent

Floats = npt.NDArray[np.float64]
Group = tuple[tuple[str, ...], Floats]
#: What a producer in a process of its own costs, where it is what the consumer waits for.
PRODUCER = "producer"
# A term whose excess is known no better than by its own whole cost is not told from its neighbour.
_NOT_TOLD = 1.0


@dataclass(frozen=True)
class Share:
    """Excess cost in the pipeline of one term, or of several that cannot be distinguished.

    Attributes
    ----------
    terms : tuple of str
        Several where the batch sizes compared cannot tell them apart: the figures are then those of
        their sum.
    excess : float
        Of its own calibrated cost: 0.1 for 10 % more; negative for less, at least -1.
    low, high : float
        95 % interval over the processes and the calibration; NaN with fewer than two processes.
    seconds : float
        The excess in seconds a batch, mean over the batch sizes.
    found : bool
        Whether the excess is significant, with one error in twenty over all shares together.
    """

    terms: tuple[str, ...]
    excess: float
    low: float
    high: float
    seconds: float
    found: bool

    def __str__(self) -> str:
        names = " + ".join(self.terms)
        if len(self.terms) > 1:
            names += " (cannot be distinguished: their sum)"
        if math.isnan(self.low):
            return f"{names}: {percent(self.excess)}"
        told = "" if self.found else ", not distinguished from zero"
        return (
            f"{names}: {percent(self.excess)} ({percent(self.low)} to {percent(self.high)}{told})"
        )


@dataclass(frozen=True)
class Attribution:
    """The residual by term.

    Attributes
    ----------
    shares : tuple of Share
        The largest in seconds first.
    unexplained : float
        Mean absolute relative residual that no term's shape accounts for.
    rows_left : int
        Batch sizes less shares: at 0 the shares explain everything by construction.
    condition : float
        Condition number of the shapes that were told apart.
    """

    shares: tuple[Share, ...]
    unexplained: float
    rows_left: int
    condition: float

    def figures(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "shares": [
                vars(share) | {"told_apart": len(share.terms) == 1} for share in self.shares
            ],
            "unexplained": self.unexplained,
            "rows_left": self.rows_left,
            "condition": self.condition,
        }


def attribute(
    table: pd.DataFrame, by_process: pd.DataFrame, drawn: Floats | None = None
) -> Attribution:
    """Share the residual out among the terms by their shapes over the batch size.

    Parameters
    ----------
    table : pandas.DataFrame
        As `aethermodel.calibrate.predict.comparison.compare` gives it.
    by_process : pandas.DataFrame
        Measured seconds: a row a batch size of the table, a column a process; nan where it has
        none.
    drawn : ndarray, shape (rows, draws), optional
        T_batch at the table's batch sizes by drawn parameters: what the calibration does not know
        of the terms is then in the intervals. Without it the calibration is taken to be exact.

    Notes
    -----
    Relative least squares of measured on the terms' budgets, process by process, no term below
    nothing: one calibrated term that costs c more in the pipeline leaves a residual of c times its
    budget at every N. The processes are what is independent, so the interval is Student's over
    their results. Terms whose shapes nearly stand in for each other are put together until those
    that are left can be told apart; of what was put together the sum is told.
    """
    groups = _shapes(table)
    measured = by_process.to_numpy(dtype=np.float64)
    while True:
        found = _regressed(groups, table, measured, drawn)
        pair = _alike(found.scaled)
        vague = np.flatnonzero(found.reach > _NOT_TOLD)
        if len(groups) == 1 or not (len(vague) or found.condition > thresholds.HARMFUL_CONDITION):
            break
        if found.condition <= thresholds.HARMFUL_CONDITION:
            pair = _alike(found.scaled, int(vague[np.argmax(found.reach[vague])]))
        groups = _joined(groups, *pair)
    shares = [
        Share(
            terms,
            float(excess),
            float(max(excess - reach, -1.0)),
            float(excess + reach),
            float(excess * column.mean()),
            bool(told < (1 - thresholds.LEVEL) / len(groups)),
        )
        for (terms, column), excess, reach, told in zip(
            groups, found.excess, found.reach, found.chance, strict=True
        )
    ]
    shares.sort(key=lambda share: -abs(share.seconds))
    return Attribution(tuple(shares), found.unexplained, len(table) - len(shares), found.condition)


class _Regressed(NamedTuple):
    """Excess of each group with its half-width and the chance of as much if there were none."""

    excess: Floats
    reach: Floats
    chance: Floats
    unexplained: float
    scaled: Floats
    condition: float


def _regressed(
    groups: list[Group], table: pd.DataFrame, measured: Floats, drawn: Floats | None
) -> _Regressed:
    columns = np.column_stack([column for _, column in groups])
    seen = np.isfinite(measured).sum(axis=0)
    if not np.any(seen >= len(groups)):  # no process saw enough sizes by itself
        measured = np.nanmedian(measured, axis=1, keepdims=True)
        seen = np.array([len(measured)])
    found, left = [], []
    for seconds in measured.T[seen >= len(groups)]:
        scaled, there = columns / seconds[:, None], np.isfinite(seconds)
        norm = np.linalg.norm(scaled[there], axis=0)
        costs = nnls(scaled[there] / norm, np.ones(int(there.sum())))[0] / norm
        found.append(costs - 1)
        left.append(1 - scaled @ costs)
    every = np.array(found)
    excess, processes = every.mean(axis=0), len(every)
    scaled = columns / table["predicted_seconds"].to_numpy(dtype=np.float64)[:, None]
    reach = chance = np.full(len(groups), np.nan)
    if processes > 1:
        error = every.std(axis=0, ddof=1) / np.sqrt(processes)
        if drawn is not None:
            error = np.hypot(error, _calibrated(scaled, table, drawn))
        reach = student.ppf((1 + thresholds.LEVEL) / 2, processes - 1) * error
        with np.errstate(divide="ignore", invalid="ignore"):
            chance = 2 * student.sf(np.abs(excess) / error, processes - 1)
    unexplained = float(np.abs(np.nanmean(left, axis=0)).mean())
    singular = np.linalg.svd(scaled / np.linalg.norm(scaled, axis=0), compute_uv=False)
    condition = float(singular[0] / singular[-1]) if singular[-1] > 0 else float("inf")
    return _Regressed(excess, reach, chance, unexplained, scaled, condition)


def _calibrated(scaled: Floats, table: pd.DataFrame, drawn: Floats) -> Floats:
    """Standard deviation that the calibration's own uncertainty leaves in each excess."""
    predicted = table["predicted_seconds"].to_numpy(dtype=np.float64)[:, None]
    excess = np.linalg.pinv(scaled) @ (drawn / predicted - 1)
    # Of Student's t with few degrees of freedom the deviation is that of its middle.
    low, high = np.quantile(excess, [0.1587, 0.8413], axis=1)
    return np.asarray((high - low) / 2, dtype=np.float64)


def _alike(scaled: Floats, one: int | None = None) -> tuple[int, int]:
    """The two columns of most the same shape; with `one`, that and the one most like it."""
    unit = scaled / np.linalg.norm(scaled, axis=0)
    cosine = unit.T @ unit
    np.fill_diagonal(cosine, -1)
    if one is not None:
        return one, int(np.argmax(cosine[one]))
    first, second = np.unravel_index(int(np.argmax(cosine)), cosine.shape)
    return int(first), int(second)


def _joined(groups: list[Group], one: int, other: int) -> list[Group]:
    """Put two groups together, their terms in the order of the sum."""
    order = [*TERM_NAMES, PRODUCER]
    terms = tuple(sorted(groups[one][0] + groups[other][0], key=order.index))
    both = (terms, groups[one][1] + groups[other][1])
    return [*(group for i, group in enumerate(groups) if i not in (one, other)), both]


def _shapes(table: pd.DataFrame) -> list[Group]:
    """Return the budgets as columns, never more than rows."""
    waits = table["wait_seconds"].to_numpy(dtype=np.float64) > 0
    budgets: dict[str, Floats] = {
        term: np.where(waits, 0.0, table[f"{term}_seconds"].to_numpy(dtype=np.float64))
        for term in TERM_NAMES
    }
    budgets[PRODUCER] = np.where(waits, table["predicted_seconds"].to_numpy(), 0.0)
    groups: list[Group] = [((term,), budget) for term, budget in budgets.items() if budget.any()]
    predicted = table["predicted_seconds"].to_numpy(dtype=np.float64)[:, None]
    while len(groups) > len(table):
        columns = np.column_stack([column for _, column in groups]) / predicted
        groups = _joined(groups, *_alike(columns))
    return groups
