"""Core pace: a fixed stretch of work, timed, that takes longer where its core is shared."""

from libc.stdint cimport int64_t, uint64_t

from cython_core.clock cimport monotonic_ns

cdef extern from *:
    """
    /* Eight sums that need nothing of each other keep every adder of a core at work, so that a second
     * thread on it shows; they are in registers, so that caches do not. The compiler must believe
     * that each is looked at. */
    static inline void aether_pace(int64_t turns) {
        uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;
        for (int64_t i = 0; i < turns; i++) {
            a += 3; b ^= 5; c += 7; d ^= 9; e += 11; f ^= 13; g += 15; h ^= 17;
            __asm__ volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d));
            __asm__ volatile("" : "+r"(e), "+r"(f), "+r"(g), "+r"(h));
        }
    }
    """
    void aether_pace(int64_t turns) noexcept nogil


def pace_seconds(int64_t turns):
    """Time a loop whose figures are in registers alone.

    Unlike a loop of the interpreter, which takes up to a third longer for where its frame happens
    to lie, it knows nothing of what runs around it.

    Parameters
    ----------
    turns : int
        At least 1; each some two to three cycles.

    Returns
    -------
    float
        Seconds of a thousand turns.

    Raises
    ------
    ValueError
        If `turns` is below 1.
    """
    if turns < 1:
        raise ValueError(f"turns must be at least 1, not {turns}")
    cdef int64_t start
    with nogil:
        start = monotonic_ns()
        aether_pace(turns)
        start = monotonic_ns() - start
    return <double> start / <double> turns * 1e-6
