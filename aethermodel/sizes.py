"""Sizes in bytes as people write them: ``32 KiB``."""

from __future__ import annotations

import re

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
# As ulimit, systemd and docker read them: K is 1,024.
_POWERS = {"": 0, "B": 0} | {
    name: power for power, unit in enumerate(_UNITS[1:], 1) for name in (unit, unit[0])
}


def memory(size: float) -> str:
    """Write a size in bytes with the binary prefix in which memory is built: ``32 KiB``."""
    power = 0
    while abs(size) >= 1024 and power < len(_UNITS) - 1:
        size /= 1024
        power += 1
    return f"{size:.4g} {_UNITS[power]}"


def size_of(text: str) -> int:
    """Read a size such as ``64MiB``, ``1.5 G`` or ``4096``.

    Parameters
    ----------
    text : str
        A number and a unit: B, K or KiB, M or MiB, G or GiB, T or TiB; bytes without one.

    Returns
    -------
    int
        Bytes, at least 1.

    Raises
    ------
    ValueError
        If it is no such size; ``GB`` and the like are refused, as they mean two things.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*", text)
    if match is None or match[2] not in _POWERS:
        raise ValueError(f"a size is a number with B, KiB, MiB, GiB or TiB, not {text!r}")
    size = float(match[1]) * 1024 ** _POWERS[match[2]]
    if size < 1 or size != int(size):
        raise ValueError(f"a size is a whole number of bytes, at least 1, not {text!r}")
    return int(size)
