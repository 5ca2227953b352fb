"""Monotonic clock, and a call that does nothing."""

from libc.stdint cimport int64_t
from posix.time cimport CLOCK_MONOTONIC, clock_getres, clock_gettime, timespec


cdef double monotonic_seconds() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <double> now.tv_sec + 1e-9 * <double> now.tv_nsec


cdef int64_t monotonic_ns() noexcept nogil:
    cdef timespec now
    clock_gettime(CLOCK_MONOTONIC, &now)
    return <int64_t> now.tv_sec * 1_000_000_000 + now.tv_nsec


def now_ns():
    """Return CLOCK_MONOTONIC in nanoseconds (int)."""
    return monotonic_ns()


def clock_resolution_ns():
    """Return the resolution that the system states for CLOCK_MONOTONIC, in ns."""
    cdef timespec resolution
    clock_getres(CLOCK_MONOTONIC, &resolution)
    return <int64_t> resolution.tv_sec * 1_000_000_000 + resolution.tv_nsec


def clock_cost_ns(int64_t readings=10_000):
    """Measure what one reading of the clock costs.

    Parameters
    ----------
    readings : int
        How many to average over; at least 1.

    Returns
    -------
    float
        Nanoseconds a reading, from native code.

    Raises
    ------
    ValueError
        If `readings` is below 1.
    """
    if readings < 1:
        raise ValueError(f"readings must be at least 1, not {readings}")
    cdef double start = monotonic_seconds()
    cdef double last = start
    cdef int64_t i
    for i in range(readings):
        last = monotonic_seconds()
    return (last - start) / readings * 1e9


def noop():
    """Cross from Python into C and back: nothing else."""
