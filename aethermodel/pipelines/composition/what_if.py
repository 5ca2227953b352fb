"""Scenarios: the time of a batch if terms took less, composition taken into account."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from aethermodel import thresholds
from aethermodel.inputs.refusals import InputError
from aethermodel.pipelines.composition.composed_laws import ComposedLaws


@dataclass(frozen=True)
class Gain:
    """What a change of one term buys at a batch size.

    Attributes
    ----------
    term : str
    gain, low, high : float
        Relative gain in rate, with its interval: 0.1 for 10 % more records a second.
    assumed : bool
        Whether the term is.
    """

    term: str
    gain: float
    low: float
    high: float
    assumed: bool


def factors_of(changes: Iterable[str]) -> dict[str, float]:
    """Return how many times its time each term takes, from ``score=x0.5``.

    Raises
    ------
    InputError
        On anything else.
    """
    factors = {}
    for text in changes:
        name, _, factor = text.partition("=")
        try:
            if not factor.startswith("x"):
                raise ValueError
            factors[name.strip()] = float(factor[1:])
        except ValueError:
            raise InputError(
                f"{text}: of a pipeline of your own a term and a factor, such as score=x0.5"
            ) from None
    return factors


def halved(calibration: ComposedLaws, n: float) -> list[Gain]:
    """Return what halving each term buys at a batch size, the most first.

    A term of a group that waits for a slower one buys nothing, however dear it is.
    """
    at = np.array([float(n)])
    before, drawn = calibration.composed(at).seconds[0], calibration.draws(at)[:, 0]
    tails = [(1 - thresholds.LEVEL) / 2, (1 + thresholds.LEVEL) / 2]
    found = []
    for name, term in calibration.terms.items():
        changed = calibration.faster(**{name: 0.5})
        gain = float(before / changed.composed(at).seconds[0] - 1)
        low, high = np.quantile(drawn / changed.draws(at)[:, 0] - 1, tails)
        ends = min(float(low), gain), max(float(high), gain)
        found.append(Gain(name, gain, *ends, term.kind == "assumed"))
    return sorted(found, key=lambda one: -one.gain)
