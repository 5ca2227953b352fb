"""System files: the trees that tell of a host, and how one field of theirs is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Roots:
    """The trees that tell of a host.

    Attributes
    ----------
    proc, sys : Path
        Where the kernel's ``/proc`` and ``/sys`` are.
    shm : Path
        The file system for POSIX shared memory.
    """

    proc: Path = Path("/proc")
    sys: Path = Path("/sys")
    shm: Path = Path("/dev/shm")

    @property
    def cpu(self) -> Path:
        """Folder of the processors."""
        return self.sys / "devices/system/cpu"

    @property
    def are_own(self) -> bool:
        """Whether they are the running system's, so that what it says itself belongs to them."""
        return self == Roots()


def text_of(path: Path) -> str | None:
    """Return what a file says, without blanks around it; None where it cannot be read."""
    try:
        return path.read_text("utf-8", errors="replace").strip()
    except OSError:
        return None


def number_of(path: Path) -> int | None:
    """Return the whole number that a file holds; None where it holds none."""
    text = text_of(path)
    try:
        return None if text is None else int(text, 0)
    except ValueError:
        return None


def field_of(path: Path, name: str) -> str | None:
    """Return what follows ``name:`` in a file of such lines; None where there is no such line."""
    for line in (text_of(path) or "").splitlines():
        key, separator, value = line.partition(":")
        if separator and key.strip() == name:
            return value.strip()
    return None


def listed(text: str | None) -> frozenset[int] | None:
    """Read a kernel list such as ``0-3,8``; None where there is none, or another text."""
    if text is None:
        return None
    found: set[int] = set()
    try:
        for part in filter(None, text.split(",")):
            first, _, last = part.partition("-")
            found.update(range(int(first), int(last or first) + 1))
    except ValueError:
        return None
    return frozenset(found)


def holds_capability(roots: Roots, bit: int) -> bool:
    """Whether this process is known to hold a capability (its number in capabilities(7))."""
    try:
        return bool(int(field_of(roots.proc / "self/status", "CapEff") or "0", 16) >> bit & 1)
    except ValueError:
        return False
