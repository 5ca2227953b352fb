"""Columns of a sweep's tables: a parameter never hides behind what the table says itself."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any


def column_of(kind: str, name: str, own: Container[str]) -> str:
    """Return the column of a parameter or a figure: its name, or ``parameter.seconds``.

    Parameters
    ----------
    kind : str
        ``parameter`` or ``figure``.
    name : str
    own : container of str
        Columns that the table has of its own.
    """
    return f"{kind}.{name}" if name in own else name


def columns_of(kind: str, values: Mapping[str, Any], own: Container[str]) -> dict[str, Any]:
    """Return values by their columns."""
    return {column_of(kind, name, own): value for name, value in values.items()}
