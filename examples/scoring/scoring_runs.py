"""Runs of the scoring server under load, and which of their requests nobody else held up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from aethermodel import thresholds
from aethermodel.model.queueing.batch_service import serve, serve_by_clock
from aethermodel.model.queueing.catch_up import held_up_in_batches, pace_with_losses
from aethermodel.model.queueing.host_pace import PaceClock

Floats = npt.NDArray[np.float64]


def seconds_of_batch(found: dict[str, Any], batch: int) -> float:
    """Return the seconds between answers that are a batch apart, while nobody else had a core.

    Parameters
    ----------
    found : dict
        What ``scoring_client.py carry`` says.
    batch : int
    """
    at = np.array(found["at"])
    seconds = at[batch:] - at[:-batch]
    if not found["looks"]:
        return float(seconds.mean())
    looks, lost = np.transpose(found["looks"])
    pace = pace_with_losses(looks, np.diff(lost))
    clock = pace.clock(float(looks[-1] - looks[0]))
    running = clock.running(at - looks[0])
    missing = seconds - (running[batch:] - running[:-batch])
    calm = missing <= thresholds.HELD_UP * np.median(seconds)
    least = thresholds.CALM_SHARE_OF_A_RUN * calm.size
    return float(seconds[calm if calm.sum() >= least else slice(None)].mean())


@dataclass(frozen=True)
class Run:
    """Requests of an open loop, and what the law says of the very same.

    Parameters
    ----------
    found : dict
        What ``scoring_client.py poisson`` says.
    table : ndarray, shape (batch,)
        Seconds that batches of 1, 2, ... requests take at the host's pace of this run.
    wait : float
        Longest time that the oldest request waits for its batch to fill, in seconds.
    warm_up : float
        Share of the requests, the first, that do not count.
    """

    found: dict[str, Any]
    table: Floats
    wait: float
    warm_up: float = thresholds.LOAD_WARM_UP

    @cached_property
    def _due(self) -> Floats:
        """Seconds from the first look, or from the first request."""
        due = np.array(self.found["due"])
        return np.asarray(due - (self.found["looks"][0][0] if self.found["looks"] else due[0]))

    @cached_property
    def _clock(self) -> PaceClock | None:
        """Of the host, at full speed but for what others took."""
        if len(self.found["looks"]) < 2:
            return None
        at, lost = np.transpose(self.found["looks"])
        return pace_with_losses(at, np.diff(lost)).clock(float(at[-1] - at[0]))

    @cached_property
    def left_alone(self) -> npt.NDArray[np.bool_]:
        """Which requests nobody else held up; all, where nobody knows."""
        if self._clock is None:
            return np.ones(self._due.size, np.bool_)
        held = held_up_in_batches(self._clock, self._due, self.table, self.wait)
        return np.asarray(held <= thresholds.HELD_UP * self.table[-1])

    @property
    def enough(self) -> bool:
        """Whether so many were left alone that their P99 means something."""
        counted = self._warm(self.left_alone)
        least = thresholds.CALM_SHARE_OF_A_RUN * counted.size
        return bool(counted.sum() >= max(thresholds.LEFT_ALONE_BATCHES, least))

    def _warm(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values[int(self.warm_up * values.size) :]

    def percentiles(self, kind: str, shares: tuple[float, ...] = (0.5, 0.99)) -> Floats:
        """Return percentiles of latency in seconds.

        Parameters
        ----------
        kind : {"measured", "predicted", "measured_all", "predicted_all"}
            Of the requests that nobody held up; or of all, predicted with the pauses that the
            kernel counted in this run.
        shares : tuple of float
        """
        if kind.startswith("measured"):
            taken = np.array(self.found["taken"])
        elif kind == "predicted_all" and self._clock is not None:
            taken = serve_by_clock(self._clock, self._due, self.table, hold_seconds=self.wait)
        else:
            taken = serve(self._due, self.table, hold_seconds=self.wait)
        counted = self._warm(taken)
        if not kind.endswith("_all"):
            counted = counted[self._warm(self.left_alone)]
        return np.quantile(counted, shares)
