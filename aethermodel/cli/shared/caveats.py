"""Caveats: what weakens the figures of a command, in one line on standard error."""

from __future__ import annotations

from collections.abc import Sequence

import typer

from aethermodel.text.caveats import counted


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
        typer.echo(f"warning: {counted(caveats)}: see -v", err=True)
