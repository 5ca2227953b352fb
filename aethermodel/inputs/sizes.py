"""Sizes and counts as people write them: ``32 KiB``, ``1e4``."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

# 1e999999999 is a whole number too, and would fill the memory.
_MOST_COUNT = 10**18
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


def count_of(text: str) -> int:
    """Read a count such as ``10000``, ``10_000`` or ``1e4``.

    Raises
    ------
    ValueError
        If it is no whole number.
    """
    plain = text.strip()
    try:
        return int(plain)
    except ValueError:
        pass
    try:
        value = Decimal(plain)
    except InvalidOperation:
        value = Decimal("nan")
    if (
        not value.is_finite()
        or value.copy_abs() > _MOST_COUNT
        or value != value.to_integral_value()
    ):
        raise ValueError(f"a whole number, such as 10000 or 1e4, not {text!r}")
    return int(value)
