"""Subscriber of signals: takes each batch and confirms how many it was.

``python quote_subscriber.py PORT CONFIRMATIONS_PORT``; both are the publisher's, on loopback. It
ends with its standard input.
"""

from __future__ import annotations

import os
import sys
from threading import Thread

import zmq

SIGNAL_BYTES = 32


def main(port: str, confirmations_port: str) -> None:
    """Run until standard input ends."""
    Thread(target=_end_with_input, daemon=True).start()
    context = zmq.Context()
    confirmations = context.socket(zmq.PUSH)
    confirmations.connect(f"tcp://127.0.0.1:{confirmations_port}")
    batches = context.socket(zmq.SUB)
    batches.subscribe(b"signals")
    batches.connect(f"tcp://127.0.0.1:{port}")
    while True:
        _, content = batches.recv_multipart(copy=False)
        count = len(content.buffer) // SIGNAL_BYTES
        confirmations.send(count.to_bytes(8, "little"))


def _end_with_input() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:3])
