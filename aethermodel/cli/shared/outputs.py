"""Outputs: where a command leaves its report, and never over what is there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FOLDER = Path("reports")


def named_after(source: Path) -> Path:
    """Return where the report of a notebook or of a store goes by default."""
    resolved = source.resolve()
    return FOLDER / f"{resolved.name if resolved.is_dir() else resolved.stem}.html"


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
