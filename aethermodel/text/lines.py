"""Lines of a window: text broken at words where the window ends."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from aethermodel.text.number_format import unbroken


def wrapped(lines: str | Iterable[str], width: int) -> Iterator[str]:
    """Yield lines that fit a width, what goes on in a further line indented.

    Parameters
    ----------
    lines : str or iterable of str
        A text, or its lines. A word alone, such as a path, is never broken.
    width : int
        In columns.
    """
    for line in lines.splitlines() if isinstance(lines, str) else lines:
        own = len(line) - len(line.lstrip())
        parts = textwrap.wrap(
            unbroken(line),
            width,
            subsequent_indent=" " * (own + 2),
            break_on_hyphens=False,
            break_long_words=False,
        )
        yield from (part.replace("\N{NO-BREAK SPACE}", " ") for part in parts or [""])
