"""A wire that can be cut: two Soft-RoCE devices, rxe1 and rxe2, at the ends of a veth pair.

A host delivers what it sends to itself without any wire, and Soft-RoCE knows the first network
namespace only. So the host is told to take its own addresses for remote ones, but for packets
that come in by the wire. One direction is cut by giving the far end's address a wrong
hardware address: both ports keep their link, and packets are lost in silence.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

ENDS = ("10.78.0.1", "10.78.0.2")
NOBODY = "02:00:00:00:00:99"


def run(command: str) -> None:
    subprocess.run(command.split(), check=True)


class Wire:
    devices = ("rxe1", "rxe2")

    def __enter__(self) -> Wire:
        run("ip link add veth1 type veth peer name veth2")
        for i, (near, far) in enumerate((ENDS, ENDS[::-1]), 1):
            link = f"veth{i}"
            run(f"ip address add {near}/24 dev {link}")
            run(f"ip link set {link} up")
            Path(f"/proc/sys/net/ipv4/conf/{link}/rp_filter").write_text("0")
            Path(f"/proc/sys/net/ipv4/conf/{link}/accept_local").write_text("1")
            run(f"ip route add {far}/32 dev {link} table {100 + i}")
            run(f"ip rule add pref 1{i} iif {link} lookup local")
            run(f"ip rule add pref 2{i} to {far} lookup {100 + i}")
        run("ip rule add pref 30 lookup local")
        run("ip rule del pref 0")
        self.mend()
        for i, device in enumerate(self.devices, 1):
            run(f"rdma link add {device} type rxe netdev veth{i}")
        deadline = time.monotonic() + 5
        for device, end in zip(self.devices, ENDS, strict=True):
            mapped = "ffff:" + "{:02x}{:02x}:{:02x}{:02x}".format(*map(int, end.split(".")))
            gids = Path(f"/sys/class/infiniband/{device}/ports/1/gids")
            while not any(mapped in gid.read_text() for gid in gids.iterdir()):
                assert time.monotonic() < deadline
                time.sleep(0.05)
        return self

    def __exit__(self, *exc: object) -> None:
        for device in self.devices:
            run(f"rdma link delete {device}")
        run("ip rule add pref 0 lookup local")
        for pref in (11, 12, 21, 22, 30):
            run(f"ip rule del pref {pref}")
        run("ip link del veth1")

    def _hardware(self, i: int) -> str:
        return Path(f"/sys/class/net/veth{i}/address").read_text().strip()

    def _aim(self, i: int, address: str) -> None:
        run(f"ip neigh replace {ENDS[2 - i]} lladdr {address} nud permanent dev veth{i}")

    def cut(self, *ends: int) -> None:
        """Lose what leaves these ends, 1 or 2; both by default."""
        for i in ends or (1, 2):
            self._aim(i, NOBODY)

    def mend(self) -> None:
        for i in (1, 2):
            self._aim(i, self._hardware(3 - i))
