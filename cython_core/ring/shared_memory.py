"""Shared memory of a ring: sealed, of exact size, allocated before use."""

import errno
import fcntl
import math
import mmap
import os
import struct

from cython_core.events.record import EVENT_BYTES
from cython_core.events.record_type import MAX_RECORD_BYTES, MIN_RECORD_BYTES
from cython_core.ring.memory_room import memory_room

MAX_CAPACITY = 2**31
#: Bytes of the largest ring that is opened on another process's word: 16,777,216 events.
MOST_BYTES = 2**30
#: Bytes of a huge page, on processors whose pages have 4 KiB.
HUGE_PAGE = 2 * 1024 * 1024

_HEADER = struct.Struct("<8sQI")
#: First bytes of a ring's memory: another layout, another number.
MAGIC = b"ATHRING2"
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


def slots_for(capacity: int, record_bytes: int = EVENT_BYTES) -> int:
    """Return how many events the memory holds: whole pages, so that it can be mapped twice."""
    return max(capacity, mmap.PAGESIZE // math.gcd(mmap.PAGESIZE, record_bytes))


def events_at(capacity: int, record_bytes: int = EVENT_BYTES) -> int:
    """Return where the events begin: a page after the header, or where a huge page can hold them.

    What lies between is a hole, and takes no memory.
    """
    data_bytes = slots_for(capacity, record_bytes) * record_bytes
    return mmap.PAGESIZE if data_bytes % HUGE_PAGE else HUGE_PAGE


def allocate(capacity: int, record_bytes: int = EVENT_BYTES) -> int:
    """Make the memory of an empty ring.

    Parameters
    ----------
    capacity : int
        Events, a power of two from 1 to 2**31.
    record_bytes : int
        Of each event.

    Returns
    -------
    int
        A descriptor, owned by the caller.

    Raises
    ------
    ValueError
        On another capacity.
    OSError
        If memory or descriptors do not suffice: of the host, or of a control group (a container)
        that this process is in. Whoever takes memory in the same moment may still be faster;
        then the system ends some process, as it does for any memory.
    """
    if not _possible(capacity):
        raise ValueError(f"capacity must be a power of two from 1 to 2**31, not {capacity}")
    data_bytes = slots_for(capacity, record_bytes) * record_bytes
    wanted = mmap.PAGESIZE + data_bytes
    room = memory_room()
    if wanted > room:
        # The system would find out page by page, and then kill.
        raise OSError(
            errno.ENOMEM,
            f"a ring of {capacity} events takes {wanted} bytes of memory, and {room} are free",
        )
    memory = os.memfd_create("aether-ring", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        # Allocated, not only sized: memory that runs out must fail here, not as a
        # SIGBUS in whoever touches the page first.
        os.posix_fallocate(memory, 0, mmap.PAGESIZE)
        os.posix_fallocate(memory, events_at(capacity, record_bytes), data_bytes)
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, _SEALS)
        os.pwrite(memory, _HEADER.pack(MAGIC, capacity, record_bytes), 0)
    except BaseException:
        os.close(memory)
        raise
    return memory


def inspect(memory: int, most_bytes: int | None = None, record_bytes: int = EVENT_BYTES) -> int:
    """Return the capacity of a ring's memory, once sure that nothing about it can hurt us.

    Parameters
    ----------
    memory : int
        A descriptor.
    most_bytes : int, optional
        Bytes that the events may take.
    record_bytes : int
        Of each event, as this side understands it.

    Raises
    ------
    ValueError
        If it is not what `allocate` makes: sealed against shrinking, so that no page
        can go away under us, of the size that its capacity asks for, and allocated, so that
        mapping it takes no memory; if its events are of another size; or if it is larger than
        `most_bytes`.
    """
    try:
        seals = fcntl.fcntl(memory, fcntl.F_GET_SEALS)
    except OSError as error:
        raise ValueError("a ring's memory is a sealed memfd; this is not") from error
    if seals & _SEALS != _SEALS:
        raise ValueError("a ring's memory must be sealed against growing and shrinking")
    status = os.fstat(memory)
    start = os.pread(memory, _HEADER.size, 0)
    magic, capacity, event_bytes = (
        _HEADER.unpack(start) if len(start) == _HEADER.size else (b"", 0, 0)
    )
    known = MIN_RECORD_BYTES <= event_bytes <= MAX_RECORD_BYTES
    if magic != MAGIC or not known or not _possible(capacity):
        raise ValueError("this memory does not begin as a ring does")
    if event_bytes != record_bytes:
        raise ValueError(
            f"this ring holds records of {event_bytes} bytes, not of {record_bytes}: say of which "
            "type, with record="
        )
    events = slots_for(capacity, record_bytes) * record_bytes
    expected = events_at(capacity, record_bytes) + events
    if status.st_size != expected:
        raise ValueError(
            f"a ring of {capacity} events has {expected} bytes, this memory {status.st_size}"
        )
    if most_bytes is not None and events > most_bytes:
        raise ValueError(
            f"the ring's events take {events} bytes, more than the {most_bytes} that are allowed: "
            "pass most_bytes= to open it all the same"
        )
    # Else mapping it would make the pages that its maker only named. Holes that are made later
    # are filled as they are touched, up to most_bytes.
    if status.st_blocks * 512 < mmap.PAGESIZE + events:
        raise ValueError(
            f"a ring of {capacity} events has {events} bytes, of which some are not allocated"
        )
    return int(capacity)


def _possible(capacity: int) -> bool:
    return 1 <= capacity <= MAX_CAPACITY and not capacity & (capacity - 1)
