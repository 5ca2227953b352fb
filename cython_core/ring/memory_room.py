"""Memory room: what this process may still take, of its host and its control groups.

A control group's limit is no error to whoever passes it: the system ends a process instead. So
what takes much at once looks here first.
"""

from pathlib import Path

# Version 2 and version 1 of control groups, by what each calls them.
_V2 = ("memory.max", "memory.current", "inactive_file")
_V1 = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


def memory_room(root: str | Path = "/") -> int:
    """Return how many bytes may still be taken, without swap.

    Parameters
    ----------
    root : path
        Where ``proc`` and ``sys`` are.

    Returns
    -------
    int
        The least of what the host has available and of what each control group leaves, pages of
        files that nobody used of late counted as free; 2**63 where nothing tells.
    """
    root = Path(root)
    rooms = [2**63]
    for line in _lines(root / "proc/meminfo"):
        name, _, value = line.partition(":")
        if name == "MemAvailable" and value.split()[0].isdigit():
            rooms.append(int(value.split()[0]) * 1024)
    for group, names in _groups(root):
        rooms += _left(group, *names)
    return max(min(rooms), 0)


def _groups(root: Path) -> list[tuple[Path, tuple[str, str, str]]]:
    """The process's own group and all above it, as far as they can be seen from here."""
    found: list[tuple[Path, tuple[str, str, str]]] = []
    for line in _lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0":
            tops, names = [root / "sys/fs/cgroup", root / "sys/fs/cgroup/unified"], _V2
        elif "memory" in controllers.split(","):
            tops, names = [root / "sys/fs/cgroup/memory"], _V1
        else:
            continue
        inside = [part for part in path.split("/") if part and part != ".."]
        # A container may see its own group as the top one, by whatever path.
        found += [
            (top.joinpath(*inside[:depth]), names)
            for top in tops
            for depth in range(len(inside) + 1)
        ]
    return found


def _left(group: Path, limit: str, usage: str, reclaimable: str) -> list[int]:
    most, used = (_number(_lines(group / name)) for name in (limit, usage))
    if most is None or used is None:  # "max", or no such group
        return []
    freed = 0
    for line in _lines(group / "memory.stat"):
        name, _, value = line.partition(" ")
        if name == reclaimable and value.isdigit():
            freed = int(value)
    return [most - used + freed]


def _number(lines: list[str]) -> int | None:
    return int(lines[0]) if lines and lines[0].isdigit() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
