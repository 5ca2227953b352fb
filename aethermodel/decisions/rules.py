"""Decisions by rule: the first condition that holds for an event names its answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from aethermodel.bus.fabrics.protocol import Batch

#: Given events, returns one truth an event.
Condition = Callable[[Batch], npt.NDArray[np.bool_]]


class Rules:
    """Answers each event by the first rule whose condition holds for it.

    Parameters
    ----------
    rules : sequence of (condition, answer)
        In order of precedence; a condition is asked once for all events.
    otherwise : str
        The answer where none holds.

    Examples
    --------
    >>> rules = Rules([(lambda e: e["value"] > 900, "halt")], otherwise="pass")
    """

    def __init__(self, rules: Sequence[tuple[Condition, str]], otherwise: str) -> None:
        self._rules = tuple(rules)
        self._otherwise = otherwise

    def __call__(self, events: Batch) -> list[str]:
        """Return one answer an event; a `Desk`'s fallback.

        Raises
        ------
        ValueError
            If a condition does not say one truth an event.
        """
        answers = np.full(len(events), self._otherwise, dtype=object)
        open_ = np.ones(len(events), dtype=bool)
        for condition, answer in self._rules:
            holds = np.asarray(condition(events), dtype=bool)
            if holds.shape != open_.shape:
                raise ValueError(f"the condition of {answer!r} must say one truth an event")
            answers[open_ & holds] = answer
            open_ &= ~holds
        return list(answers)

    async def decide(self, events: Batch) -> list[str]:
        """Do the same as a `Desk`'s decider."""
        return self(events)
