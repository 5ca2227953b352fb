"""Scenarios: the time of a batch if terms took less, composition taken into account."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from aethermodel import thresholds
from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.pipelines.calibration import PipelineCalibration


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


def scaled(calibration: PipelineCalibration, factors: Mapping[str, float]) -> PipelineCalibration:
    """Return a calibration whose terms take so many times what they take.

    Raises
    ------
    InputError
        On a term that there is none of, or a factor that is not above 0.
    """
    known = {name.replace("-", "_"): name for name in calibration.terms}
    terms = dict(calibration.terms)
    for key, factor in factors.items():
        name = known.get(key.replace("-", "_"))
        if name is None:
            names = ", ".join(calibration.terms)
            raise InputError(f"no term {quoted(key)}; there are {names}")
        if not 0 < factor < np.inf:
            raise InputError(f"{name}: a factor is a finite number above 0, not {factor!r}")
        terms[name] = replace(terms[name], factor=terms[name].factor * factor)
    return replace(calibration, terms=terms)


def halved(calibration: PipelineCalibration, n: float) -> list[Gain]:
    """Return what halving each term buys at a batch size, the most first.

    A term of a group that waits for a slower one buys nothing, however dear it is.
    """
    at = np.array([float(n)])
    before, drawn = calibration.composed(at).seconds[0], calibration.draws(at)[:, 0]
    tails = [(1 - thresholds.LEVEL) / 2, (1 + thresholds.LEVEL) / 2]
    found = []
    for name, term in calibration.terms.items():
        changed = scaled(calibration, {name: 0.5})
        gain = float(before / changed.composed(at).seconds[0] - 1)
        low, high = np.quantile(drawn / changed.draws(at)[:, 0] - 1, tails)
        ends = min(float(low), gain), max(float(high), gain)
        found.append(Gain(name, gain, *ends, term.kind == "assumed"))
    return sorted(found, key=lambda one: -one.gain)
