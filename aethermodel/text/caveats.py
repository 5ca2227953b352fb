"""Caveats of a calibration, counted in one line."""

from __future__ import annotations

from collections.abc import Sequence

# A longer beginning says too much for a line that counts.
_MOST_SUBJECT = 24


def counted(caveats: Sequence[str]) -> str:
    """Return how many caveats there are and what they are of, such as ``2 remarks on the ...``.

    Parameters
    ----------
    caveats : sequence of str
        Each begins with its subject and a colon, such as ``kernel: ...``.
    """
    subjects = dict.fromkeys(
        text.removeprefix("inconclusive: ").partition(":")[0].partition(" is ")[0]
        for text in caveats
    )
    named = ", ".join(subject for subject in subjects if len(subject) <= _MOST_SUBJECT)
    about = f" ({named})" if named else ""
    return f"{len(caveats)} remark{'s' * (len(caveats) != 1)} on the calibration{about}"
