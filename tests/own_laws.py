"""Laws and measurements of known form, for tests."""

import numpy as np

from aethermodel.laws.fit import fit
from aethermodel.readers.measurements import Measurements, Series

SIZES = np.array([1, 4, 16, 64, 256, 1024, 4096, 16384], dtype=float)
FIXED, EACH = 200e-6, 3e-6


def measured(seconds, *, sizes=SIZES, repeats=5, noise=0.01, seed=0, unit="", name="n"):
    """Samples of a law given as a callable, with relative noise."""
    n = np.repeat(sizes, repeats)
    times = seconds(n) * np.exp(np.random.default_rng(seed).normal(0, noise, n.size))
    return Measurements("known", "test", name, unit, "per batch", (Series({}, n, times),))


def affine(fixed=FIXED, each=EACH, **options):
    """The fitted law of a fixed cost and one an event."""
    return fit(measured(lambda n: fixed + each * n, **options)).only()


def write_csv(path, seconds, **options):
    """Samples as a file that anybody could have."""
    (series,) = measured(seconds, **options).series
    rows = [f"{n:.0f},{t!r}" for n, t in zip(series.sizes, series.seconds.tolist(), strict=True)]
    path.write_text("n,seconds\n" + "\n".join(rows) + "\n")
    return path
