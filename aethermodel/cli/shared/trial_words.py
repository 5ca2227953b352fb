"""Words below the table of a trial: what its intervals cover, and what disturbed it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aethermodel.text.percentages import percentage

if TYPE_CHECKING:
    import pandas as pd

    from aethermodel.bench.optimum import BestSize


def covered(table: pd.DataFrame) -> str:
    """Say how many of a trial's errors lie within their intervals."""
    within = f"{table['covered'].sum()} of {len(table)} errors lie"
    return f"{within} within the 95 % intervals of prediction and measurement."


def disturbed(samples: pd.DataFrame) -> str:
    """Say how many samples were taken again."""
    if not samples["noisy"].any():
        return f"None of {len(samples):,} samples was disturbed."
    share = percentage(float(samples["noisy"].mean()))
    return f"Of {len(samples):,} samples {share} were disturbed; most of them were taken again."


def carried(found: BestSize, further: str = "--largest") -> list[str]:
    """Say what the recommended size carries of the best rate, and what sets the sweep's end."""
    lines = [
        f"{found.outcome.upper()}: N = {found.recommended:,}, as the model recommends, carries "
        f"{percentage(found.share)} of the sweep's best rate ({percentage(found.low)} to "
        f"{percentage(found.high)} by "
        f"process); wanted {percentage(found.wanted, 0)}."
    ]
    if found.at_the_end:
        lines.append(f"The sweep ends at that size: with a greater {further} it could be beaten.")
    return lines
