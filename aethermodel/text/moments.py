"""Moments, written in one way: day, time of day, UTC."""

from __future__ import annotations

from datetime import UTC, datetime


def moment(text: str) -> str:
    """Write a moment of ISO 8601 for reading: ``2026-11-30 08:34:59 UTC``.

    Parameters
    ----------
    text : str
        Such as ``2026-11-30T08:34:59+00:00``; what is none, as a file from elsewhere may hold, is
        returned as it is.
    """
    known = _parsed(text)
    return text if known is None else f"{known:%Y-%m-%d %H:%M:%S} UTC"


def period(first: str, last: str) -> str:
    """Write what lies between two moments: ``2026-11-30 08:41:14 to 08:41:24 UTC``."""
    start, end = moment(first), moment(last)
    if start == end:
        return start
    day, _, _ = start.partition(" ")
    if _parsed(first) is None or _parsed(last) is None or not end.startswith(f"{day} "):
        return f"{start} to {end}"
    return f"{start.removesuffix(' UTC')} to {end.removeprefix(f'{day} ')}"


def _parsed(text: str) -> datetime | None:
    if ":" not in text:  # a day alone is no moment
        return None
    try:
        known = datetime.fromisoformat(text)
        return known.astimezone(UTC) if known.tzinfo else known.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
