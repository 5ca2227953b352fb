"""Plain values of JSON, TOML and YAML, with bounds on depth and size.

Each parser gives dicts, lists, texts, finite numbers, true, false and none; of a name that is
given twice, of nests deeper than `MOST_DEEP`, and of numbers beyond 64 bits none is taken.
"""

from __future__ import annotations

import json
import math
import re
import tomllib
from typing import Any

from aethermodel.inputs.refusals import InputError, quoted
from aethermodel.inputs.written_words import (
    LARGEST,
    MOST_DEEP,
    decimal,
    endless,
    integer,
    too_large,
)

#: Most bytes of a file that a person writes.
MOST_WRITTEN = 256 * 2**10

# A text as one piece, so that brackets within do not count.
_TEXTS = re.compile(r'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NESTS = re.compile(r"[\[{\]}]")
# Of a power that a float may not have, or of more digits than 64 bits; begins with one class of
# characters, which a search looks for quickly.
_ODD_NUMBER = re.compile(r"\d(?:[eE]\+?\d{3}|\d{19})")
_HALF_OF_A_PAIR = re.compile(r"\\u[dD][89a-fA-F]")
# tomllib takes quadratic time over the parts of a dotted name.
_DOTTED = re.compile(r"""(?<![\w'"-])(?:[\w'"-]++[ \t]*+\.[ \t]*+){33}""")


def text_of(content: bytes) -> str:
    """Return UTF-8 as text, without the byte order mark that some editors put in front."""
    try:
        return content.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise InputError(f"not UTF-8 at byte {error.start}: save it as UTF-8") from None


def parse_json(content: bytes, *, finite: bool = True) -> Any:
    """Read JSON.

    Parameters
    ----------
    content : bytes
    finite : bool
        Whether ``NaN`` and ``Infinity``, which some programs write, are refused.

    Raises
    ------
    InputError
        If it is none, or says what `check_plain` refuses.
    """
    text = text_of(content)
    if text.count("[") + text.count("{") > MOST_DEEP:
        _check_nests(text)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_constant=_constant if finite else float,
            **_hooks_for(text),
        )
    except json.JSONDecodeError as error:
        raise InputError(f"not JSON ({error})") from None
    if "\\u" in text and _HALF_OF_A_PAIR.search(text):
        check_plain(value)
    return value


def parse_toml(content: bytes) -> dict[str, Any]:
    """Read TOML; dates and times, which no parameter takes, are left to the schema.

    Raises
    ------
    InputError
        If it is none, or says what `check_plain` refuses.
    """
    text = text_of(content)
    if _DOTTED.search(text):
        raise InputError("not TOML (a name of more than 32 dotted parts)")
    try:
        value = tomllib.loads(text)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise InputError(f"not TOML ({error})") from None
    check_plain(value)
    return value


def parse_yaml(content: bytes) -> Any:
    """Read YAML as its version 1.2 has it: ``12:30:00``, ``on``, ``017`` and dates stay texts.

    Raises
    ------
    InputError
        If it is none, has tags or aliases, or says what `check_plain` refuses.
    """
    import yaml

    from aethermodel.inputs.yaml_loader import PlainLoader

    text = text_of(content)
    try:
        value = yaml.load(text, PlainLoader)  # a SafeLoader, of fewer types still
    except yaml.YAMLError as error:
        raise InputError(f"not YAML ({error})") from None
    except RecursionError:
        raise _too_deep() from None
    check_plain(value)
    return value


def check_plain(value: Any) -> None:
    """Refuse what would fail later: half characters, numbers beyond 64 bits, endless nests.

    Raises
    ------
    InputError
    """
    level, deep = [value], 0
    while level:
        deep += 1
        if deep > MOST_DEEP:
            raise _too_deep()
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                below += each.keys()
                below += each.values()
            elif isinstance(each, list):
                below += each
            elif isinstance(each, str):
                if not each.isascii():
                    _check_whole(each)
            elif isinstance(each, float) and not math.isfinite(each):
                raise endless(each)
            elif isinstance(each, int) and abs(each) >= LARGEST:
                raise too_large(len(f"{abs(each):x}") * 6 // 5)
        level = below


def _check_nests(text: str) -> None:
    deep = 0
    for bracket in _NESTS.findall(_TEXTS.sub("", text)):
        deep += 1 if bracket in "[{" else -1
        if deep > MOST_DEEP:
            raise _too_deep()


def _check_whole(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"half of a surrogate pair in {text[:40]!a}") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    named = dict(pairs)
    if len(named) < len(pairs):
        seen: set[str] = set()
        for name, _ in pairs:
            if name in seen:
                raise InputError(f"the name {quoted(name)} is given twice")
            seen.add(name)
    return named


def _hooks_for(text: str) -> dict[str, Any]:
    """Return checks of each number, where one may need them: they take longer than the rest."""
    return {"parse_int": integer, "parse_float": decimal} if _ODD_NUMBER.search(text) else {}


def _constant(text: str) -> float:
    raise endless(text)


def _too_deep() -> InputError:
    return InputError(f"nested more than {MOST_DEEP} deep")
