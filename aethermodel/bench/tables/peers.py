"""Peers: what else predicts a time from a table, without intervals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aethermodel.bench.tables.published import Table
from aethermodel.calibrate.benchmark.extrap import ask_extrap

Floats = NDArray[np.float64]

# Two sizes nearer than this give a slope of their noise.
_APART = 1.5
_MOST_DEGREE = 4


def medians(table: Table) -> tuple[Floats, Floats]:
    """Distinct sizes above 0 and the median time of each."""
    sizes = table.sizes[table.sizes > 0]
    return sizes, np.array([np.median(table.figure(size)) for size in sizes])


def lines(table: Table, at: Floats) -> Floats:
    """Straight lines in log-log between the sizes, the last one drawn on."""
    sizes, seconds = medians(table)
    octave, logs = np.log(sizes), np.log(seconds)
    asked = np.log(np.maximum(at, sizes[0]))
    joined = np.interp(asked, octave, logs)
    before = np.flatnonzero(octave <= octave[-1] - np.log(_APART))
    if before.size:
        last = before[-1]
        slope = (logs[-1] - logs[last]) / (octave[-1] - octave[last])
        joined += slope * np.maximum(asked - octave[-1], 0)
    return np.asarray(np.exp(joined))


def polynomial(table: Table, at: Floats) -> Floats:
    """Least-squares polynomial, its degree by Schwarz's criterion (doi 10.1214/aos/1176344136)."""
    n, seconds = table.n / table.n.max(), table.seconds / table.seconds.max()
    best, chosen = np.inf, np.array([float(np.mean(seconds))])
    for degree in range(min(_MOST_DEGREE, table.sizes.size - 2) + 1):
        coefficients = np.polyfit(n, seconds, degree)
        rest = float(np.sum((np.polyval(coefficients, n) - seconds) ** 2))
        score = n.size * np.log(max(rest, 1e-300) / n.size) + (degree + 1) * np.log(n.size)
        if score < best:
            best, chosen = score, coefficients
    return np.asarray(np.polyval(chosen, at / table.n.max()) * table.seconds.max())


def extrap(table: Table, at: Floats, interpreter: Path) -> Floats:
    """What Extra-P's default modeler says; nan where it has no answer.

    Raises
    ------
    ValueError
        If the interpreter cannot run it.
    """
    sizes = table.sizes[table.sizes > 0]
    asked = {
        "n": sizes.tolist(),
        "seconds": [[table.figure(size).tolist() for size in sizes]],
        "at": np.maximum(at, sizes[0]).tolist(),
        "modeler": "Default",
    }
    return np.array(ask_extrap(interpreter, asked)["seconds"][0], dtype=np.float64)
