"""Campaign of loads: what is put on the pipeline, how it arrives, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ConfigDict, Field

from aethermodel import thresholds
from aethermodel.bench.latency.load import LoadSettings
from aethermodel.bench.latency.offered_loads import Kinds, Loads
from aethermodel.inputs.unset_values import UnsetIsDefault

if TYPE_CHECKING:
    from aethermodel.calibrate.calibration.calibration import Calibration


class LatencyCampaign(UnsetIsDefault):
    """Loads to put on the pipeline.

    Attributes
    ----------
    loads : tuple of float
        Shares of what the very process carries, above 0 and below 1: where its events happen to
        lie in the caches makes one faster than another.
    arrivals : tuple of {"poisson", "periodic", "bursty"}
        How batches arrive. Bursts: Poisson at twice the rate half of the time.
    group, largest : int
        Events of an arriving batch, and arrived batches that one tick takes at most.
    processes : int
        Fresh processes, each with every load in random order.
    batches : int
        Arriving batches of one run.
    retries : int
        How often a run that was disturbed is run again; the least disturbed one counts.
    seed : int
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    loads: Loads = Field((0.2, 0.5, 0.8), min_length=1)
    arrivals: Kinds = Field(("poisson", "periodic", "bursty"), min_length=1)
    group: int = Field(256, ge=1, le=2**20)
    largest: int = Field(32, ge=1, le=256)
    processes: int = Field(15, ge=1, le=100)
    batches: int = Field(40_000, ge=1000, le=10**7)
    retries: int = Field(thresholds.LOAD_RETRIES, ge=0, le=100)
    seed: int = 0

    def settings(self, calibration: Calibration) -> LoadSettings:
        """Return the pipeline under the conditions of a calibration."""
        return LoadSettings.under(calibration.conditions, self.group, self.largest)
