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
# Set by hand, or udev gives them others after a moment: what is on the way then is lost.
HARDWARE = ("02:00:00:00:00:01", "02:00:00:00:00:02")
NOBODY = "02:00:00:00:00:99"


def run(command: str) -> None:
    subprocess.run(command.split(), check=True)


def ip(*commands: str) -> None:
    """Run commands of ip in one process: starting one takes long in the guest."""
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands), text=True, check=True)


def add_link() -> None:
    """Make the link of rxe0, as the guest is given it."""
    # With a hardware address, as above.
    link = "link add dummy0 address 02:00:00:00:00:00 type dummy"
    ip(link, "address add 10.77.0.1/24 dev dummy0", "link set dummy0 up")


class Wire:
    devices = ("rxe1", "rxe2")

    def __enter__(self) -> Wire:
        one, two = HARDWARE
        commands = [f"link add veth1 address {one} type veth peer name veth2 address {two}"]
        for i, (near, far) in enumerate((ENDS, ENDS[::-1]), 1):
            commands += [
                f"address add {near}/24 dev veth{i}",
                f"link set veth{i} up",
                f"route add {far}/32 dev veth{i} table {100 + i}",
                f"rule add pref 1{i} iif veth{i} lookup local",
                f"rule add pref 2{i} to {far} lookup {100 + i}",
            ]
        ip(*commands, "rule add pref 30 lookup local", "rule del pref 0")
        for name in ("all", "veth1", "veth2"):
            Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter").write_text("0")
        for name in ("veth1", "veth2"):
            Path(f"/proc/sys/net/ipv4/conf/{name}/accept_local").write_text("1")
        self.mend()
        for i, device in enumerate(self.devices, 1):
            run(f"rdma link add {device} type rxe netdev veth{i}")
        deadline = time.monotonic() + 60
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
        rules = [f"rule del pref {pref}" for pref in (11, 12, 21, 22, 30)]
        ip("rule add pref 0 lookup local", *rules, "link del veth1")

    def _aim(self, i: int, address: str) -> str:
        return f"neigh replace {ENDS[2 - i]} lladdr {address} nud permanent dev veth{i}"

    def cut(self, *ends: int) -> None:
        """Lose what leaves these ends, 1 or 2; both by default."""
        ip(*(self._aim(i, NOBODY) for i in ends or (1, 2)))

    def mend(self) -> None:
        """Let both ends hear each other."""
        ip(*(self._aim(i, HARDWARE[2 - i]) for i in (1, 2)))
