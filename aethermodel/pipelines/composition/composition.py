"""Composition of terms to the time of a batch: sums within a group, the slowest group of all.

Stages of one thread add up. Groups in threads and processes work beside each other, so that a batch
comes out as often as the slowest of them is done with one; workers take batches in turn and divide
their group's time. Below that it does not get: not below what all of them keep cores busy for, over
the cores; nor, in one process, below what holds the interpreter's lock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
#: Of a term.
Kind = Literal["stage", "hand-over", "loop", "assumed"]


class GroupTerms(NamedTuple):
    """What one group does for a batch.

    Attributes
    ----------
    name : str
    place : str
        "same", "thread" or "process".
    workers : int
    terms : tuple of str
        Stages, hand-overs and turns of the event loop.
    """

    name: str
    place: str
    workers: int
    terms: tuple[str, ...]


@dataclass(frozen=True)
class Composed:
    """Time of a batch in a steady stream.

    Attributes
    ----------
    seconds : ndarray
        From batch to batch.
    transit : ndarray
        Of one batch from end to end, where nothing waits.
    groups : dict of str to ndarray
        Seconds a batch of each group, its workers taken into account.
    bound : ndarray of str
        What is the slowest: a group's name, "cores" or "interpreter".
    """

    seconds: Floats
    transit: Floats
    groups: dict[str, Floats]
    bound: npt.NDArray[np.str_]


def compose(
    groups: Sequence[GroupTerms],
    seconds: Mapping[str, Floats],
    busy: Mapping[str, float],
    cores: int,
    gil: npt.ArrayLike = 1.0,
) -> Composed:
    """Compose terms.

    Parameters
    ----------
    groups : sequence of GroupTerms
        In the order that batches go through them.
    seconds : mapping of str to ndarray
        Of each term, all of one shape.
    busy : mapping of str to float
        Share of its time that a term keeps a core busy; above 1 where it uses several.
    cores : int
    gil : array_like
        Share of their time that groups of one process hold each other up: 1 where one runs at a
        time, 0 where all run at once.

    Returns
    -------
    Composed
    """
    sums = {group.name: sum_of([seconds[name] for name in group.terms]) for group in groups}
    each = {group.name: sums[group.name] / group.workers for group in groups}
    limits = dict(each)
    if len(groups) > 1 or any(group.workers > 1 for group in groups):
        work = sum_of([busy[name] * seconds[name] for group in groups for name in group.terms])
        limits["cores"] = work / cores
        threads = [group for group in groups if group.place != "process"]
        if len(threads) > 1 or any(group.workers > 1 for group in threads):
            longest = np.max([each[group.name] for group in threads], axis=0)
            beside = sum_of([sums[group.name] for group in threads]) - longest
            limits["interpreter"] = longest + np.asarray(gil) * beside
    table = np.stack([np.broadcast_to(limit, np.shape(next(iter(each.values())))) for limit in
                      limits.values()])  # fmt: skip
    names = np.array(list(limits))
    # A group's own name, where it is as slow as the bound beside it.
    bound = names[np.argmax(table >= table.max(axis=0) * (1 - 1e-9), axis=0)]
    return Composed(table.max(axis=0), sum_of(list(sums.values())), each, bound)


def sum_of(parts: Sequence[Floats]) -> Floats:
    """Sum arrays; zero of none."""
    return np.asarray(np.sum(parts, axis=0) if parts else 0.0, dtype=np.float64)
