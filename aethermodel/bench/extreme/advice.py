"""Advice: a lever, its expected gain as a number, and what that number rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

Basis = Literal["measured", "modelled"]


@dataclass(frozen=True)
class Advice:
    """One thing to do.

    Attributes
    ----------
    lever : str
        What it is about, such as ``batch size``.
    action : str
        What to do.
    basis : {"measured", "modelled"}
        ``measured``: it was done, or its cost was timed, in this very run. ``modelled``: the
        calibrated model says so.
    gain, low, high : float
        Relative change of throughput, and its 95 % interval (by the model) or the least and
        the greatest round (98 %, as measured).
    per_second : float
        The same in messages a second.
    why : str
        What the number rests on.
    """

    lever: str
    action: str
    basis: Basis
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
        return {**vars(self), "clear": self.clear}


def in_words(gain: float) -> str:
    """Write a relative gain: ``+12.3 %``, and ``x 38`` where per cent are no longer read."""
    return f"x {1 + gain:,.0f}" if gain >= 9.5 else f"{100 * gain:+.1f} %"


def ranked(advice: Iterable[Advice]) -> tuple[Advice, ...]:
    """Order advice: clear gains first, the greatest on top; then what may be noise, then losses."""
    return tuple(sorted(advice, key=lambda one: (not one.clear, -one.gain)))


def pays_most(advice: Iterable[Advice]) -> Advice | None:
    """Return the measured advice of the greatest clear gain; None if none is clear."""
    clear = [one for one in advice if one.basis == "measured" and one.clear]
    return max(clear, key=lambda one: one.gain, default=None)
