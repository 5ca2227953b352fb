"""Subscriber of signals: takes each batch and confirms how many it was.

``python quote_subscriber.py PORT CONFIRMATIONS_PORT``; both are the publisher's, on loopback.
"""

from __future__ import annotations

import sys

import zmq

SIGNAL_BYTES = 32


def main(port: str, confirmations_port: str) -> None:
    """Run until the process is ended."""
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


if __name__ == "__main__":
    main(*sys.argv[1:3])
