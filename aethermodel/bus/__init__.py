"""The plane: the asyncio side of the pipeline, which hands whole batches to handlers."""

from aethermodel.bus.adaptive_size import AdaptiveSize, FixedSize, Ladder
from aethermodel.bus.batching import Batcher
from aethermodel.bus.bus import SIGNALS, Bus
from aethermodel.bus.fabrics.protocol import (
    Backlogged,
    EndOfStream,
    Receiver,
    Sender,
    SenderLost,
    StreamBroken,
)
from aethermodel.bus.topics import Topics

__all__ = [
    "SIGNALS",
    "AdaptiveSize",
    "Backlogged",
    "Batcher",
    "Bus",
    "EndOfStream",
    "FixedSize",
    "Ladder",
    "Receiver",
    "Sender",
    "SenderLost",
    "StreamBroken",
    "Topics",
]
