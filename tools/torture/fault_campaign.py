"""Campaign: one kind of torture, as trials that a seed and a number draw."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from aethermodel.fabrics import FabricLabel
from tools.torture.findings import Trial
from tools.torture.journal import Journal

TrialBody = Callable[[random.Random, Journal], None]


@dataclass(frozen=True)
class Campaign:
    """One kind of torture.

    Attributes
    ----------
    name : str
    about : str
        One line for the documents.
    unit : str
        What is counted towards the goal: ``kills``, ``inputs``, ``streams`` and so on.
    share : float
        Of the processors' time, relative to the other campaigns' shares.
    prepare : callable
        Called once in the process that runs the trials, which imports what it needs there; returns
        the body of a trial.
    limit : float
        Seconds after which a trial counts as hung.
    short : int
        Trials in the short form.
    fabric : str or None
        Label of what the streams went over.
    blocked : callable
        Returns why it cannot run here, or None.
    warm_up : float
        How many times longer its slices are, where what it imports takes seconds.
    again : callable or None
        Given the label and the bytes of a saved input, returns the body of a trial that reads it.
    """

    name: str
    about: str
    unit: str
    share: float
    prepare: Callable[[], TrialBody]
    short: int
    fabric: FabricLabel | None = None
    limit: float = 300.0
    blocked: Callable[[], str | None] = lambda: None
    warm_up: float = 1.0
    again: Callable[[str, bytes], TrialBody] | None = None


def draw(trial: Trial) -> random.Random:
    """Return the random numbers of a trial: the same for the same name."""
    return random.Random(str(trial))
