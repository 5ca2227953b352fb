"""RDMA devices with ports and addresses, by pyverbs or from the kernel."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from pathlib import Path
from typing import TYPE_CHECKING

from aethermodel.measure.host.rdma_devices import label_of
from aethermodel.measure.host.system_files import Roots, number_of, text_of
from cython_core import rdma_available
from cython_core.rdma.gids import GID_TYPES, Gid

if TYPE_CHECKING:
    import pandas as pd

# As sysfs writes them, to the words of `Gid.kind`.
_KINDS = {"IB/RoCE v1": "RoCE v1", "RoCE v2": "RoCE v2", "RoCE v1": "RoCE v1"}


@dataclass(frozen=True)
class Port:
    """One port of a device.

    Attributes
    ----------
    device : str
    number : int
        Counted from 1.
    state : str or None
        In the kernel's word, such as ``ACTIVE``; None where it cannot be read.
    link_layer : str or None
        ``Ethernet`` or ``InfiniBand``.
    gids : tuple of Gid
        Empty entries left out.
    node : int or None
        NUMA node of the device; None where it has none.
    """

    device: str
    number: int
    state: str | None
    link_layer: str | None
    gids: tuple[Gid, ...]
    node: int | None = None

    @property
    def active(self) -> bool:
        """Whether it has its link."""
        return self.state is not None and self.state.upper() == "ACTIVE"


@dataclass(frozen=True)
class Devices:
    """What was found, and how.

    Attributes
    ----------
    source : str
        ``pyverbs`` or ``sysfs``.
    why : str
        Why it was not pyverbs; empty where it was.
    ports : tuple of Port
    """

    source: str
    why: str
    ports: tuple[Port, ...]

    def table(self) -> pd.DataFrame:
        """Return one row a port, with its device's label; none where there is none."""
        import pandas as pd

        rows = [(p.device, p.number, p.state, p.link_layer, label_of(p.device)) for p in self.ports]
        return pd.DataFrame(rows, columns=["device", "port", "state", "link", "label"])

    @property
    def sentence(self) -> str:
        """What to say above the table."""
        if self.ports:
            return f"Found by {self.source}." + (f" {self.why}." if self.why else "")
        reason = rdma_available()[1]
        return f"No RDMA device here: {reason}" + (f"; {self.why}" if self.why else "")


def find_devices(roots: Roots | None = None) -> Devices:
    """Ask pyverbs where it is present and the roots are the system's own, else read sysfs."""
    roots = roots or Roots()
    if not roots.are_own:
        return Devices("sysfs", "", _by_sysfs(roots))
    try:
        return Devices("pyverbs", "", _by_pyverbs(roots))
    except ImportError as error:
        # Also where it is there and does not fit the system's libibverbs.
        why = "pyverbs is not installed here" if error.name == "pyverbs" else f"pyverbs: {error}"
        return Devices("sysfs", why, _by_sysfs(roots))
    except Exception as error:  # whatever else it raises, sysfs still knows
        return Devices("sysfs", f"pyverbs: {error}", _by_sysfs(roots))


def _folder(roots: Roots) -> Path:
    return roots.sys / "class/infiniband"


def _node(roots: Roots, device: str) -> int | None:
    node = number_of(_folder(roots) / device / "device/numa_node")
    return None if node is None or node < 0 else node


def _by_pyverbs(roots: Roots) -> tuple[Port, ...]:
    from pyverbs import device as verbs

    found = []
    for listed in verbs.get_device_list():
        name = listed.name.decode()
        context = verbs.Context(name=name)
        try:
            for number in range(1, context.query_device().phys_port_cnt + 1):
                port = context.query_port(number)
                entries = context.query_gid_table(port.gid_tbl_len) if port.gid_tbl_len else []
                gids = [
                    Gid(e.gid_index, IPv6Address(e.gid_str()).packed, GID_TYPES[e.gid_type])
                    for e in entries
                    if e.port_num == number
                ]
                state = verbs.port_state_to_str(port.state).split(" ")[0].upper()
                layer = verbs.translate_link_layer(port.link_layer)
                found.append(Port(name, number, state, layer, tuple(gids), _node(roots, name)))
        finally:
            context.close()
    return tuple(found)


def _by_sysfs(roots: Roots) -> tuple[Port, ...]:
    found = []
    for device in sorted(_folder(roots).glob("*")):
        for port in sorted((device / "ports").glob("[0-9]*"), key=lambda path: int(path.name)):
            state = text_of(port / "state")  # such as "4: ACTIVE"
            found.append(
                Port(
                    device.name,
                    int(port.name),
                    state.partition(":")[2].strip() or None if state else None,
                    text_of(port / "link_layer"),
                    tuple(_gids(port)),
                    _node(roots, device.name),
                )
            )
    return tuple(found)


def _gids(port: Path) -> list[Gid]:
    found = []
    entries = (path for path in (port / "gids").glob("*") if path.name.isdigit())
    for entry in sorted(entries, key=lambda path: int(path.name)):
        try:
            raw = IPv6Address(text_of(entry) or "").packed
        except AddressValueError:
            continue
        # The type of an empty entry cannot be read (EINVAL), and it holds zeros.
        if any(raw):
            kind = text_of(port / "gid_attrs/types" / entry.name) or "IB"
            found.append(Gid(int(entry.name), raw, _KINDS.get(kind, kind)))
    return found
