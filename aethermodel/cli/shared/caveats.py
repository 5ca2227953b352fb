"""Caveats: what weakens the figures of a command, in one line on standard error."""

from __future__ import annotations

from collections.abc import Sequence

import typer

# A longer beginning says too much for a line that counts.
_MOST_SUBJECT = 24


def tell_caveats(caveats: Sequence[str], *, verbose: bool = False) -> None:
    """Print one line that counts the caveats and names what they are of; all of them on request.

    Parameters
    ----------
    caveats : sequence of str
        Each begins with its subject and a colon, such as ``kernel: ...``.
    verbose : bool
        Print each in full, a line each.
    """
    if verbose or len(caveats) == 1:
        for text in caveats:
            typer.echo(f"warning: {text}", err=True)
    elif caveats:
        subjects = dict.fromkeys(text.partition(":")[0] for text in caveats)
        named = ", ".join(subject for subject in subjects if len(subject) <= _MOST_SUBJECT)
        about = f" ({named})" if named else ""
        typer.echo(f"warning: {len(caveats)} remarks on the calibration{about}: see -v", err=True)
