"""Kernels for batches of 64-byte events: what crosses from Python is a handle, never the bytes."""

try:
    from cython_core.clock import clock_cost_ns, clock_resolution_ns, noop, now_ns
    from cython_core.events.allocation import allocate
    from cython_core.events.arrow import EventArray
    from cython_core.events.checksum import (
        checksum_variant,
        checksum_variants,
        crc32c,
        frame_checksum,
        stamp,
        verify,
    )
    from cython_core.events.record import EVENT_BYTES, EVENT_DTYPE, MAX_EVENTS
    from cython_core.events.record_type import (
        EVENT,
        MAX_RECORD_BYTES,
        MIN_RECORD_BYTES,
        RecordType,
        record_type,
        standard_dtype,
    )
    from cython_core.events.recording import Recorder, Replay
    from cython_core.events.sequence import ends, first_disorder, first_gap, number
    from cython_core.events.views import as_arrow, as_bytes, to_arrow_columns
    from cython_core.histogram import Histogram
    from cython_core.rdma.availability import rdma_available
    from cython_core.ring.counters import RingCounters
    from cython_core.ring.errors import PeerDied, RingClosed, RingCorrupt, RingError
    from cython_core.ring.handle import RingHandle
    from cython_core.ring.ring import Ring
    from cython_core.routing.dispatch import Counts, call_handlers
    from cython_core.routing.native import (
        CAPSULE_NAME,
        HandlerError,
        NativeHandler,
        native_handler,
    )
    from cython_core.routing.routed import MAX_TOPICS, Routed
    from cython_core.routing.router import route, route_columns
    from cython_core.routing.simd import simd_variant, simd_variants
except ModuleNotFoundError as error:
    from typing import NoReturn

    # Built without kernels: what is written in Python can be imported still.
    if not (error.name or "").startswith("cython_core."):
        raise
    _missing = error.name

    def __getattr__(name: str) -> NoReturn:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        text = f"cython_core.{name}: the compiled kernels are not installed"
        raise ImportError(text, name=_missing)


__all__ = [
    "CAPSULE_NAME",
    "EVENT",
    "EVENT_BYTES",
    "EVENT_DTYPE",
    "MAX_EVENTS",
    "MAX_RECORD_BYTES",
    "MAX_TOPICS",
    "MIN_RECORD_BYTES",
    "Counts",
    "EventArray",
    "HandlerError",
    "Histogram",
    "NativeHandler",
    "PeerDied",
    "RecordType",
    "Recorder",
    "Replay",
    "Ring",
    "RingClosed",
    "RingCorrupt",
    "RingCounters",
    "RingError",
    "RingHandle",
    "Routed",
    "allocate",
    "as_arrow",
    "as_bytes",
    "call_handlers",
    "checksum_variant",
    "checksum_variants",
    "clock_cost_ns",
    "clock_resolution_ns",
    "crc32c",
    "ends",
    "first_disorder",
    "first_gap",
    "frame_checksum",
    "native_handler",
    "noop",
    "now_ns",
    "number",
    "rdma_available",
    "record_type",
    "route",
    "route_columns",
    "simd_variant",
    "simd_variants",
    "stamp",
    "standard_dtype",
    "to_arrow_columns",
    "verify",
]
