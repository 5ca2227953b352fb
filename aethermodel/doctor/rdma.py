"""RDMA devices, their ports and addresses, and whether this build can use them."""

from __future__ import annotations

from aethermodel.doctor.finding import Finding, Level
from aethermodel.measure.host.rdma_ports import Devices, Port, find_devices
from aethermodel.measure.host.system_files import Roots
from cython_core import rdma_available
from cython_core.rdma.gids import Gid, best_gid

_SOFT_ROCE = (
    "for a device without hardware (labelled soft-roce), as root:",
    "    modprobe rdma_rxe && rdma link add rxe0 type rxe netdev INTERFACE",
)


def check(roots: Roots) -> list[Finding]:
    """Look at each device, port and address table."""
    devices = find_devices(roots)
    found = [_devices_line(devices)]
    if roots.are_own:
        found.append(_usable_line(bool(devices.ports)))
    any_active = any(port.active for port in devices.ports)
    for port in devices.ports:
        found.append(_port_line(port, any_active))
        found.append(_gid_line(port))
    return found


def _devices_line(devices: Devices) -> Finding:
    because = f" ({devices.why})" if devices.why else ""
    how = f"read through {devices.source}{because}"
    names = sorted({port.device for port in devices.ports})
    if names:
        return _line("devices", "good", ", ".join(names), how)
    why = f"no RDMA device; all else works over loopback, shared memory and TCP; {how}"
    return _line("devices", "warn", "none", why, _SOFT_ROCE)


def _usable_line(present: bool) -> Finding:
    available, reason = rdma_available()
    if available:
        return _line("verbs", "good", reason, "cython_core.verbs can open it")
    # A device that is there and cannot be used is worse than none.
    level: Level = "bad" if present else "warn"
    return _line("verbs", level, "not usable", reason)


def _port_line(port: Port, any_active: bool) -> Finding:
    name = f"{port.device} port {port.number}"
    layer = port.link_layer or "link layer not readable"
    if port.state is None:
        return _line(name, "warn", None, "its state cannot be read")
    value = f"{port.state}, {layer}"
    if port.active:
        return _line(name, "good", value, "has its link")
    remedy = (
        "ip link set INTERFACE up (rdma link shows which), and look at the cable"
        if port.link_layer == "Ethernet"
        else "look at the cable, and that a subnet manager runs (opensm)",
    )
    if any_active:
        return _line(name, "warn", value, "without link; another port is active", remedy)
    return _line(name, "bad", value, "no port has its link: nothing can be sent", remedy)


def _gid_line(port: Port) -> Finding:
    name = f"{port.device} port {port.number} GID"
    ethernet = port.link_layer == "Ethernet"
    best = best_gid(port.gids)
    if best is None:
        level: Level = "bad" if port.active else "warn"
        why = "the address table is empty: no queue pair can be connected"
        return _line(name, level, "none", why, _address_remedy() if ethernet else ())
    value = f"index {best.index}, {_written(best)}, {best.kind}; {len(port.gids)} in the table"
    if not ethernet:
        return _line(name, "good", value, "InfiniBand addresses by subnet and port")
    if best.kind != "RoCE v2":
        why = "RoCE v1 does not pass routers, and peers that want v2 cannot be reached"
        return _line(name, "warn", value, why, _address_remedy())
    if best.address.is_link_local:
        why = "only link-local: peers beyond this link cannot be reached"
        return _line(name, "warn", value, why, _address_remedy())
    return _line(name, "good", value, "RoCE v2 with a routable address")


def _written(gid: Gid) -> str:
    mapped = gid.address.ipv4_mapped
    return f"::ffff:{mapped}" if mapped else str(gid.address)


def _address_remedy() -> tuple[str, ...]:
    return ("an address gives it an IPv4-mapped GID: ip address add ADDRESS/24 dev INTERFACE",)


def _line(
    name: str, level: Level, value: str | None, why: str, remedy: tuple[str, ...] = ()
) -> Finding:
    return Finding(area="rdma", name=name, level=level, value=value, why=why, remedy=remedy)
