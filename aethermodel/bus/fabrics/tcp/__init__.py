"""The fabric through the kernel's TCP: frames of events, receipts, and a key on both sides."""

from aethermodel.bus.fabrics.key_exchange import PeerRefused, SharedKey
from aethermodel.bus.fabrics.tcp.listener import TcpListener
from aethermodel.bus.fabrics.tcp.receiver import TcpReceiver
from aethermodel.bus.fabrics.tcp.sender import TcpSender

__all__ = ["PeerRefused", "SharedKey", "TcpListener", "TcpReceiver", "TcpSender"]
