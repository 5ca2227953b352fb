"""Base class for receivers that wrap another receiver."""

from __future__ import annotations

from aethermodel.bus.fabrics.protocol import Receiver


class Passing:
    """All but `receive` and `release` of a receiver that passes on another's batches.

    Parameters
    ----------
    receiver : Receiver
        Stays open: whoever made it closes it.
    """

    def __init__(self, receiver: Receiver) -> None:
        self.label = receiver.label
        self.copies = receiver.copies
        self._receiver = receiver

    @property
    def waiting(self) -> int:
        """Events that wait in the receiver."""
        return self._receiver.waiting

    def close(self) -> None:
        """Leave the receiver open for the next run."""
