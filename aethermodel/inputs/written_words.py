"""Written words: what a number, true, false or null looks like, and how large a number may be."""

from __future__ import annotations

import math
import re
from typing import Any

from aethermodel.inputs.refusals import InputError, quoted

#: Nests of a document at most.
MOST_DEEP = 64
LARGEST = 2**64
_NUMBER = re.compile(
    r"[-+]?((0|[1-9](_?[0-9])*)(\.([0-9](_?[0-9])*)?)?|(\.[0-9]+))"
    r"([eE][-+]?[0-9]+)?"
)
_MEANINGS = {"true": True, "false": False, "null": None}
_WORDS = {
    spelt: value
    for word, value in _MEANINGS.items()
    for spelt in (word, word.capitalize(), word.upper())
}
_NO_NUMBER = re.compile(r"[-+]?\.(inf|nan)", re.IGNORECASE)


def scalar(text: str) -> Any:
    """Return what one written word means: a number, true, false, null; or the text itself.

    A number is what reads as one to everybody: ``017``, ``0x1f`` and ``12:30:00`` are texts.

    Raises
    ------
    InputError
        If it is a number beyond 64 bits, or none that is finite.
    """
    plain = text.strip()
    if plain in _WORDS:
        return _WORDS[plain]
    if _NO_NUMBER.fullmatch(plain):
        raise endless(plain)
    number = _NUMBER.fullmatch(plain)
    if number is None:
        return plain
    digits = plain.replace("_", "")
    return decimal(digits) if {*"eE."} & {*digits} else integer(digits)


def integer(text: str) -> int:
    """Return a whole number of at most 64 bits."""
    if len(text) > 25:
        raise too_large(len(text))
    value = int(text)
    if abs(value) >= LARGEST:
        raise too_large(len(text))
    return value


def decimal(text: str) -> float:
    """Return a finite number."""
    value = float(text)
    if math.isinf(value):
        raise endless(text)
    return value


def endless(what: object) -> InputError:
    """Return the refusal of a number that is not finite."""
    return InputError(f"wanted a finite number, not {quoted(what)}")


def too_large(digits: int) -> InputError:
    """Return the refusal of a whole number beyond 64 bits."""
    return InputError(f"a whole number of about {digits:,} digits: no more than 64 bits")
