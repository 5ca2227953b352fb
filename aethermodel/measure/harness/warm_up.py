"""Warm-up: windows of equal work, until two in a row take as long."""

from __future__ import annotations

from aethermodel import thresholds


class WarmUp:
    """Tells from the windows of a warm-up whether it may end.

    Parameters
    ----------
    seconds : float
        Of the first window, or of one of its operations, as of all others.

    Attributes
    ----------
    settled : bool
        Whether the last two windows agreed. What follows a warm-up that has not is marked.
    """

    def __init__(self, seconds: float) -> None:
        self.settled = False
        self._last = seconds
        self._left = thresholds.WARM_WINDOWS

    @property
    def done(self) -> bool:
        """Whether it has settled, or given up."""
        return self.settled or not self._left

    def add(self, seconds: float) -> None:
        """Note one more window."""
        self.settled = abs(seconds - self._last) <= thresholds.WARM_TOLERANCE * self._last
        self._last = seconds
        self._left -= 1
