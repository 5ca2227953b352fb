"""Outputs: where a command leaves its report, and never over what is there."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path("reports")
# What is in no name of a file, and the letters that each of two has in it.
_NO_NAME = re.compile(r"[^\w.+=]+")
_LONGEST = 50


def named_after(source: Path) -> Path:
    """Return where the report of a notebook or of a store goes by default."""
    resolved = source.resolve()
    return FOLDER / f"{resolved.name if resolved.is_dir() else resolved.stem}.html"


def compared(a: Path, b: Path) -> Path:
    """Return where the comparison of two sources goes by default: another file for other sources.

    They are named by the least of their paths that tells them apart: ``diff-before-after.html`` of
    two stores, ``diff-before-run-after-run.html`` of a file of one name in two folders.
    """
    one, other = (_parts(side) for side in (a, b))
    if one == other:  # but for what the name of a file ends in
        one, other = (side.resolve().parts for side in (a, b))
    kept = 1
    while one[-kept:] == other[-kept:] and kept < max(len(one), len(other)):
        kept += 1
    named = (_NO_NAME.sub("-", "-".join(parts[-kept:])).strip("-") for parts in (one, other))
    # A file's name ends at 255 bytes.
    return FOLDER / f"diff-{'-'.join(name[-_LONGEST:] for name in named)}.html"


def _parts(source: Path) -> tuple[str, ...]:
    resolved = source.resolve()
    return (resolved if resolved.is_dir() else resolved.with_suffix("")).parts


def refuse_existing(targets: Iterable[Path], *, force: bool) -> None:
    """Refuse to replace a file, before the work whose result it is to hold.

    Raises
    ------
    ValueError
        If one of them exists and `force` is not set.
    """
    there = [target for target in targets if target.exists()]
    if there and not force:
        raise ValueError(f"{there[0]} exists: replace it by --force, or name another by -o")
