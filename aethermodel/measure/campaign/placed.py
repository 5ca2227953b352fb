"""Places of a calibration: one for each distance that two cores of a host have."""

from __future__ import annotations

from dataclasses import dataclass, replace

from aethermodel.calibrate.calibration.calibration import Calibration
from aethermodel.measure.host.topology import Core, Distance, pairs

#: What asks for a calibration at each distance.
EACH = "each"

_WORDS: dict[Distance, str] = {
    "thread": "two threads of one core",
    "cache": "two cores behind one last-level cache",
    "node": "two cores of one NUMA node without a common cache",
    "remote": "two cores of different NUMA nodes",
}


@dataclass(frozen=True)
class Place:
    """Where loop and producer run.

    Attributes
    ----------
    pin : str or None
        ``LOOP:PRODUCER``; None is the scheduler's choice.
    distance : str or None
        Of the two cores; None where it was not asked for.
    """

    pin: str | None = None
    distance: Distance | None = None

    def noted(self, calibration: Calibration) -> Calibration:
        """Return a calibration that says where it was taken."""
        if self.pin is None:
            return calibration
        words = f": {_WORDS[self.distance]}" if self.distance else ""
        placed = f"taken with loop and producer on cores {self.pin}{words}"
        return replace(calibration, warnings=(*calibration.warnings, placed))


def each_distance(cores: dict[int, Core]) -> list[Place]:
    """Return a place for each distance that two of the cores have, the nearest first.

    Parameters
    ----------
    cores : dict of int to Core
        As `aethermodel.measure.host.topology.topology` reads them.
    """
    return [
        Place(f"{loop.number}:{producer.number}", distance)
        for distance, (loop, producer) in pairs(cores.values()).items()
    ]
