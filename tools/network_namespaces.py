"""Network namespaces of this host, each with a wire to the one of this process."""

from __future__ import annotations

import os
import subprocess


class Namespaces:
    """Network namespaces, each with a wire to this one.

    Parameters
    ----------
    count : int
        At most 63.
    """

    def __init__(self, count: int) -> None:
        # Of this process alone: several may run beside each other.
        self._prefix, self._net = f"ae{os.getpid()}", f"10.{64 + os.getpid() % 64}"
        self._made: list[str] = []
        try:
            for host in range(count):
                self._make(host)
        except BaseException:
            self.close()
            raise

    @property
    def hub(self) -> str:
        """Address here that all of them reach."""
        return f"{self._net}.0.1"

    def address(self, host: int) -> str:
        """Return the address of one of them."""
        return f"{self._net}.{host}.2"

    def enter(self, host: int) -> list[str]:
        """Return what goes before a command that is to run in one of them."""
        return ["ip", "netns", "exec", self._made[host]]

    def close(self) -> None:
        """Remove them, and with them their wires; idempotent."""
        while self._made:
            subprocess.run(["ip", "netns", "delete", self._made.pop()], check=False)

    def _make(self, host: int) -> None:
        name, near, far = (f"{self._prefix}{end}{host}" for end in "hnf")
        _ip(f"netns add {name}")
        self._made.append(name)
        _ip(f"link add dev {near} type veth peer name {far} netns {name}")
        _ip(f"address add {self._net}.{host}.1/24 dev {near}")
        _ip(f"link set {near} up")
        _ip(f"-n {name} link set lo up")
        _ip(f"-n {name} address add {self.address(host)}/24 dev {far}")
        _ip(f"-n {name} link set {far} up")
        _ip(f"-n {name} route add default via {self._net}.{host}.1")


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)
