"""Page check: transparent huge pages, and the size of /dev/shm."""

from __future__ import annotations

import os
import re

from aethermodel.doctor.finding import Finding
from aethermodel.inputs.sizes import memory
from aethermodel.measure.host.system_files import Roots, text_of

# What a container gets unless told otherwise (docker's --shm-size): too little for frames of
# other libraries in the comparison benchmarks. Our rings are memfds and need none of it.
_SMALL = 64 * 2**20


def check(roots: Roots) -> list[Finding]:
    """Look at both."""
    return [_transparent(roots), _shared(roots)]


def _transparent(roots: Roots) -> Finding:
    name = "transparent huge pages"
    path = roots.sys / "kernel/mm/transparent_hugepage/enabled"
    match = re.search(r"\[(\w+)\]", text_of(path) or "")
    if match is None:
        why = "not readable: whether batches lie in huge pages cannot be told"
        return Finding(area="memory", name=name, level="warn", value=None, why=why)
    value = match[1]
    if value == "always":
        return Finding(
            area="memory",
            name=name,
            level="warn",
            value=value,
            why="the kernel may stop a process to collapse its pages, unasked: it shows in P99.9",
            remedy=(f"echo madvise > {path}",),
        )
    known = {
        "madvise": "only where it is asked for, as NumPy does for large arrays",
        "never": "no pauses; large batches take more TLB misses",
    }
    if value not in known:
        why = "a word that is not known here"
        return Finding(area="memory", name=name, level="warn", value=value, why=why)
    why = known[value]
    return Finding(area="memory", name=name, level="good", value=value, why=why)


def _shared(roots: Roots) -> Finding:
    name = "shared memory"
    try:
        system = os.statvfs(roots.shm)
    except OSError:
        why = f"{roots.shm} is not there; rings need none, some peers in bench ring do"
        return Finding(area="memory", name=name, level="warn", value=None, why=why)
    size, free = system.f_blocks * system.f_frsize, system.f_bavail * system.f_frsize
    value = f"{memory(free)} of {memory(size)} free in {roots.shm}"
    if free <= _SMALL:
        why = "rings need none, but peers in bench ring end with a bus error when it is full"
        remedy = ("container: --shm-size=1g; else: mount -o remount,size=1g /dev/shm",)
        return Finding(area="memory", name=name, level="warn", value=value, why=why, remedy=remedy)
    why = "enough; rings are memfds and need none of it"
    return Finding(area="memory", name=name, level="good", value=value, why=why)
