"""Rate over all samples of a point, disturbed ones included, and the share left out.

A headline is of what a host does while its neighbours leave it alone. Beside it stands what it did
all in all: every operation that was timed over all the time that they took.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from aethermodel.text.number_format import plain, prefixed
from aethermodel.text.percentages import percentage


def all_samples(samples: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Sum up the samples of each point, those that were taken again included.

    Parameters
    ----------
    samples : pandas.DataFrame
        As `aethermodel.measure.sampling.sampler.take_samples` gives them.
    by : sequence of str
        Columns that tell points apart.

    Returns
    -------
    pandas.DataFrame
        A row a point: ``seconds_all``, seconds an operation over all slices of all samples, and
        ``share_left_out``, of all slices those that the point's undisturbed figure is not made of.
        Samples that were saved before slices were summed up count by their undisturbed figure.
    """
    whole = samples.get("seconds_all", samples["seconds"]).fillna(samples["seconds"])
    loops = samples.get("loops", pd.Series(1.0, samples.index)).fillna(1.0)
    contended = samples.get("contended", pd.Series(0.0, samples.index)).fillna(0.0)
    final = samples.get("final", pd.Series(True, samples.index)).astype(bool)
    # A sample of which too few slices were calm counts with all of them, if it counts.
    out = np.where(final, contended.where(contended < 1, 0.0), 1.0)
    keys = [samples[name] for name in by]
    sums = pd.DataFrame({"spent": whole * loops, "loops": loops, "out": out}).groupby(keys)
    found = sums.sum()
    return pd.DataFrame(
        {
            "seconds_all": found["spent"] / found["loops"],
            "share_left_out": sums["out"].mean(),
        }
    )


def rate(per_second: float, what: str = "msg/s") -> str:
    """Write a rate with three digits: ``241 M msg/s``."""
    figure, prefix = prefixed(per_second) if per_second >= 1 else (plain(per_second), "")
    return f"{figure} {prefix}{' ' if prefix else ''}{what}"


#: Of what the other samples would carry at the median, the least that their rate says of it: below
#: that the median alone does not explain the two figures.
_NEARLY = 0.9


def left_out(
    per_second: float, share: float, what: str = "msg/s", *, headline: float | None = None
) -> str:
    """Say in words what stands beside a headline rate.

    Parameters
    ----------
    per_second : float
        Over all samples.
    share : float
        Left out of the headline.
    what : str
        Unit of the rate.
    headline : float, optional
        The undisturbed rate, to say by how much what is not left out was held up: the median of
        slices does not show it.
    """
    words = f"{rate(per_second, what)} over all samples; "
    held_up = interrupted(per_second, share, headline)
    if not share:
        if held_up:
            return (
                f"{words}none of their time is left out, but {percentage(held_up, 0)} of it went "
                "to interruptions, which the median of slices does not show"
            )
        return f"{words}none of their time is left out"
    part = percentage(share, 0) if share >= 0.005 else "less than 0.5 %"
    words += f"{part} of their time was disturbed and is left out of the first figure"
    if held_up:
        words += (
            f", and {percentage(held_up, 0)} of the rest went to interruptions, which its median "
            "of slices does not show"
        )
    return words


def interrupted(per_second: float, share: float, headline: float | None) -> float:
    """Return the share of the time not left out that the headline's pace does not account for.

    A process that was held up for a hundred milliseconds has one slice as long as all others
    together, and the same median. Where that is less than a tenth, 0.
    """
    if headline is None or not headline * (1 - share) > 0:
        return 0.0
    paced = per_second / (headline * (1 - share))
    return 1 - paced if paced < _NEARLY else 0.0
