"""Exceptions of a ring."""


class RingError(Exception):
    """Base of all that can go wrong with a ring's other end.

    Attributes
    ----------
    committed : int
        Events the producer had committed, exactly.
    consumed : int
        Events the consumer had released, as last seen.
    """

    def __init__(self, message: str, committed: int = 0, consumed: int = 0) -> None:
        super().__init__(message)
        self.committed = committed
        self.consumed = consumed


class RingClosed(RingError):  # noqa: N818 - an end of stream is no error, as StopIteration is none
    """The other end closed in good order; a consumer has had every event."""


class PeerDied(RingError):  # noqa: N818
    """The other end vanished without closing; a consumer has had every committed event."""


class RingCorrupt(RingError):  # noqa: N818
    """The other end wrote a position that cannot be true."""
