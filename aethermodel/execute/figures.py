"""Figures that a notebook hands to whoever executed it: a sweep keeps them with the point."""

from __future__ import annotations

from pathlib import Path

from aethermodel.execute.notebooks import read_notebook

_KIND = "application/vnd.aethermodel.figures+json"


def record(**figures: float) -> None:
    """Record figures of this notebook, by name; to be called in a cell.

    Parameters
    ----------
    **figures : float
        The name carries the unit, such as ``t_batch_seconds``.
    """
    from IPython.display import display

    plain = {name: float(value) for name, value in figures.items()}
    text = ", ".join(f"{name} = {value:.6g}" for name, value in plain.items())
    display({_KIND: plain, "text/plain": text}, raw=True)  # type: ignore[no-untyped-call]


def recorded(executed: Path) -> dict[str, float]:
    """Return what an executed notebook recorded; a later figure of a name wins."""
    figures: dict[str, float] = {}
    for cell in read_notebook(executed)["cells"]:
        for output in cell.get("outputs", ()):
            figures |= output.get("data", {}).get(_KIND, {})
    return figures
