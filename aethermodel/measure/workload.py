"""Synthetic batches, the same for every probe and for the pipeline."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from cython_core import allocate


def make_batch(n: int, topics: int, seed: int) -> npt.NDArray[Any]:
    """Make one batch with uniformly random topics.

    Parameters
    ----------
    n : int
        Events.
    topics : int
        Number of topics; each event draws one uniformly.
    seed : int
        Of the generator: equal seeds give equal batches.

    Returns
    -------
    numpy.ndarray
        Shape ``(n,)``, dtype `cython_core.EVENT_DTYPE`; ``sequence`` counts from 0 and
        ``value`` holds small whole numbers, whose sums are exact in any order.
    """
    generator = np.random.default_rng(seed)
    batch = allocate(n)
    batch["sequence"] = np.arange(n, dtype=np.uint64)
    batch["topic"] = generator.integers(0, topics, n, dtype=np.uint32)
    batch["value"] = generator.integers(-1000, 1000, n)
    return batch


def make_pool(n: int, topics: int, pool: int, seed: int = 0) -> list[npt.NDArray[Any]]:
    """Make `pool` different batches; in use, they are the working set ``pool * n * 64`` bytes."""
    return [make_batch(n, topics, seed + i) for i in range(pool)]
