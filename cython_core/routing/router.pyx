"""Router: offsets and indices by topic, with count, total, minimum and maximum."""

cimport numpy as cnp
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.stddef cimport size_t

from cython_core.events.arrow_batch cimport arrow_input
from cython_core.events.columns cimport aether_input, columns_input
from cython_core.events.record cimport aether_event, batch_pointer
from cython_core.events.record_type cimport RecordType, record_type_of, records_pointer
from cython_core.routing.routed cimport Routed, aether_routed, aether_scratch
from cython_core.routing.simd cimport aether_route_kernel, route_kernel
from cython_core.clock cimport monotonic_seconds

from cython_core.events.sequence import first_gap
from cython_core.routing.routed import MAX_TOPICS

cnp.import_array()

cdef extern from "turn.h" nogil:
    bint take_turn "aether_turn_take"(int* turn)
    void give_turn "aether_turn_give"(int* turn)

cdef extern from "route.h" nogil:
    enum: AETHER_ROUTE_DONE, AETHER_ROUTE_CHANGED
    size_t aether_route_switch(uint32_t, size_t)
    size_t aether_route_extract_switch(const aether_route_kernel*, uint32_t, size_t)
    uint32_t aether_topic_at(const aether_input*, size_t)
    int64_t aether_route(
        const aether_route_kernel*, const aether_input*, size_t, aether_scratch*,
        const aether_routed*,
    )

MAX_THREADS = 64
# Smaller batches are routed in less than it takes to let other threads have the interpreter.
cdef enum: HELD = 512


cdef object _input(object events, object record, aether_input* found):
    """Check a batch in records or in Arrow columns; what is returned keeps it alive."""
    cdef Py_ssize_t n = 0
    cdef aether_event* first
    cdef RecordType kind
    if isinstance(events, cnp.ndarray):
        kind = record_type_of(events, record)
        if not kind.event:
            return _records_input(events, kind, found)
    elif hasattr(events, "__arrow_c_array__"):
        return arrow_input(events, found)
    keeper = batch_pointer(events, &first, &n)
    found.topic = <const char*> &first.topic
    found.value = <const char*> &first.value
    found.topic_stride = found.value_stride = sizeof(aether_event)
    found.numbered = False
    found.topic_mask = 0
    found.n = n
    return keeper


cdef object _records_input(object records, RecordType kind, aether_input* found):
    """Fill `found` from a batch of any type of records but the event."""
    cdef Py_ssize_t n = 0
    cdef const char* first
    keeper = records_pointer(records, kind, &first, &n)
    # A word of four bytes that holds the topic, and none beyond the record.
    cdef Py_ssize_t word = min(kind.topic_offset, kind.itemsize - 4)
    found.topic = first + word
    found.topic_shift = <uint32_t> (8 * (kind.topic_offset - word))
    found.topic_mask = 0xFFFFFFFFU >> (8 * (4 - kind.topic_bytes))
    found.value = first + kind.value_offset if kind.value_offset >= 0 else NULL
    found.topic_stride = found.value_stride = kind.itemsize
    found.numbered = False
    found.n = n
    return keeper


cdef Routed _route(aether_input* batch, Py_ssize_t topics, Routed out, Py_ssize_t threads,
                   const aether_route_kernel* kernel):
    """Route a checked batch; without a kernel, do everything else."""
    cdef int64_t bad = AETHER_ROUTE_DONE
    if not 1 <= threads <= MAX_THREADS:
        raise ValueError(f"threads must be 1 to {MAX_THREADS}, not {threads}")
    if out is None:
        out = Routed(batch.n, topics)
    elif out.topics != topics:
        raise ValueError(f"out was made for {out.topics} topics, not {topics}")
    elif <size_t> out.capacity < batch.n:
        raise ValueError(f"out holds {out.capacity} events, the batch has {batch.n}")
    batch.topics = <uint32_t> topics
    _claim(out)
    try:
        out._prepare(batch.n, threads)
        if kernel == NULL:
            with nogil:
                pass
        elif batch.n < HELD:
            bad = aether_route(kernel, batch, threads, out._scratch, &out._c)
        else:
            with nogil:
                bad = aether_route(kernel, batch, threads, out._scratch, &out._c)
        _settle(batch, out, bad)
    finally:
        give_turn(&out._turn)
    return out


cdef int _claim(Routed out) except -1:
    if not take_turn(&out._turn):
        raise ValueError("out is in use by another thread")
    return 0


cdef int _settle(const aether_input* batch, Routed out, int64_t bad) except -1:
    """Note what a routing came to; raise where it came to nothing."""
    cdef uint32_t topic
    out._n = 0
    out.gap = -1
    if bad == AETHER_ROUTE_DONE:
        out._n = batch.n
        return 0
    if bad >= 0:
        topic = aether_topic_at(batch, bad)
        if topic >= batch.topics:
            raise ValueError(f"event {bad} has topic {topic}, topics are 0 to {batch.topics - 1}")
    raise ValueError("the batch's topics were changed while it was routed")


def switch_size(Py_ssize_t topics, Py_ssize_t record_bytes=64):
    """Return the batch size from which on the router takes its second way.

    Smaller batches are counted and placed directly; from here on partial sums in vector
    rows pay off. Both ways cost about the same there: the cost of an event falls, the cost
    of a batch does not jump. Records of 2 KiB and more are placed directly as long as they can be.
    """
    if not 1 <= topics <= MAX_TOPICS:
        raise ValueError(f"topics must be 1 to {MAX_TOPICS}, not {topics}")
    if record_bytes < 1:
        raise ValueError(f"a record has bytes, not {record_bytes}")
    return aether_route_switch(topics, record_bytes)


def extraction_size(Py_ssize_t topics, Py_ssize_t record_bytes, variant=None):
    """Return the batch size from which on topics and values are copied out first.

    Batches larger than twice the second-level cache come from beyond it: copying out what is read
    keeps more of their lines under way, and what follows needs no memory. Of records of 128 to 256
    bytes with at most 16 topics, where the processor has AVX-512 VBMI2 and the kernels run as `v4`.

    Parameters
    ----------
    topics : int
        Number of topics K.
    record_bytes : int
        Bytes of a record.
    variant : str, optional
        As in `route`.

    Returns
    -------
    int or None
        Records of the smallest such batch; None if none goes that way.
    """
    if not 1 <= topics <= MAX_TOPICS:
        raise ValueError(f"topics must be 1 to {MAX_TOPICS}, not {topics}")
    if record_bytes < 1:
        raise ValueError(f"a record has bytes, not {record_bytes}")
    return aether_route_extract_switch(route_kernel(variant), topics, record_bytes) or None


def route(events, Py_ssize_t topics, *, Routed out=None, Py_ssize_t threads=1, variant=None,
          sequence=None, record=None):
    """Partition a batch by topic, without moving events and without the GIL.

    Parameters
    ----------
    events : numpy.ndarray or Arrow record batch
        Shape ``(N,)``, dtype `EVENT_DTYPE`, contiguous, aligned to 8 bytes; or of any other
        structured dtype with a topic (`RecordType`), aligned as its fields ask for; or
        anything with ``__arrow_c_array__`` that yields a struct with columns
        ``topic`` (uint32) and ``value`` (float64) without nulls: read in place.
    topics : int
        Number of topics K, 1 to 65,536; every event's topic is below it.
    out : Routed, optional
        Written and returned instead of a new one. It keeps its scratch memory,
        so only the first call, or one with more threads, allocates.
    threads : int, optional
        Most threads to use, 1 to 64, the calling one among them; a batch that is
        not worth them uses fewer. The others are made once and kept.
    variant : str, optional
        One of `simd_variants`, instead of the one chosen at import.
    sequence : int, optional
        What the first event's ``sequence`` should be, each further one's one more, modulo
        2**64: `Routed.gap` then tells where they are not. Of records only. An event is one
        cache line, so that comparing here fetches nothing, where a pass of its own over events
        from another core fetches all of them first. Of the 64-byte event only.
    record : RecordType, numpy.dtype or int, optional
        What the records are, where the dtype alone does not say it (`record_type`); a batch of
        another dtype is refused.

    Returns
    -------
    Routed
        Offsets, indices and per-topic count, total, minimum, maximum.

    Raises
    ------
    ValueError
        On anything else than the above, or if another process, as a ring's producer may,
        changes topics meanwhile; `out` then holds nothing of use.

    Examples
    --------
    >>> routed = route(allocate(3), 2)
    >>> routed.count.tolist()
    [3, 0]
    """
    return routed_of(events, topics, out, threads, route_kernel(variant), sequence, record)


cdef Routed routed_of(object events, Py_ssize_t topics, Routed out, Py_ssize_t threads,
                      const aether_route_kernel* kernel, object sequence, object record):
    cdef aether_input batch
    owner = _input(events, record, &batch)  # noqa: F841 (alive until routed)
    if sequence is not None:
        if batch.topic_mask:
            raise ValueError("sequences are compared of the 64-byte event only, not of a record")
        if batch.topic_stride != sizeof(aether_event):
            raise ValueError("columns of topic and value have no sequence to compare")
        batch.numbered = True
        batch.first = sequence
    out = _route(&batch, topics, out, threads, kernel)
    if sequence is not None and out._wrong:
        # At 0 if another process has mended it since: it was wrong when it was routed.
        out.gap = max(0, first_gap(events, sequence))
    return out


def route_columns(topic, value, Py_ssize_t topics, *, Routed out=None, Py_ssize_t threads=1,
                  variant=None):
    """Partition a batch that comes as two columns.

    Parameters
    ----------
    topic : buffer of uint32, shape (N,)
        Contiguous; anything with the buffer protocol.
    value : buffer of float64, shape (N,)
        Contiguous.
    topics, out, threads, variant
        As in `route`.

    Returns
    -------
    Routed
        As from `route`.

    Raises
    ------
    ValueError
        On anything else than the above; `out` then holds nothing of use.
    """
    cdef aether_input batch
    keepers = columns_input(topic, value, &batch)  # noqa: F841 (alive until routed)
    return _route(&batch, topics, out, threads, route_kernel(variant))


def route_call(events, Py_ssize_t topics, *, Routed out=None):
    """Do all that `route` does except the kernel: what the FFI probe times.

    Takes and returns what `route` does; the results are not touched.
    """
    cdef aether_input batch
    owner = _input(events, None, &batch)  # noqa: F841 (alive until routed)
    return _route(&batch, topics, out, 1, NULL)


def time_route(batches, Py_ssize_t topics, Py_ssize_t loops, *, Routed out not None,
               Py_ssize_t threads=1, variant=None, record=None):
    """Time the routing kernel alone, called from native code.

    Parameters
    ----------
    batches : list
        Routed in turn, so that the working set is that of the caller's pool.
        Each is what `route` takes, or a tuple ``(topic, value)`` of columns.
    topics : int
        Number of topics K.
    loops : int
        Number of batches to route.
    out : Routed
        Written by every call.
    threads, variant, record
        As in `route`.

    Returns
    -------
    float
        Seconds for all `loops` kernel calls, on the monotonic clock.

    Raises
    ------
    ValueError
        On a batch that `route` would refuse.
    """
    cdef const aether_route_kernel* kernel = route_kernel(variant)
    cdef list taken = list(batches)
    cdef Py_ssize_t i, turn = 0, size = len(taken)
    cdef int64_t bad = AETHER_ROUTE_DONE
    cdef double start, elapsed
    cdef aether_input* pool
    if not size:
        raise ValueError("time_route needs at least one batch")
    pool = <aether_input*> malloc(size * sizeof(aether_input))
    if pool == NULL:
        raise MemoryError("no memory for the pool of batches")
    keepers = []
    try:
        for i in range(size):
            if isinstance(taken[i], tuple):
                topic, value = taken[i]
                keepers.append(columns_input(topic, value, &pool[i]))
            else:
                keepers.append(_input(taken[i], record, &pool[i]))
            _route(&pool[i], topics, out, threads, kernel)
        _claim(out)
        try:
            with nogil:
                start = monotonic_seconds()
                for i in range(loops):
                    bad = aether_route(kernel, &pool[turn], threads, out._scratch, &out._c)
                    if bad != AETHER_ROUTE_DONE:
                        break
                    turn = turn + 1 if turn + 1 < size else 0
                elapsed = monotonic_seconds() - start
            _settle(&pool[turn if bad != AETHER_ROUTE_DONE else max(loops - 1, 0) % size], out, bad)
        finally:
            give_turn(&out._turn)
    finally:
        free(pool)
    return elapsed
