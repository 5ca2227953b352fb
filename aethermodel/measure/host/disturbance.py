"""Disturbance of a run: each cause that marks it, by kernel counters and by the cores' speed."""

from __future__ import annotations

from typing import NamedTuple, Self

from aethermodel.measure.host.contention import CoreCheck
from aethermodel.measure.host.steal_and_switches import Noise

#: Names of the marks of a run.
MARKS = ("switched", "stolen", "shared", "apart", "disturbed")


class Disturbance(NamedTuple):
    """What disturbed a run.

    Attributes
    ----------
    switched : bool
        The kernel took a core away.
    stolen : bool
        The hypervisor did.
    shared : bool
        A core was slower than at best: somebody else used it too.
    apart : bool
        The way between the cores was longer than at best: they had been moved apart.
    """

    switched: bool
    stolen: bool
    shared: bool
    apart: bool

    @classmethod
    def of(
        cls, noise: Noise, cores: CoreCheck, best: CoreCheck, *, switched: bool | None = None
    ) -> Self:
        """Tell what disturbed a run.

        Parameters
        ----------
        noise : Noise
            Of the run.
        cores : CoreCheck
            The worse of before and after it.
        best : CoreCheck
            Of all runs.
        switched : bool, optional
            Whether its switches count, where not every switch does.
        """
        return cls(
            noise.switches > 0 if switched is None else switched,
            noise.stolen_seconds > 0,
            cores.shared(best),
            cores.apart(best),
        )

    def marks(self) -> dict[str, float]:
        """Return each cause as 0 or 1, and ``disturbed``; the cores only where nothing else did."""
        counted = self.switched or self.stolen
        return {
            "switched": float(self.switched),
            "stolen": float(self.stolen),
            "shared": float(self.shared and not (counted or self.apart)),
            "apart": float(self.apart and not counted),
            "disturbed": float(any(self)),
        }
