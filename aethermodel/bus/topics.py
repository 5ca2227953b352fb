"""Topic names and the numbers that events carry."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cython_core import MAX_TOPICS

_SEGMENT = r"[A-Za-z0-9_-]+"
_NAME = re.compile(rf"{_SEGMENT}(\.{_SEGMENT})*")
_PATTERN = re.compile(rf"({_SEGMENT}|\*)(\.({_SEGMENT}|\*))*(\.\*\*)?|\*\*")


class Topics:
    """Names of a bus's topics; a name's place is the ``topic`` of its events.

    Parameters
    ----------
    names : iterable of str
        Segments of letters, digits, ``-`` and ``_``, joined by dots, such as
        ``md.trade``; 1 to 65,536 different ones.

    Raises
    ------
    ValueError
        On anything else.

    Examples
    --------
    >>> Topics(["md.trade", "md.quote", "host.cpu"]).match("md.*")
    (0, 1)
    """

    def __init__(self, names: Iterable[str]) -> None:
        if isinstance(names, str):
            raise ValueError(f"topics are several names, not the string {names!r}")
        self._names = tuple(names)
        for name in self._names:
            if not isinstance(name, str) or not _NAME.fullmatch(name):
                raise ValueError(f"{name!r} is no topic name: words joined by dots, as md.trade")
        self._ids = {name: i for i, name in enumerate(self._names)}
        if len(self._ids) != len(self._names):
            twice = next(name for name in self._names if self._names.count(name) > 1)
            raise ValueError(f"topic {twice!r} is named twice")
        if not 1 <= len(self._names) <= MAX_TOPICS:
            raise ValueError(f"a bus has 1 to {MAX_TOPICS} topics, not {len(self._names)}")

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def name(self, topic: int) -> str:
        """Return the name of a topic id; IndexError if there is no such topic."""
        if not 0 <= topic < len(self._names):
            raise IndexError(f"topic {topic} is not among 0 to {len(self._names) - 1}")
        return self._names[topic]

    def id(self, name: str) -> int:
        """Return the id of a name; ValueError if it is not a topic's."""
        if name not in self._ids:
            raise ValueError(f"no topic {name!r} on this bus")
        return self._ids[name]

    def match(self, pattern: str) -> tuple[int, ...]:
        """Compile a pattern to the ids it stands for, ascending.

        Parameters
        ----------
        pattern : str
            A name in which ``*`` stands for any one segment, and a last ``**`` for one
            or more.

        Raises
        ------
        ValueError
            If it is no pattern, or no topic matches: a handler that never runs is a typo.
        """
        if not isinstance(pattern, str) or not _PATTERN.fullmatch(pattern):
            raise ValueError(f"{pattern!r} is no topic pattern: such as md.trade, md.* or md.**")
        regex = re.escape(pattern).replace(r"\*\*", ".+").replace(r"\*", "[^.]+")
        ids = tuple(i for i, name in enumerate(self._names) if re.fullmatch(regex, name))
        if not ids:
            raise ValueError(f"no topic matches {pattern!r}")
        return ids
