"""Checks of this host for RDMA and for measuring: good, warn or bad, each with its reason."""

from __future__ import annotations

from aethermodel.doctor import (
    clock,
    cores,
    distance,
    frequency,
    hypervisor,
    memlock,
    pages,
    pinning,
    rdma,
    software,
)
from aethermodel.doctor.finding import Finding, Level, worst
from aethermodel.doctor.pinned_memory import Registration
from aethermodel.measure.host.system_files import Roots

__all__ = ["Finding", "Level", "Registration", "Roots", "examine", "worst"]


def examine(
    registration: Registration | None = None, roots: Roots | None = None
) -> tuple[Finding, ...]:
    """Look at everything that RDMA and measurements depend on; changes nothing.

    Parameters
    ----------
    registration : Registration, optional
        Memory that is to be registered with an RDMA device.
    roots : Roots, optional
        Where to look; the running system by default.

    Returns
    -------
    tuple of Finding
        By area, in the order in which they are shown.
    """
    where = roots or Roots()
    return (
        *rdma.check(where),
        *memlock.check(where, registration),
        *pages.check(where),
        *frequency.check(where),
        *cores.check(where),
        *distance.check(),
        *pinning.check(where),
        *hypervisor.check(where),
        *clock.check(where),
        *software.check(where),
    )
