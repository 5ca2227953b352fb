"""Sequence numbers of events, and where they break off."""

cimport cython
cimport numpy as cnp
from libc.stdint cimport int64_t, uint32_t, uint64_t

from cython_core.events.record cimport aether_event, batch_pointer

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


def first_gap(events, uint64_t first):
    """Return the place of the first event whose sequence is not the expected one.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE`, contiguous.
    first : int
        Expected ``sequence`` of ``events[0]``; each further one is one more.

    Returns
    -------
    int
        0 to N - 1, or -1 if every event has its number.

    Raises
    ------
    ValueError
        If `events` is no batch.
    """
    cdef Py_ssize_t n = 0
    cdef aether_event* pointer
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


def number(events, uint64_t first, uint64_t timestamp_ns):
    """Write ascending sequence numbers and one timestamp into a batch, in place.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE`, contiguous, writable.
    first : int
        ``sequence`` of ``events[0]``.
    timestamp_ns : int
        ``timestamp_ns`` of all of them.

    Raises
    ------
    ValueError
        If `events` is no batch, or read-only.
    """
    cdef Py_ssize_t n = 0, i
    cdef aether_event* pointer
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
