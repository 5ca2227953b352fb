"""From terms to the whole: one after the other, or side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from aethermodel.calibrate.calibration import Prediction
from aethermodel.calibrate.fits import TermFit

Floats = npt.NDArray[np.float64]
Name = Literal["serial", "pipelined"]


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


def compose(prediction: Prediction, producer: TermFit | None = None) -> Composed:
    """Put the terms together as the processes run.

    Parameters
    ----------
    prediction : Prediction
        Of the consumer, or of the one process there is.
    producer : TermFit, optional
        Of a producer in a process of its own.

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
        side_by_side = np.maximum(kernel, consumer - kernel)
        return Composed("serial", consumer, prediction.low, prediction.high, consumer, side_by_side)
    mean, low, high = producer.predict(prediction.n)
    return Composed(
        "pipelined",
        np.maximum(consumer, mean),
        # The maximum is monotonic in both stages, so its interval is that of the bounds.
        np.maximum(prediction.low, low),
        np.maximum(prediction.high, high),
        consumer + mean,
        np.maximum(consumer, mean),
    )


def composition_errors(table: pd.DataFrame) -> pd.DataFrame:
    """Judge both compositions at the batch sizes that no fit has seen.

    Parameters
    ----------
    table : pandas.DataFrame
        As `aethermodel.calibrate.comparison.compare` gives it.

    Returns
    -------
    pandas.DataFrame
        ``composition``, ``mean_error``, ``worst_error`` (absolute, relative) and ``predicted``
        (whether it is the one that the prediction uses). The physics chose, not these errors:
        where the other composition is nearer, the model lacks something.
    """
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
