"""Closing: a context manager whose block ends with its own `close`."""

from types import TracebackType
from typing import Self


class Closing:
    """Base class of what is closed at the end of a ``with`` block."""

    def close(self) -> None:
        """Let go of everything; idempotent."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()
