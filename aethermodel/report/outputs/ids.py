"""Ids of a page, each once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

_OF_OUTPUT = re.compile(r"o\d+(\.|$)")


class Ids:
    """Hands out ids that a page does not hold yet.

    Ids of outputs lie apart from all others: each has its output's prefix (`output`), which no
    heading and no other text can have.

    Parameters
    ----------
    reserved : iterable of str
        Ids that the page itself uses.
    """

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        self._taken = set(reserved)
        self._last: Counter[str] = Counter()
        self._outputs = 0

    def __contains__(self, name: str) -> bool:
        return name in self._taken

    def output(self) -> str:
        """Return the id of the next output; with a dot behind it, the prefix of its ids."""
        self._outputs += 1
        return f"o{self._outputs}"

    def free(self, name: str) -> str:
        """Take `name`, or `name` with the first number that makes it free."""
        wanted = f"-{name}" if _OF_OUTPUT.match(name) else name
        candidate = wanted
        while candidate in self._taken:
            self._last[wanted] = max(self._last[wanted], 1) + 1
            candidate = f"{wanted}-{self._last[wanted]}"
        self._taken.add(candidate)
        return candidate
