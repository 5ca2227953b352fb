"""Namespace: a mount table of this process's own, so that its /dev/shm is nobody else's."""

from __future__ import annotations

import ctypes
import os

_CLONE_NEWNS = 0x00020000
_MS_REC, _MS_PRIVATE = 0x4000, 1 << 18
_MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def _mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> bool:
    texts = (source.encode(), target.encode(), kind.encode())
    return bool(_libc.mount(*texts, ctypes.c_ulong(flags), data.encode()) == 0)


def mount_tmpfs(target: str, size: str) -> bool:
    """Mount an empty file system in memory; return whether that is possible here."""
    return _mount("tmpfs", target, "tmpfs", 0, f"size={size}")


def unmount(target: str) -> None:
    """Take away what `mount_tmpfs` mounted, also while a file in it is open."""
    _libc.umount2(target.encode(), _MNT_DETACH)


def own_mounts() -> bool:
    """Leave the mount table of the parent; return whether that is possible here (root only)."""
    if os.geteuid() or _libc.unshare(_CLONE_NEWNS):
        return False
    return _mount("none", "/", "none", _MS_REC | _MS_PRIVATE)


def own_shm(size: str = "50%") -> bool:
    """Give this process and its children a /dev/shm of their own; return whether they have it."""
    return own_mounts() and mount_tmpfs("/dev/shm", size)
