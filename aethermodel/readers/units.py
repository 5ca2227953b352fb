"""Units of times and sizes, as headers of tables write them."""

from __future__ import annotations

import re

#: Seconds of each unit of time.
SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0}

_SPELT = {
    "s": ("s", "sec", "secs", "second", "seconds"),
    "ms": ("ms", "msec", "msecs", "millis", "millisecond", "milliseconds"),
    "us": ("us", "µs", "μs", "usec", "usecs", "micros", "microsecond", "microseconds"),
    "ns": ("ns", "nsec", "nsecs", "nanos", "nanosecond", "nanoseconds"),
    "min": ("min", "mins", "minute", "minutes"),
    "h": ("h", "hour", "hours"),
}
_UNITS = {word: unit for unit, words in _SPELT.items() for word in words}
# Minutes and hours are read where someone asks for them: "min" is a minimum in most headers.
_IN_HEADERS = {word: unit for word, unit in _UNITS.items() if unit not in ("min", "h")}
_WORDS = re.compile(r"[A-Za-zµμ]+")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_BYTES = {"b", "byte", "bytes", "octets"}


def time_unit(word: str) -> str | None:
    """Return the unit that a word spells, such as ``us`` for ``usec``; None if it is none."""
    return _UNITS.get(word.strip().lower())


def unit_in_header(header: str) -> str | None:
    """Return the unit of time in a column's name: ``time_us``, ``t_avg[usec]``, ``Latency (us)``.

    One letter counts as a unit in brackets, after a slash or an underscore, or alone.
    """
    words = [word.lower() for word in _WORDS.findall(_CAMEL.sub(" ", header))]
    if not words or (words[-1] not in _IN_HEADERS):
        return None
    unit = _IN_HEADERS[words[-1]]
    last = words[-1]
    if len(last) > 1 or len(words) == 1 or re.search(rf"[_\[(/. ]{last}[\])]?\s*$", header.lower()):
        return unit
    return None


def words_of(header: str) -> list[str]:
    """Return the words of a column's name in small letters."""
    return [word.lower() for word in re.findall(r"[A-Za-zµμ0-9]+", _CAMEL.sub(" ", header))]


def time_kind(size: str, time: str) -> str:
    """Return what a time is of, by the names of the two columns.

    Returns
    -------
    str
        ``round trip`` of a column such as ``rtt_us``, ``one way`` where it says so, ``per batch``
        beside a column such as ``batch_size``, else ``per operation``.
    """
    words = {*words_of(time)}
    if {"rtt", "roundtrip"} & words or {"round", "trip"} <= words:
        return "round trip"
    if "oneway" in words or {"one", "way"} <= words:
        return "one way"
    return "per batch" if {"batch", "batchsize"} & {*words_of(size)} else "per operation"


def size_unit(header: str) -> str:
    """Return ``B`` for a column of bytes, and an empty text for a plain count."""
    return "B" if _BYTES & {*words_of(header)} else ""
