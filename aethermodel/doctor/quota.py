"""CPU quota of control groups: the least on the way up from this process.

A quota holds for a group and all below it, so that a process in a nested group has what the
narrowest group around it leaves. Both versions of the interface are read, as hosts mount both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from aethermodel.measure.host.system_files import Roots, number_of, text_of

_V2, _V1 = "cgroup2", "cgroup"
_ESCAPED = {"\\040": " ", "\\011": "\t", "\\012": "\n", "\\134": "\\"}


@dataclass(frozen=True)
class _Mount:
    """A mounted hierarchy of control groups.

    Attributes
    ----------
    version : str
        ``cgroup2``, or ``cgroup`` for the one of the controller ``cpu``.
    group : PurePosixPath
        The group that is mounted: the root, or in a container often its own.
    folder : Path
        Where it is mounted.
    """

    version: str
    group: PurePosixPath
    folder: Path


def effective_quota(roots: Roots) -> float | None:
    """Return the cores' worth of time that control groups grant; None without a limit.

    Parameters
    ----------
    roots : Roots

    Returns
    -------
    float or None
        The least quota of all groups between this process's own and the highest that is
        visible. Limits above a container's own group cannot be seen from within.
    """
    groups = _groups(roots)
    quotas = [
        quota
        for mount in _mounts(roots)
        for folder in _upwards(mount, groups.get(mount.version))
        if (quota := _quota(folder, mount.version)) is not None
    ]
    return min(quotas, default=None)


def _groups(roots: Roots) -> dict[str, PurePosixPath]:
    """Return this process's group in each hierarchy (cgroups(7), /proc/self/cgroup)."""
    found = {}
    for line in (text_of(roots.proc / "self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            found[_V2] = PurePosixPath(path)
        elif "cpu" in controllers.split(","):
            found[_V1] = PurePosixPath(path)
    return found


def _mounts(roots: Roots) -> list[_Mount]:
    """Return the hierarchies that limit processors, as proc(5) lists them."""
    found = []
    for line in (text_of(roots.proc / "self/mountinfo") or "").splitlines():
        before, separator, after = line.partition(" - ")
        mounted, file_system = before.split(" "), after.split(" ")
        if not separator or len(mounted) < 5 or file_system[0] not in (_V2, _V1):
            continue
        options = file_system[-1].split(",")
        if file_system[0] == _V1 and "cpu" not in options:
            continue
        folder = _folder(roots, _unescaped(mounted[4]))
        found.append(_Mount(file_system[0], PurePosixPath(_unescaped(mounted[3])), folder))
    if not found:  # where mounts cannot be read, the usual places
        usual = roots.sys / "fs/cgroup"
        found = [_Mount(_V2, PurePosixPath("/"), usual)]
        found += [_Mount(_V1, PurePosixPath("/"), usual / name) for name in ("cpu,cpuacct", "cpu")]
    return found


def _unescaped(path: str) -> str:
    for escaped, sign in _ESCAPED.items():
        path = path.replace(escaped, sign)
    return path


def _folder(roots: Roots, path: str) -> Path:
    below = PurePosixPath(path)
    return roots.sys / below.relative_to("/sys") if below.is_relative_to("/sys") else Path(path)


def _upwards(mount: _Mount, group: PurePosixPath | None) -> Iterator[Path]:
    """Yield the folders of a group and of all around it, up to the one that is mounted."""
    below = PurePosixPath()
    # A group outside what is mounted (of another namespace) has no folder here.
    if group is not None and group.is_relative_to(mount.group) and ".." not in group.parts:
        below = group.relative_to(mount.group)
    for part in (below, *below.parents):
        yield mount.folder / part


def _quota(folder: Path, version: str) -> float | None:
    if version == _V2:
        words = (text_of(folder / "cpu.max") or "").split()
        quota, period = (int(w) if w.isdigit() else None for w in (*words, "", "")[:2])
    else:
        quota = number_of(folder / "cpu.cfs_quota_us")
        period = number_of(folder / "cpu.cfs_period_us")
    return quota / period if quota and period and quota > 0 and period > 0 else None
