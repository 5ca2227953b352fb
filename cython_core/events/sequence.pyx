"""Sequence numbers of events, and where they break off."""

cimport cython
cimport numpy as cnp
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy

from cython_core.events.record cimport aether_event, batch_pointer
from cython_core.events.record_type cimport RecordType, record_type_of, records_pointer

cnp.import_array()


cdef int64_t _first_gap(const aether_event* events, Py_ssize_t n, uint64_t first) noexcept nogil:
    # Blocks without a branch inside: a gap is the exception.
    cdef uint64_t wrong
    cdef Py_ssize_t i = 0, stop
    while i < n:
        stop = min(i + 256, n)
        wrong = 0
        for j in range(i, stop):
            wrong |= events[j].sequence ^ (first + <uint64_t> j)
        if wrong:
            for j in range(i, stop):
                if events[j].sequence != first + <uint64_t> j:
                    return j
        i = stop
    return -1


cdef int64_t _first_gap_of(const char* at, Py_ssize_t n, RecordType kind, uint64_t first):
    cdef Py_ssize_t size = kind.itemsize, i
    cdef bint wide = kind.sequence_bytes == 8
    cdef uint64_t number
    cdef uint32_t short_number
    at += kind.sequence_offset
    with nogil:
        for i in range(n):
            # Field by field: a record's memory need not be aligned to its number.
            if wide:
                memcpy(&number, at, 8)
            else:
                memcpy(&short_number, at, 4)
                number = short_number
            if number != (first if wide else <uint32_t> first):
                return i
            at += size
            first += 1
    return -1


cdef RecordType _numbered(object events, object record):
    """Return the type of records that are no 64-byte events; they must have a number."""
    cdef RecordType kind = record_type_of(events, record)
    if kind.sequence_offset < 0:
        raise ValueError(
            f"{kind!r} has no number: a field `sequence`, an unsigned integer of 4 or 8 bytes"
        )
    return kind


def first_gap(events, uint64_t first, record=None):
    """Return the place of the first event whose sequence is not the expected one.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE` or that of the record, contiguous.
    first : int
        Expected ``sequence`` of ``events[0]``; each further one is one more, modulo what the field
        holds.
    record : RecordType, numpy.dtype or int, optional
        What the records are; the 64-byte event by default.

    Returns
    -------
    int
        0 to N - 1, or -1 if every event has its number.

    Raises
    ------
    ValueError
        If `events` is no batch, or its records have no number.
    """
    cdef Py_ssize_t n = 0
    cdef aether_event* pointer
    cdef const char* place
    cdef RecordType kind
    if record is not None:
        kind = _numbered(events, record)
        keeper = records_pointer(events, kind, &place, &n)  # its memory stays
        return _first_gap_of(place, n, kind, first)
    keeper = batch_pointer(events, &pointer, &n)  # noqa: F841 (its memory stays)
    cdef int64_t at
    with nogil:
        at = _first_gap(pointer, n, first)
    return at


def ends(events):
    """Return the sequences of the first and of the last event.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE`, contiguous; N at least 1.

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError
        If `events` is no batch, or holds no event.
    """
    cdef Py_ssize_t n = 0
    cdef aether_event* pointer
    keeper = batch_pointer(events, &pointer, &n)  # noqa: F841 (its memory stays)
    if not n:
        raise ValueError("a batch without events has no ends")
    return pointer[0].sequence, pointer[n - 1].sequence


cdef void _number(
    char* at, Py_ssize_t n, RecordType kind, uint64_t first, uint64_t timestamp_ns
):
    cdef Py_ssize_t size = kind.itemsize, offset = kind.sequence_offset, time = kind.time_offset, i
    cdef size_t wide = kind.sequence_bytes
    with nogil:
        for i in range(n):
            memcpy(at + offset, &first, 8 if wide == 8 else 4)  # the low bytes come first
            if time >= 0:
                memcpy(at + time, &timestamp_ns, 8)
            at += size
            first += 1


def number(events, uint64_t first, uint64_t timestamp_ns, record=None):
    """Write ascending sequence numbers and one timestamp into a batch, in place.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE` or that of the record, contiguous, writable.
    first : int
        ``sequence`` of ``events[0]``; of a narrow field its lowest bytes.
    timestamp_ns : int
        ``timestamp_ns`` of all of them, where there is such a field.
    record : RecordType, numpy.dtype or int, optional
        What the records are; the 64-byte event by default.

    Raises
    ------
    ValueError
        If `events` is no batch, or read-only, or its records have no number.
    """
    cdef Py_ssize_t n = 0, i
    cdef aether_event* pointer
    cdef const char* place
    cdef RecordType kind
    if record is not None:
        kind = _numbered(events, record)
        keeper = records_pointer(events, kind, &place, &n)  # its memory stays
        if not cnp.PyArray_ISWRITEABLE(events):
            raise ValueError("these events are read-only")
        _number(<char*> place, n, kind, first, timestamp_ns)
        return
    keeper = batch_pointer(events, &pointer, &n)  # noqa: F841 (its memory stays)
    if not cnp.PyArray_ISWRITEABLE(events):
        raise ValueError("these events are read-only")
    with nogil:
        for i in range(n):
            pointer[i].sequence = first + <uint64_t> i
            pointer[i].timestamp_ns = timestamp_ns


@cython.boundscheck(False)  # `i` counts up to the length
@cython.initializedcheck(False)
def first_disorder(events, const uint32_t[::1] indices not None, int64_t after):
    """Return which of some events is the first whose sequence is not above the one before.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE`, contiguous; sequences below 2**63.
    indices : numpy.ndarray of uint32, shape (M,)
        Which events to look at, in this order: one topic's, as `route` gives them.
    after : int
        Sequence that the first one must be above; -1 for any.

    Returns
    -------
    int
        Place in `indices`, or -1 if all are in order.

    Raises
    ------
    ValueError
        If `events` is no batch, or an index is beyond it.
    """
    cdef Py_ssize_t n = 0, i, m = indices.shape[0]
    cdef aether_event* pointer
    keeper = batch_pointer(events, &pointer, &n)  # noqa: F841 (its memory stays)
    cdef int64_t before = after, wrong = -1
    with nogil:
        for i in range(m):
            if indices[i] >= n:
                wrong = -2
                break
            if <int64_t> pointer[indices[i]].sequence <= before:
                wrong = i
                break
            before = <int64_t> pointer[indices[i]].sequence
    if wrong == -2:
        raise ValueError(f"index {indices[i]} is beyond a batch of {n} events")
    return wrong
