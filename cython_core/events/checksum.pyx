"""CRC-32C of whole batches: stamp events, and find those that do not hold; and of any bytes."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
cimport numpy as cnp
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from cython_core.events.record cimport BatchPool, aether_event, batch_pointer
from cython_core.clock cimport monotonic_seconds

import os

import numpy as np

from cython_core.routing.simd import simd_widest

cnp.import_array()

cdef extern from "crc32c.h" nogil:
    ctypedef struct aether_crc_kernel:
        const char* name
        void (*stamp)(aether_event*, size_t) noexcept nogil
        size_t (*verify)(const aether_event*, size_t, uint32_t*, size_t) noexcept nogil
        uint32_t (*bytes)(const void*, size_t) noexcept nogil
    const aether_crc_kernel* const* aether_crc_kernels()
    double aether_crc_time(const aether_crc_kernel*)

cdef double NEARLY = 1.1
cdef enum:
    FEW = 64
    CHECKED = 60  # bytes of an event before its checksum
    LONG = 65_536  # bytes from which on others may have the interpreter meanwhile

cdef dict _kernels = {}
cdef const aether_crc_kernel* _chosen = NULL


# Narrowest set of router variants that has each, as AETHER_SIMD names them.
cdef dict _NEEDS = {
    "table": "baseline", "instruction": "v3", "clmul128": "v3", "clmul256": "v3", "clmul": "v4",
    "gfni": "v4",
}
cdef str _why = ""


cdef str _choose():
    """Note what runs here, and choose: what is asked for, or the narrowest nearly the fastest.

    Wider registers may make what runs afterwards slower, and an instruction's name says nothing of
    its speed: so each is tried, for some ten microseconds in all.
    """
    cdef const aether_crc_kernel* const* found = aether_crc_kernels()
    cdef int i = 0
    cdef double fastest
    global _chosen, _why
    widest = simd_widest()
    sets = ("baseline",) if widest == "baseline" else (
        ("baseline", "v3") if widest in ("v3", "neon") else ("baseline", "v3", "v4")
    )
    times = {}
    while found[i] != NULL:
        name = found[i].name.decode()
        _kernels[name] = <size_t> found[i]
        i += 1
        # The table is ten times as slow as anything else.
        if _NEEDS[name] in sets and (name != "table" or found[i] == NULL or len(sets) == 1):
            times[name] = aether_crc_time(found[i - 1])
    fastest = min(times.values())
    name = next(each for each, seconds in times.items() if seconds <= NEARLY * fastest)
    told = ", ".join(f"{each} {1e9 * seconds:.2f}" for each, seconds in times.items())
    _why = f"the narrowest within a tenth of the fastest, in ns an event: {told}"
    forced = os.environ.get("AETHER_CRC")
    if forced:
        if forced not in _kernels:
            raise ImportError(
                f"AETHER_CRC={forced} is not among this processor's {', '.join(_kernels)}"
            )
        name, _why = forced, f"AETHER_CRC={forced} asks for it; in ns an event: {told}"
    _chosen = <const aether_crc_kernel*> <size_t> _kernels[name]
    return name


cdef str _variant = _choose()


def checksum_variant():
    """Return the variant in which checksums are computed, and why.

    Returns
    -------
    (str, str)
        One of `checksum_variants`; and the reason, with what each took when this process began.

    Notes
    -----
    ``AETHER_CRC`` chooses at import; ``AETHER_SIMD`` limits what is tried.
    """
    return _variant, _why


cdef const aether_crc_kernel* _kernel(object variant) except NULL:
    if variant is None:
        return _chosen
    if variant not in _kernels:
        raise ValueError(f"variant must be one of {', '.join(_kernels)}, not {variant!r}")
    return <const aether_crc_kernel*> <size_t> _kernels[variant]


def checksum_variants():
    """Return every way to compute checksums that this processor supports.

    Returns
    -------
    tuple of str
        ``table``, then where supported ``instruction`` (the CRC-32C instruction) and, beside
        it, carry-less multiplication of 128 bits (``clmul128``), of 256 (``clmul256``) and of 512
        (``clmul``), and bit matrices (``gfni``).
    """
    return tuple(_kernels)


def crc32c(data, *, variant=None):
    """Compute the CRC-32C of any bytes.

    Parameters
    ----------
    data : bytes-like
        What to check: contiguous.
    variant : str, optional
        One of `checksum_variants`, instead of the one chosen at import.

    Returns
    -------
    int
        0 to 2**32 - 1; of ``b"123456789"`` it is ``0xE3069283``.

    Raises
    ------
    ValueError
        On anything else than the above.

    Examples
    --------
    >>> hex(crc32c(b"123456789"))
    '0xe3069283'
    """
    cdef const aether_crc_kernel* kernel = _kernel(variant)
    cdef Py_buffer view
    cdef uint32_t crc
    try:
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    except (BufferError, TypeError, ValueError):
        raise ValueError(f"data must be contiguous bytes, not {type(data).__name__}") from None
    if view.len >= LONG:
        with nogil:
            crc = kernel.bytes(view.buf, view.len)
    else:
        crc = kernel.bytes(view.buf, view.len)
    PyBuffer_Release(&view)
    return crc


def frame_checksum(data):
    """Compute a checksum of whole events that sees each byte, and each event's place.

    Parameters
    ----------
    data : bytes-like
        Events as they are in memory: contiguous, a multiple of 64 bytes.

    Returns
    -------
    int
        0 to 2**32 - 1.

    Raises
    ------
    ValueError
        On anything else than the above.

    Notes
    -----
    A stamped event ends in its own CRC-32C, so that its remainder is the same whatever it says: the
    CRC-32C of several depends on their number alone. Each event's own checksum, weighted by its
    place, is added; so two that were swapped, or one that took another's place, are seen.
    """
    cdef const aether_crc_kernel* kernel = _kernel(None)
    cdef Py_buffer view
    cdef uint64_t places = 0, weight = 0, step = 0x9E3779B97F4A7C15  # of the golden ratio: odd
    cdef uint32_t crc, own
    cdef size_t at
    try:
        PyObject_GetBuffer(data, &view, PyBUF_SIMPLE)
    except (BufferError, TypeError, ValueError):
        raise ValueError(f"data must be contiguous bytes, not {type(data).__name__}") from None
    if view.len % sizeof(aether_event):
        length = view.len
        PyBuffer_Release(&view)
        raise ValueError(f"data must be whole events of 64 bytes, not {length} bytes")
    with nogil:
        crc = kernel.bytes(view.buf, view.len)
        for at in range(<size_t> view.len // sizeof(aether_event)):
            weight += step
            memcpy(&own, <const char*> view.buf + at * sizeof(aether_event) + CHECKED, sizeof(own))
            places += own * (weight | 1)
    PyBuffer_Release(&view)
    return crc ^ <uint32_t> (places ^ (places >> 32))


def stamp(events, *, variant=None):
    """Write each event's checksum, without the GIL.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE`, contiguous, writable. The CRC-32C of
        each event's first 60 bytes goes into its field ``checksum``.
    variant : str, optional
        One of `checksum_variants`, instead of the one chosen at import.

    Raises
    ------
    ValueError
        On anything else than the above.
    """
    cdef const aether_crc_kernel* kernel = _kernel(variant)
    cdef Py_ssize_t n = 0
    cdef aether_event* first
    keeper = batch_pointer(events, &first, &n)  # noqa: F841 (its memory stays)
    if not cnp.PyArray_ISWRITEABLE(events):
        raise ValueError("events must be writable to be stamped")
    with nogil:
        kernel.stamp(first, n)


def verify(events, *, variant=None):
    """Find the events whose checksum does not hold, without the GIL.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE`, contiguous.
    variant : str, optional
        One of `checksum_variants`, instead of the one chosen at import.

    Returns
    -------
    numpy.ndarray of uint32
        Positions of the bad events, ascending; empty if all are good.

    Raises
    ------
    ValueError
        On anything else than the above.
    """
    cdef const aether_crc_kernel* kernel = _kernel(variant)
    cdef Py_ssize_t n = 0
    cdef aether_event* first
    keeper = batch_pointer(events, &first, &n)  # noqa: F841 (its memory stays)
    cdef uint32_t few[FEW]
    cdef uint32_t* room
    cdef size_t found, again
    with nogil:
        found = kernel.verify(first, n, few, FEW)
    bad = np.empty(found, dtype=np.uint32)
    if not found:
        return bad
    room = <uint32_t*> cnp.PyArray_DATA(bad)
    if found <= FEW:
        for again in range(found):
            room[again] = few[again]
        return bad
    with nogil:
        again = kernel.verify(first, n, room, found)
    return bad[: min(again, found)]


def time_verify(list batches, Py_ssize_t loops, *, variant=None):
    """Time verification alone, called from native code.

    Parameters
    ----------
    batches : list of numpy.ndarray
        Verified in turn; give stamped ones, as bad events take a slower way.
    loops : int
        Number of batches to verify.
    variant : str, optional
        One of `checksum_variants`.

    Returns
    -------
    float
        Seconds for all `loops` calls, on the monotonic clock.

    Raises
    ------
    ValueError
        On a batch that `verify` would refuse, or none.
    """
    cdef const aether_crc_kernel* kernel = _kernel(variant)
    cdef BatchPool pool = BatchPool(batches)
    cdef uint32_t few[FEW]
    cdef Py_ssize_t i, turn = 0
    cdef double start, elapsed
    with nogil:
        start = monotonic_seconds()
        for i in range(loops):
            kernel.verify(pool.first[turn], pool.length[turn], few, FEW)
            turn = turn + 1 if turn + 1 < pool.size else 0
        elapsed = monotonic_seconds() - start
    return elapsed


def time_stamp(list batches, Py_ssize_t loops, *, variant=None):
    """Time stamping alone, called from native code.

    Takes and returns what `time_verify` does; the batches are stamped.
    """
    cdef const aether_crc_kernel* kernel = _kernel(variant)
    cdef BatchPool pool = BatchPool(batches)
    cdef Py_ssize_t i, turn = 0
    cdef double start, elapsed
    for batch in batches:
        if not cnp.PyArray_ISWRITEABLE(batch):
            raise ValueError("events must be writable to be stamped")
    with nogil:
        start = monotonic_seconds()
        for i in range(loops):
            kernel.stamp(pool.first[turn], pool.length[turn])
            turn = turn + 1 if turn + 1 < pool.size else 0
        elapsed = monotonic_seconds() - start
    return elapsed
