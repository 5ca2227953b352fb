"""Composition of terms to a batch time: in sequence, or in parallel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from aethermodel.calibrate.term_fit.fit_term import Kind, TermFit
from aethermodel.calibrate.term_fit.process_correlation import half_of_sum
from aethermodel.calibrate.term_fit.process_effects import ALIKE, Between

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]
Name = Literal["serial", "pipelined"]


@dataclass(frozen=True)
class Prediction:
    """T_batch at several batch sizes; arrays in seconds, all of the shape of `n`.

    Attributes
    ----------
    n, seconds, low, high : numpy.ndarray
        Batch sizes, mean, and the interval of the mean or of a new observation.
    budget : dict of str to numpy.ndarray
        Mean by term, and ``wait`` where a producer in another process is waited for; they add up
        to `seconds`.
    """

    n: Floats
    seconds: Floats
    low: Floats
    high: Floats
    budget: dict[str, Floats]


class Part(NamedTuple):
    """One term's share of T_batch, in seconds, one figure a batch size.

    Attributes
    ----------
    mean, low, high : ndarray
        With the interval that the term's own samples leave it.
    shared : tuple of (Between, ndarray)
        What the processes of each of its laws differ by, and the half-width that this leaves.
    """

    mean: Floats
    low: Floats
    high: Floats
    shared: tuple[tuple[Between, Floats], ...]


def part_of(fit: TermFit, at: Floats, level: float, kind: Kind) -> Part:
    """Evaluate a term's fit at batch sizes, or at numbers of handler calls for the loop."""
    mean, low, high = replace(fit, between=ALIKE).predict(at, level, kind)
    shared = fit.between.half(mean, level, fresh=kind == "observation")
    return Part(mean, low, high, ((fit.between, shared),))


def together(one: Part, other: Part) -> Part:
    """Add two parts of one term, each with samples of its own."""
    mean = one.mean + other.mean
    below = np.hypot(one.mean - one.low, other.mean - other.low)
    above = np.hypot(one.high - one.mean, other.high - other.mean)
    return Part(mean, mean - below, mean + above, (*one.shared, *other.shared))


def add_up(n: Floats, parts: Mapping[str, Part]) -> Prediction:
    """Add terms of one process.

    Each term has samples of its own, so that their intervals add in quadrature. What a process is
    slower or faster by adds up as far as it was in several terms at once.
    """
    seconds = np.sum([part.mean for part in parts.values()], axis=0)
    shared = half_of_sum([law for part in parts.values() for law in part.shared])
    below = np.sqrt(shared**2 + sum((part.mean - part.low) ** 2 for part in parts.values()))
    above = np.sqrt(shared**2 + sum((part.high - part.mean) ** 2 for part in parts.values()))
    budget = {term: part.mean for term, part in parts.items()}
    return Prediction(n, seconds, np.maximum(seconds - below, 0), seconds + above, budget)


@dataclass(frozen=True)
class Composed:
    """The terms put together; arrays in seconds, one figure a batch size.

    Attributes
    ----------
    name : {"serial", "pipelined"}
        Which composition the physics asks for.
    seconds, low, high : ndarray
        By that one, with its interval.
    serial, pipelined : ndarray
        By either: the sum of all stages, and the slowest of them.
    """

    name: Name
    seconds: Floats
    low: Floats
    high: Floats
    serial: Floats
    pipelined: Floats


def compose(prediction: Prediction, producer: Prediction | None = None) -> Composed:
    """Put the terms together as the processes run.

    Parameters
    ----------
    prediction : Prediction
        Of the consumer, or of the one process there is.
    producer : Prediction, optional
        Of a producer in a process of its own, at the same batch sizes.

    Returns
    -------
    Composed
        One process: nothing overlaps, T = sum. The other composition shown is that in which
        the kernel, which holds no lock, would run beside the interpreter. Two processes: in the
        steady state T = max(producer, consumer); what fills the pipeline at its start is paid
        once a stream and not once a batch.
    """
    consumer = prediction.seconds
    if producer is None:
        kernel = prediction.budget["kernel"]
        beside = np.maximum(kernel, consumer - kernel)
        return Composed("serial", consumer, prediction.low, prediction.high, consumer, beside)
    slower = np.maximum(consumer, producer.seconds)
    return Composed(
        "pipelined",
        slower,
        # The maximum is monotonic in both stages, so its interval is that of the bounds.
        np.maximum(prediction.low, producer.low),
        np.maximum(prediction.high, producer.high),
        consumer + producer.seconds,
        slower,
    )


def side_by_side(prediction: Prediction, producer: Prediction | None) -> Prediction:
    """Return T_batch of a consumer beside its producer, with the time that it waits for it."""
    if producer is None:
        return prediction
    whole = compose(prediction, producer)
    budget = prediction.budget | {"wait": whole.seconds - prediction.seconds}
    return Prediction(prediction.n, whole.seconds, whole.low, whole.high, budget)


def composition_errors(table: pd.DataFrame) -> pd.DataFrame:
    """Judge both compositions at the batch sizes that no fit has seen.

    Parameters
    ----------
    table : pandas.DataFrame
        As `aethermodel.calibrate.predict.comparison.compare` gives it.

    Returns
    -------
    pandas.DataFrame
        ``composition``, ``mean_error``, ``worst_error`` (absolute, relative) and ``predicted``
        (whether it is the one that the prediction uses). The physics chose, not these errors:
        where the other composition is nearer, the model lacks something.
    """
    import pandas as pd

    held_out = table[table["held_out"]]
    rows = []
    for name in ("serial", "pipelined"):
        error = (held_out[f"{name}_seconds"] / held_out["measured_seconds"] - 1).abs()
        rows.append(
            {
                "composition": name,
                "mean_error": float(error.mean()),
                "worst_error": float(error.max()),
                "predicted": bool((held_out["composition"] == name).all()),
            }
        )
    return pd.DataFrame(rows)
