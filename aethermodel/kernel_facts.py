"""Facts of the kernels that models need, also where the kernels are not installed."""

from __future__ import annotations

#: Bytes of an event (`cython_core.EVENT_BYTES`).
EVENT_BYTES = 64
#: Topics and threads that a router has room for (`cython_core.MAX_TOPICS`).
MAX_TOPICS, MAX_THREADS = 65_536, 64
#: Topics from which on a router counts them and needs no rows for partial sums; most topics and
#: events of a batch that is small enough for rows of its own.
_BUCKET_TOPICS, _DIRECT_TOPICS, _DIRECT_EVENTS = 1024, 128, 1024
_DIRECT_RECORD_BYTES = 2048


def switch_size(topics: int, record_bytes: int = EVENT_BYTES) -> int:
    """Return the batch size from which on the router takes its second way.

    See `cython_core.routing.router.switch_size`, which says the same of the kernels installed.
    """
    if not 1 <= topics <= MAX_TOPICS:
        raise ValueError(f"topics must be 1 to {MAX_TOPICS}, not {topics}")
    if topics > _BUCKET_TOPICS:
        return 2 * topics
    if topics > _DIRECT_TOPICS:
        return 6 * topics + 24
    if record_bytes >= _DIRECT_RECORD_BYTES:
        return _DIRECT_EVENTS + 1
    return min(9 * topics + 88, _DIRECT_EVENTS)


def simd_variant() -> str | None:
    """Return the variant that the kernels run as here; None where there are none."""
    try:
        from cython_core.routing.simd import simd_variant as chosen
    except ImportError:
        return None
    return chosen()
