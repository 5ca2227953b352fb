"""Failures of handlers and streams, kept as text so that no batch stays alive."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

_Error = TypeVar("_Error", bound=BaseException)
_MOST_MESSAGE = 500
_MOST_TRACEBACK = 8000


class EventsLost(RuntimeError):  # noqa: N818
    """Events were taken in by a bus, and not handled to the end."""


class HandlerFailed(RuntimeError):  # noqa: N818
    """A handler raised."""


class Failure(NamedTuple):
    """One handler call that raised.

    Attributes
    ----------
    topic : int
    handler : callable
    kind : str
        Name of the exception's class.
    message : str
        What it said, cut after 500 characters.
    """

    topic: int
    handler: Callable[..., Any]
    kind: str
    message: str

    @classmethod
    def of(cls, topic: int, handler: Callable[..., Any], error: BaseException) -> Failure:
        """Return what is kept of an error."""
        return cls(topic, handler, type(error).__qualname__, message_of(error))

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}" if self.message else self.kind


def message_of(error: BaseException) -> str:
    """Return what an exception says, cut where it is long; it may itself fail to say it."""
    try:
        return str(error)[:_MOST_MESSAGE]
    except Exception:
        return "(no text)"


def traceback_of(error: BaseException) -> str:
    """Return an exception's traceback as text, cut where it is long."""
    try:
        return "".join(traceback.format_exception(error))[-_MOST_TRACEBACK:]
    except Exception:
        return f"{type(error).__qualname__}: {message_of(error)}"


def without_frames(error: _Error) -> _Error:
    """Return the same exception without the frames that it and its causes went through."""
    left, seen = list[BaseException]([error]), set[int]()
    while left:
        one = left.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        one.__traceback__ = None
        left += (e for e in (one.__cause__, one.__context__) if e is not None)
        if isinstance(one, BaseExceptionGroup):
            left += one.exceptions
    return error
