"""Refusals: what is wrong with an input, in one printable line."""

from __future__ import annotations

import reprlib

from pydantic import ValidationError

from aethermodel.text.printable import printable

#: Most characters of a refusal, and of what it quotes.
_MOST, _MOST_QUOTED = 400, 80

_quoting = reprlib.Repr()
_quoting.maxstring = _quoting.maxother = _quoting.maxlong = _MOST_QUOTED
_quoting.maxlevel = 2


class InputError(ValueError):
    """A file, or another input from outside, is not what it should be; says where and what."""

    def __init__(self, message: object) -> None:
        super().__init__(_cut(str(message)))


def _cut(text: str) -> str:
    """Return a text as one line that no terminal obeys, cut."""
    line = printable(" ".join(text[: 4 * _MOST].split()), one_line=True)
    return line if len(line) <= _MOST else f"{line[: _MOST - 4]} ..."


def quoted(value: object) -> str:
    """Return a value as a message shows it, cut."""
    return _quoting.repr(value)


def one_line(error: Exception) -> str:
    """Say what was wrong with an input in one line."""
    return _cut(_said(error)) or f"{type(error).__name__}, without a word why"


def one_line_of(error: BaseException) -> str:
    """Say in one line what user code raised: a SystemExit or the like in its own words."""
    return one_line(error) if isinstance(error, Exception) else str(error)


def _said(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
        given = "" if isinstance(first["input"], dict) else f", not {quoted(first['input'])}"
        if first["type"] == "extra_forbidden":
            return f"{where}: there is no such setting{more}"
        message = first["msg"].removeprefix("Value error, ")
        return f"{where}: {message}{given}{more}" if where else f"{message}{more}"
    if hasattr(error, "format_message"):  # the command line itself was wrong
        return str(error.format_message())
    if isinstance(error, OSError) and error.filename:
        return f"{printable(str(error.filename), one_line=True)}: {error.strerror}"
    return str(error)
