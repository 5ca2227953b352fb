"""Ring frames: recordings, and what the process at the other end of a ring may send or write."""

from __future__ import annotations

import fcntl
import mmap
import os
import socket
import struct
import tempfile
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from cython_core import Recorder, Replay, Ring, RingError, RingHandle, allocate, verify
from cython_core.ring.handle import make_ends
from cython_core.ring.shared_memory import MAGIC
from tools.torture.inputs.source import Source, mutated
from tools.torture.witness import fill


class WrongReadError(AssertionError):
    """A reader accepted what it must not, or gave other than what is there."""


def _memory_file(data: bytes) -> int:
    memory = os.memfd_create("torture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.write(memory, data)
    return memory


# ---- recordings


def recording(folder: Path, events: int = 40) -> bytes:
    """Return a recording as bytes."""
    path = folder / "sample.events"
    batch = allocate(events)
    fill(batch, 0)
    with Recorder(path) as recorder:
        recorder.write(batch)
    data = path.read_bytes()
    path.unlink()
    return data


def read_recording(data: bytes) -> None:
    """Replay a recording: exactly the whole events that the file holds."""
    memory = _memory_file(data)
    try:
        with Replay(f"/proc/self/fd/{memory}") as replay:
            seen = 0
            for batch in replay:
                verify(batch)
                if batch.tobytes() != data[4096 + 64 * seen :][: batch.nbytes]:
                    raise WrongReadError("a replayed event is not the file's")
                seen += len(batch)
            if seen != (len(data) - 4096) // 64:
                raise WrongReadError(f"{seen} events of {(len(data) - 4096) // 64} were replayed")
            del batch
    except UnboundLocalError:
        pass  # not one batch
    finally:
        os.close(memory)


# ---- the greeting that passes a ring's end over a Unix socket

_NOTE = struct.Struct("<12sI")
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL
GREETING = _NOTE.pack(b"aether-ring\n", 1) + bytes((0, 1, 2, 3))
#: Pages that a foreign sparse ring may take up once it is attached.
_MOST_PAGES = 4096


def read_greeting(data: bytes) -> None:
    """Attach to whatever descriptors the bytes choose: a ring's own, or anything else."""
    note, chosen = data[:16], data[16:32]
    with ExitStack() as undo:
        left, right = make_ends(64)
        undo.callback(left.close)
        own = list(right.take())
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        undo.enter_context(ours)
        undo.enter_context(theirs)
        sent: list[int] = []
        sparse: list[int] = []
        for byte in chosen:
            fd = _descriptor(byte, own, sparse)
            sent.append(fd)
        socket.send_fds(theirs, [note or b"-"], sent)
        for fd in {*sent, *own} - set(sparse):
            os.close(fd)
        for fd in sparse:
            undo.callback(os.close, fd)
        ours.settimeout(5)
        ring = RingHandle.receive(ours).attach()
        try:
            _use(ring)
        finally:
            ring.abort()
            for fd in sparse:
                if os.fstat(fd).st_blocks * 512 > _MOST_PAGES * mmap.PAGESIZE:
                    raise WrongReadError("attaching filled a foreign ring that was sparse")


def _descriptor(byte: int, own: list[int], sparse: list[int]) -> int:
    if byte < 4:
        return os.dup(own[byte])
    kind = byte % 6
    if kind == 0:
        return os.open("/dev/null", os.O_RDWR)
    if kind == 1:
        return os.eventfd(byte, os.EFD_CLOEXEC)
    if kind == 2:
        first, second = os.pipe()
        os.close(second)
        return first
    if kind == 3:
        return os.open("/", os.O_RDONLY)
    capacity = 1 << byte % 20 if kind == 4 else 2**20
    memory = _memory_file(struct.pack("<8sQI", MAGIC, capacity, 64))
    os.truncate(memory, 2 * 1024 * 1024 + 64 * capacity if capacity >= 2**15 else 64 * capacity)
    if byte & 64:
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _SEALS)
    if kind == 5:
        sparse.append(memory)
    return memory


def _use(ring: Ring) -> None:
    """Do once what an end does, never waiting."""
    if ring.role == "producer":
        fill(ring.reserve(1, timeout=0), 0)
        ring.commit()
    else:
        events = ring.peek(timeout=0)
        verify(events)
        del events
        ring.release()
    ring.counters()
    if ring.peer_alive:
        ring.available  # noqa: B018 - it looks at what the peer wrote


# ---- the header that the peer may write

POSITIONS = b"".join(struct.pack("<HQ", place, 3) for place in (16, 32))


def read_positions(data: bytes) -> None:
    """Use a ring whose peer writes any words into the shared header, one after the other."""
    left, right = make_ends(64)
    memory = os.dup(left._fds[0])
    producing = len(data) % 2 == 0
    with ExitStack() as undo:
        undo.callback(os.close, memory)
        ring = (left if producing else right).attach()
        undo.callback(ring.abort)
        undo.callback((right if producing else left).close)
        header = undo.enter_context(mmap.mmap(memory, 4096))
        words = np.frombuffer(header, np.uint64)
        try:
            for at in range(0, len(data) - 9, 10):
                place, value = struct.unpack_from("<HQ", data, at)
                words[place % 512] = value
                try:
                    _use(ring)
                except TimeoutError:
                    continue
        finally:
            del words


# ---- messages on the line between both ends


def read_link(data: bytes) -> None:
    """Say anything on the line that tells an end of its peer's death."""
    left, right = make_ends(4)
    memory, wake, wake_peer, link = right.take()
    with socket.socket(fileno=link) as line:
        for fd in (memory, wake, wake_peer):
            os.close(fd)
        ring = left.attach()
        try:
            for at in range(0, len(data), 8):
                part = data[at : at + 8]
                message = b"aether-ring end" if part[0] & 1 else part
                with ExitStack() as undo:
                    fds = [os.open("/dev/null", os.O_RDONLY) for _ in range(part[-1] % 4)]
                    for fd in fds:
                        undo.callback(os.close, fd)
                    socket.send_fds(line, [message], fds)
                ring.peer_alive  # noqa: B018 - it reads what was said
            _use(ring)
        finally:
            ring.abort()


def sources() -> dict[str, Source]:
    """Return the frames of rings and recordings."""
    with tempfile.TemporaryDirectory(prefix="sample-") as folder:
        sample = recording(Path(folder))
    return {
        "recording": mutated(sample, read_recording, ValueError),
        "ring-greeting": mutated(GREETING, read_greeting, ValueError, OSError, RingError),
        "ring-positions": mutated(POSITIONS * 4, read_positions, RingError),
        "ring-line": mutated(bytes(range(1, 65)), read_link, RingError, OSError),
    }
