"""CRC-32C of whole batches: stamp events, and find those that do not hold; and of any bytes."""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
cimport numpy as cnp
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy

from cython_core.events.record cimport BatchPool, aether_event, batch_pointer
from cython_core.events.record_type cimport RecordPool, RecordType, record_type_of, records_pointer
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

cdef extern from "crc_records.h" nogil:
    ctypedef struct aether_crc_record:
        size_t size, checksum
        uint32_t (*bytes)(const void*, size_t) noexcept nogil
    void aether_crc_stamp_records(const aether_crc_record*, char*, size_t)
    size_t aether_crc_verify_records(
        const aether_crc_record*, const char*, size_t, uint32_t*, size_t)

cdef double NEARLY = 1.1
cdef enum:
    FEW = 64
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


cdef aether_crc_record _record_kernel(RecordType kind, object variant) except *:
    """How to compute the checksums of records of any type but the event."""
    if kind.checksum_offset < 0:
        raise ValueError(f"{kind!r} has no checksum: a field of uint32, such as `checksum`")
    return aether_crc_record(kind.itemsize, kind.checksum_offset, _kernel(variant).bytes)


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


def frame_checksum(data, size_t record_bytes=sizeof(aether_event)):
    """Compute a checksum of whole events that sees each byte, and each event's place.

    Parameters
    ----------
    data : bytes-like
        Events as they are in memory: contiguous, a multiple of `record_bytes`.
    record_bytes : int
        Of each, at least 8; the event's by default.

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
    place, is added; so two that were swapped, or one that took another's place, are seen. Of
    records of other types the last four bytes are taken for it, whatever they are.
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
    if record_bytes < 8 or view.len % record_bytes:
        length = view.len
        PyBuffer_Release(&view)
        raise ValueError(f"data must be whole events of {record_bytes} bytes, not {length} bytes")
    with nogil:
        crc = kernel.bytes(view.buf, view.len)
        for at in range(<size_t> view.len // record_bytes):
            weight += step
            memcpy(&own, <const char*> view.buf + (at + 1) * record_bytes - 4, sizeof(own))
            places += own * (weight | 1)
    PyBuffer_Release(&view)
    return crc ^ <uint32_t> (places ^ (places >> 32))


def stamp(events, *, variant=None, record=None):
    """Write each event's checksum, without the GIL.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE` or of another type of records with a checksum,
        contiguous, writable. The CRC-32C of each event's other bytes goes into that field; of the
        64-byte event, of its first 60.
    variant : str, optional
        One of `checksum_variants`, instead of the one chosen at import.
    record : RecordType, numpy.dtype or int, optional
        What the records are, where the dtype alone does not say it (`record_type`).

    Raises
    ------
    ValueError
        On anything else than the above.
    """
    cdef const aether_crc_kernel* kernel = _kernel(variant)
    cdef Py_ssize_t n = 0
    cdef aether_event* first
    cdef RecordType kind = record_type_of(events, record)
    cdef aether_crc_record how
    cdef const char* at
    if kind.event:
        keeper = batch_pointer(events, &first, &n)  # noqa: F841 (its memory stays)
    else:
        how = _record_kernel(kind, variant)
        keeper = records_pointer(events, kind, &at, &n)  # noqa: F841
    if not cnp.PyArray_ISWRITEABLE(events):
        raise ValueError("events must be writable to be stamped")
    with nogil:
        if kind.event:
            kernel.stamp(first, n)
        else:
            aether_crc_stamp_records(&how, <char*> at, n)


def verify(events, *, variant=None, record=None):
    """Find the events whose checksum does not hold, without the GIL.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE` or of another type of records with a checksum,
        contiguous.
    variant, record
        As in `stamp`.

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
    cdef RecordType kind = record_type_of(events, record)
    cdef bint event = kind.event
    cdef aether_crc_record how
    cdef const char* at
    if event:
        keeper = batch_pointer(events, &first, &n)  # noqa: F841 (its memory stays)
    else:
        how = _record_kernel(kind, variant)
        keeper = records_pointer(events, kind, &at, &n)  # noqa: F841
    cdef uint32_t few[FEW]
    cdef uint32_t* room
    cdef size_t found, again
    with nogil:
        if event:
            found = kernel.verify(first, n, few, FEW)
        else:
            found = aether_crc_verify_records(&how, at, n, few, FEW)
    bad = np.empty(found, dtype=np.uint32)
    if not found:
        return bad
    room = <uint32_t*> cnp.PyArray_DATA(bad)
    if found <= FEW:
        for again in range(found):
            room[again] = few[again]
        return bad
    with nogil:
        if event:
            again = kernel.verify(first, n, room, found)
        else:
            again = aether_crc_verify_records(&how, at, n, room, found)
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
    if batches and not record_type_of(batches[0], None).event:
        return _time_records(RecordPool(batches), loops, variant, False)
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
    for batch in batches:
        if not cnp.PyArray_ISWRITEABLE(batch):
            raise ValueError("events must be writable to be stamped")
    if batches and not record_type_of(batches[0], None).event:
        return _time_records(RecordPool(batches), loops, variant, True)
    cdef const aether_crc_kernel* kernel = _kernel(variant)
    cdef BatchPool pool = BatchPool(batches)
    cdef Py_ssize_t i, turn = 0
    cdef double start, elapsed
    with nogil:
        start = monotonic_seconds()
        for i in range(loops):
            kernel.stamp(pool.first[turn], pool.length[turn])
            turn = turn + 1 if turn + 1 < pool.size else 0
        elapsed = monotonic_seconds() - start
    return elapsed


cdef double _time_records(RecordPool pool, Py_ssize_t loops, object variant, bint stamping) except -1:
    """The same of records of any other type."""
    cdef aether_crc_record how = _record_kernel(pool.kind, variant)
    cdef uint32_t few[FEW]
    cdef Py_ssize_t i, turn = 0
    cdef double start, elapsed
    with nogil:
        start = monotonic_seconds()
        for i in range(loops):
            if stamping:
                aether_crc_stamp_records(&how, <char*> pool.first[turn], pool.length[turn])
            else:
                aether_crc_verify_records(&how, pool.first[turn], pool.length[turn], few, FEW)
            turn = turn + 1 if turn + 1 < pool.size else 0
        elapsed = monotonic_seconds() - start
    return elapsed
