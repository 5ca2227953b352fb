"""The plane: the asyncio side of the pipeline, which hands whole batches to handlers."""

from aethermodel.bus.bus import SIGNALS, Bus
from aethermodel.bus.fabric import Backlogged, EndOfStream, Receiver, Sender, SenderLost
from aethermodel.bus.topics import Topics

__all__ = [
    "SIGNALS",
    "Backlogged",
    "Bus",
    "EndOfStream",
    "Receiver",
    "Sender",
    "SenderLost",
    "Topics",
]
