"""Streams over TCP for tests: both ends connected, and what one end would hear."""

import asyncio
import socket

from aethermodel.bus import EndOfStream, SenderLost
from aethermodel.bus.fabrics.tcp import SharedKey, TcpListener, TcpReceiver, TcpSender
from aethermodel.bus.fabrics.tcp.frames import pack_head
from aethermodel.measure.harness.batch_pool import make_batch
from cython_core import frame_checksum, number

TOPICS = [f"t.{i}" for i in range(4)]
KEY = SharedKey(b"the key of these tests")


def batch_of(events, first=0):
    batch = make_batch(events, 4, seed=first)
    number(batch, first, 0)
    return batch


async def connected(**settings):
    """Return a sender and its receiver."""
    listener = await TcpListener.listen(key=KEY, **settings)
    sender = await TcpSender.connect(listener.port, key=KEY)
    receiver = await listener.accept()
    listener.close()
    return sender, receiver


async def fed_by_hand(**settings):
    """Return a receiver, and the socket over which it gets what a test writes."""
    near, far = socket.socketpair()
    near.setblocking(False)
    receiver = TcpReceiver(**settings)
    await asyncio.get_running_loop().create_connection(lambda: receiver, sock=far)
    return near, receiver


async def all_of(receiver):
    """Return copies of the batches that come, and how the stream ended."""
    came = []
    while True:
        try:
            came.append((await asyncio.wait_for(receiver.receive(), 60)).copy())
            receiver.release()
        except (EndOfStream, SenderLost) as end:
            return came, end


def frames_of(batches):
    wire = b""
    for i, batch in enumerate(batches):
        events = batch.tobytes()
        wire += pack_head(len(batch), i, frame_checksum(events)) + events
    return wire + pack_head(0, len(batches), 0)


class Fed:
    """A receiver that is fed by hand what a connection would bring."""

    def __init__(self, most=64, pool=8):
        self.hung_up = False
        self.receiver = TcpReceiver(most, pool)
        self.receiver.connection_made(self)

    def abort(self):
        self.hung_up = True

    close = abort

    def pause_reading(self): ...

    def feed(self, wire):
        while wire:
            room = self.receiver.get_buffer(-1)
            part = wire[: len(room)]
            room[: len(part)] = part
            self.receiver.buffer_updated(len(part))
            wire = wire[len(part) :]
            if self.hung_up:
                break


async def heard(wire):
    fed = Fed()
    fed.feed(wire)
    fed.receiver.connection_lost(None)
    return await all_of(fed.receiver)
