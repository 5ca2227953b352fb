"""Peer-routing probe: another library on the same batch."""

from __future__ import annotations

from collections.abc import Callable
from itertools import repeat
from time import perf_counter

import numpy as np
from pydantic import field_validator

from aethermodel.measure.harness.batch_pool import make_batch
from aethermodel.measure.peers.routing import ROUTING
from aethermodel.measure.probes.settings import RecordSettings, setting
from cython_core import route


class Settings(RecordSettings):
    """Whose routing, on which batch (hot: one batch, again and again)."""

    peer: str = setting(..., f"whose routing: {' | '.join(ROUTING)}")

    @field_validator("peer")
    @classmethod
    def _known(cls, peer: str) -> str:
        if peer not in ROUTING:
            raise ValueError(f"no routing peer {peer!r}; there are {', '.join(ROUTING)}")
        return peer


class WrongResultError(RuntimeError):
    """A peer's counts or totals differ from the router's: its time would mean nothing."""


def prepare(settings: Settings) -> Callable[[int], float]:
    """Make the peer's own layout, check its result once, and time it from Python."""
    batch = make_batch(settings.batch_size, settings.topics, 0, settings.record_bytes)
    run, summary = ROUTING[settings.peer](batch, settings.topics)
    count, total = summary(run())
    truth = route(batch, settings.topics)
    if not (np.array_equal(count, truth.count) and np.allclose(total, truth.total)):
        raise WrongResultError(f"{settings.peer} routes to other counts or totals")

    def timed(loops: int) -> float:
        start = perf_counter()
        for _ in repeat(None, loops):
            run()
        return perf_counter() - start

    return timed
