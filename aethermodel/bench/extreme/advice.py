"""Advice: a lever that was pulled, its gain as a number, and what that number rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aethermodel.text.percentages import percent


@dataclass(frozen=True)
class Advice:
    """One thing to do, which was done in this very run.

    Attributes
    ----------
    lever : str
        What it is about, such as ``batch size``.
    action : str
        What to do.
    gain, low, high : float
        Relative change of throughput, median, and the least and the greatest round (98 %).
    per_second : float
        The same in messages a second.
    why : str
        What the number rests on.
    """

    lever: str
    action: str
    gain: float
    low: float
    high: float
    per_second: float
    why: str

    @property
    def clear(self) -> bool:
        """Whether it is more than noise: the whole interval is a gain."""
        return self.low > 0

    def figures(self) -> dict[str, Any]:
        """Return JSON values."""
        return {**vars(self), "basis": "measured", "clear": self.clear}


def in_words(gain: float) -> str:
    """Write a relative gain: ``+12.3 %``, and ``38 times`` where it is many."""
    return f"{1 + gain:,.0f} times" if gain >= 9.5 else percent(gain)


def ranked(advice: Iterable[Advice]) -> tuple[Advice, ...]:
    """Order advice: clear gains first, the greatest on top; then what may be noise, then losses."""
    return tuple(sorted(advice, key=lambda one: (not one.clear, -one.gain)))


def pays_most(advice: Iterable[Advice]) -> Advice | None:
    """Return the advice of the greatest clear gain; None if none is clear."""
    return max((one for one in advice if one.clear), key=lambda one: one.gain, default=None)
