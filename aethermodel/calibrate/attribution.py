"""Where the whole costs other than the sum of its parts: the residual by term."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student

from aethermodel.model.terms import TERM_NAMES

Floats = npt.NDArray[np.float64]
#: What a producer in a process of its own costs, where it is what the consumer waits for.
PRODUCER = "producer"
# Two terms whose shapes over N are this much the same (cosine) cannot be told apart.
_ALIKE = 0.9999


@dataclass(frozen=True)
class Share:
    """What one term, or several that cannot be told apart, costs more in the whole than apart.

    Attributes
    ----------
    terms : tuple of str
        Of one shape over the batch sizes compared.
    excess : float
        Of its own calibrated cost: 0.1 for 10 % more; negative for less.
    low, high : float
        95 % interval over the processes; NaN with fewer than two.
    seconds : float
        The excess in seconds a batch, mean over the batch sizes.
    """

    terms: tuple[str, ...]
    excess: float
    low: float
    high: float
    seconds: float

    @property
    def found(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low > 0 or self.high < 0


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
    """

    shares: tuple[Share, ...]
    unexplained: float
    rows_left: int

    def figures(self) -> dict[str, Any]:
        """Return JSON values."""
        return {
            "shares": [vars(share) | {"found": share.found} for share in self.shares],
            "unexplained": self.unexplained,
            "rows_left": self.rows_left,
        }


def attribute(table: pd.DataFrame, by_process: pd.DataFrame) -> Attribution:
    """Share the residual out among the terms by their shapes over the batch size.

    Parameters
    ----------
    table : pandas.DataFrame
        As `aethermodel.calibrate.comparison.compare` gives it.
    by_process : pandas.DataFrame
        Measured seconds: a row a batch size of the table, a column a process; nan where it has
        none.

    Notes
    -----
    Relative least squares of measured less predicted on the terms' budgets, process by process:
    one calibrated term that costs c more in the whole leaves a residual of c times its budget at
    every N. The processes are what is independent, so the interval is Student's over their
    results. Where terms nearly stand in for each other the intervals are wide, and say so.
    """
    names, columns = _shapes(table)
    measured = by_process.to_numpy(dtype=np.float64)
    predicted = table["predicted_seconds"].to_numpy(dtype=np.float64)
    seen = np.isfinite(measured).sum(axis=0)
    if not np.any(seen >= len(names)):  # no process saw enough sizes by itself
        measured = np.nanmedian(measured, axis=1, keepdims=True)
        seen = np.array([len(measured)])
    found, left = [], []
    for seconds in measured.T[seen >= len(names)]:
        scaled, residual = columns / seconds[:, None], 1 - predicted / seconds
        there = np.isfinite(seconds)
        excess = np.linalg.lstsq(scaled[there], residual[there], rcond=None)[0]
        found.append(excess)
        left.append(residual - scaled @ excess)
    every = np.array(found)
    middle, processes = every.mean(axis=0), len(every)
    reach = np.full(len(names), np.nan)
    if processes > 1:
        error = every.std(axis=0, ddof=1) / np.sqrt(processes)
        reach = student.ppf(0.975, processes - 1) * error
    shares = [
        Share(terms, float(c), float(c - r), float(c + r), float(c * column.mean()))
        for terms, c, r, column in zip(names, middle, reach, columns.T, strict=True)
    ]
    shares.sort(key=lambda share: -abs(share.seconds))
    unexplained = float(np.abs(np.nanmean(left, axis=0)).mean())
    return Attribution(tuple(shares), unexplained, len(table) - len(shares))


def _shapes(table: pd.DataFrame) -> tuple[list[tuple[str, ...]], Floats]:
    """Return the budgets as columns, those of one shape added up, never more than rows."""
    waits = table["wait_seconds"].to_numpy(dtype=np.float64) > 0
    budgets: dict[tuple[str, ...], Floats] = {
        (term,): np.where(waits, 0.0, table[f"{term}_seconds"].to_numpy(dtype=np.float64))
        for term in TERM_NAMES
    }
    budgets[(PRODUCER,)] = np.where(waits, table["predicted_seconds"].to_numpy(), 0.0)
    predicted = table["predicted_seconds"].to_numpy(dtype=np.float64)
    groups: list[tuple[tuple[str, ...], Floats]] = []
    for terms, budget in budgets.items():
        if not budget.any():
            continue
        place = next(
            (
                i
                for i, (_, other) in enumerate(groups)
                if _alike(budget / predicted, other / predicted) > _ALIKE
            ),
            None,
        )
        if place is None:
            groups.append((terms, budget))
        else:
            before, other = groups[place]
            groups[place] = (before + terms, other + budget)
    while len(groups) > len(table):
        # Too few batch sizes to tell all apart: what costs least joins its neighbour.
        groups.sort(key=lambda group: -group[1].sum())
        (last, least), (before, other) = groups.pop(), groups.pop()
        groups.append((before + last, other + least))
    return [terms for terms, _ in groups], np.column_stack([column for _, column in groups])


def _alike(one: Floats, other: Floats) -> float:
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))
