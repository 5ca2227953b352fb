"""Registry of fabrics: name, provenance label, how its two sides meet, and the ring between."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeGuard, get_args

#: What moved the batches of a figure: every one says which.
FabricLabel = Literal[
    "loopback", "shared-memory", "kernel-tcp", "soft-roce", "rdma-nic", "simulated"
]
#: What an RDMA device may be.
DeviceLabel = Literal["soft-roce", "rdma-nic"]
#: The fabrics, each in the order of its cost.
Fabric = Literal["loopback", "shm", "tcp", "verbs"]
#: Those whose producer is another process.
CrossingFabric = Literal["shm", "tcp", "verbs"]
#: Those that any host has.
HostFabric = Literal["loopback", "shm", "tcp"]
#: Batches that a ring has room for, unless they are large, and bytes of the largest such ring:
#: a share of the last cache that neighbours on a rented host leave.
RING_BATCHES, RING_BYTES = 8, 2**22


@dataclass(frozen=True)
class FabricKind:
    """What there is to know of a fabric before it is opened.

    Attributes
    ----------
    name : {"loopback", "shm", "tcp", "verbs"}
    label : str or None
        Of its figures; None where it is the device's, `DeviceLabel`.
    crosses : bool
        Whether events come from another process.
    opening : {"object", "handle", "port"}
        How the two sides meet: they hold one object, one inherits the other's handle, or one
        dials a port of the other.
    """

    name: Fabric
    label: FabricLabel | None
    crosses: bool
    opening: Literal["object", "handle", "port"]

    @property
    def needs_device(self) -> bool:
        """Whether not every host has it."""
        return self.label is None


FABRICS: dict[Fabric, FabricKind] = {
    kind.name: kind
    for kind in (
        FabricKind("loopback", "loopback", crosses=False, opening="object"),
        FabricKind("shm", "shared-memory", crosses=True, opening="handle"),
        FabricKind("tcp", "kernel-tcp", crosses=True, opening="port"),
        FabricKind("verbs", None, crosses=True, opening="port"),
    )
}
#: Names of the crossing fabrics, for choices.
CROSSING: tuple[CrossingFabric, ...] = get_args(CrossingFabric)
#: Label of every fabric that has one of its own.
LABEL_OF = {kind.name: kind.label for kind in FABRICS.values() if kind.label}


def fabric_of(label: FabricLabel) -> Fabric:
    """Return the fabric whose figures carry a label.

    Raises
    ------
    ValueError
        If nothing moved anything: ``simulated``.
    """
    if label in get_args(DeviceLabel):
        return "verbs"
    for name, own in LABEL_OF.items():
        if own == label:
            return name
    raise ValueError(f"no fabric has figures labelled {label!r}")


def crosses(name: object) -> TypeGuard[CrossingFabric]:
    """Whether the events of a fabric come from another process; not where there is none."""
    return name in CROSSING
