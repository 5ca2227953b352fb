"""Bandwidth ceilings: one word of each event read, or whole events copied."""

from libc.stdint cimport uint64_t
from libc.string cimport memcpy

from cython_core.events.record cimport BatchPool, aether_event
from cython_core.events.record_type cimport (
    RecordPool, RecordType, record_type_of, records_pointer,
)
from cython_core.clock cimport monotonic_seconds

cdef extern from "stream.h" nogil:
    uint64_t aether_read(const aether_event*, size_t)
    uint64_t aether_read_records(const char*, size_t, size_t)

cdef uint64_t _sum = 0  # what was read must go somewhere


def time_read(list batches, Py_ssize_t loops):
    """Time a loop that reads one 8-byte word of each event, called from native code.

    Parameters
    ----------
    batches : list of numpy.ndarray
        Read in turn; shape ``(N,)``, dtype `EVENT_DTYPE` or of another type of records.
    loops : int
        Number of batches to read.

    Returns
    -------
    float
        Seconds for all `loops` reads, on the monotonic clock.

    Raises
    ------
    ValueError
        On a batch that `route` would refuse, or none.
    """
    global _sum
    if batches and not record_type_of(batches[0], None).event:
        return _time_records(RecordPool(batches), loops)
    cdef BatchPool pool = BatchPool(batches)
    cdef Py_ssize_t i, turn = 0
    cdef uint64_t total = 0
    cdef double start, elapsed
    with nogil:
        start = monotonic_seconds()
        for i in range(loops):
            total += aether_read(pool.first[turn], pool.length[turn])
            turn = turn + 1 if turn + 1 < pool.size else 0
        elapsed = monotonic_seconds() - start
    _sum = total
    return elapsed


cdef double _time_records(RecordPool pool, Py_ssize_t loops) except -1:
    """The same of records of any other type."""
    global _sum
    cdef Py_ssize_t i, turn = 0, size = pool.kind.itemsize
    cdef uint64_t total = 0
    cdef double start, elapsed
    with nogil:
        start = monotonic_seconds()
        for i in range(loops):
            total += aether_read_records(pool.first[turn], pool.length[turn], size)
            turn = turn + 1 if turn + 1 < pool.size else 0
        elapsed = monotonic_seconds() - start
    _sum = total
    return elapsed


def time_copy(list batches, Py_ssize_t loops, *, out):
    """Time ``memcpy`` of each batch into `out`, called from native code.

    Parameters
    ----------
    batches : list of numpy.ndarray
        Copied in turn; shape ``(N,)``, dtype `EVENT_DTYPE` or of another type of records.
    loops : int
        Number of batches to copy.
    out : numpy.ndarray
        As long as the longest batch, writable, apart from all of them.

    Returns
    -------
    float
        Seconds for all `loops` copies, on the monotonic clock.

    Raises
    ------
    ValueError
        On a batch that `route` would refuse, or none, or an unfit `out`.
    """
    cdef RecordPool pool = RecordPool(batches)
    cdef RecordType kind = pool.kind
    cdef size_t size = kind.itemsize
    cdef Py_ssize_t i, turn = 0, room = 0
    cdef double start, elapsed
    cdef const char* target
    keeper = records_pointer(out, kind, &target, &room)  # noqa: F841 (its memory stays)
    if not out.flags.writeable:
        raise ValueError("out must be writable")
    for i in range(pool.size):
        if pool.length[i] > room:
            raise ValueError(f"out holds {room} events, a batch has {pool.length[i]}")
        if pool.first[i] < target + room * size and target < pool.first[i] + pool.length[i] * size:
            raise ValueError("out must not overlap a batch")
    with nogil:
        start = monotonic_seconds()
        for i in range(loops):
            memcpy(<char*> target, pool.first[turn], pool.length[turn] * size)
            turn = turn + 1 if turn + 1 < pool.size else 0
        elapsed = monotonic_seconds() - start
    return elapsed
