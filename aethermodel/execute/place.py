"""Place of a measurement: the host as one that measures one thing at a time."""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path

#: What this process's host is called, where several count as hosts of their own: containers or
#: namespaces with cores of their own.
VARIABLE = "AETHER_HOST"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@cache
def this_place() -> str:
    """Return a name of this host, the same for all of its containers: no name or address is in it.

    The kernel's own id of this boot, hashed; or what `VARIABLE` says.
    """
    if named := os.environ.get(VARIABLE):
        return named[:64]
    try:
        known = _BOOT.read_text().strip()
    except OSError:
        import platform

        known = platform.node()
    return hashlib.sha256(f"aethermodel place {known}".encode()).hexdigest()[:12]


def lock_name() -> str:
    """Return the name of the lock that a measurement on this host holds."""
    if VARIABLE not in os.environ:
        return "host.lock"
    return f"host-{hashlib.sha256(this_place().encode()).hexdigest()[:12]}.lock"
