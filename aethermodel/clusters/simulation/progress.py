"""Progress of a simulation: who is told how far it is."""

from __future__ import annotations

from collections.abc import Callable

#: Called with (done, in all).
Progress = Callable[[int, int], None]


def ignored(done: int, total: int) -> None:
    """Tell nobody how far it is."""
