"""Core-to-core latency: a cache line that two threads hand to each other."""

from libc.stdint cimport int64_t, uint64_t, uintptr_t

from cython_core.clock cimport monotonic_ns

cdef extern from *:
    """
    #define AETHER_SEEN(cell) __atomic_load_n(cell, __ATOMIC_ACQUIRE)
    #define AETHER_HAND(cell, value) __atomic_store_n(cell, value, __ATOMIC_RELEASE)
    """
    uint64_t seen "AETHER_SEEN"(uint64_t* cell) noexcept nogil
    void hand "AETHER_HAND"(uint64_t* cell, uint64_t value) noexcept nogil

# Looks at the line between two looks at the clock.
cdef int64_t LOOKS = 4096


cdef bint _wait(uint64_t* cell, uint64_t value, int64_t until) noexcept nogil:
    cdef int64_t looks = 0
    while seen(cell) != value:
        looks += 1
        if looks % LOOKS == 0 and monotonic_ns() > until:
            return False
    return True


cdef class Bounce:
    """One line, for two threads and one game.

    Notes
    -----
    Each side calls `play` in a thread of its own, on a core of its own, with the same number.
    """

    # Neighbouring lines are fetched in pairs: 128 bytes that nothing else lies in.
    cdef uint64_t _room[48]
    cdef uint64_t* _cell

    def __cinit__(self):
        self._cell = <uint64_t*> ((<uintptr_t> &self._room[0] + 127) & ~<uintptr_t> 127)
        self._cell[0] = 0

    def play(self, bint begins, int64_t trips, int64_t patience_ns=20_000_000):
        """Hand the line to the other side and wait until it comes back, again and again.

        Parameters
        ----------
        begins : bool
            Whether this side goes first; the other does not.
        trips : int
            There and back; at least 2: the first one is not timed.
        patience_ns : int
            From the call on: whoever is left alone for so long gives up.

        Returns
        -------
        int
            Nanoseconds from the first return to the last, over ``trips - 1`` round trips; -1 if
            the other side did not come, or was taken off its core.

        Raises
        ------
        ValueError
            If a number is out of range.
        """
        if trips < 2:
            raise ValueError(f"a game has at least 2 round trips, not {trips}")
        if patience_ns < 1:
            raise ValueError(f"patience is above zero, not {patience_ns} ns")
        cdef int64_t until = monotonic_ns() + patience_ns
        cdef int64_t start = 0, i
        cdef uint64_t turn
        with nogil:
            for i in range(trips):
                turn = 2 * <uint64_t> i + 1
                if begins:
                    hand(self._cell, turn)
                    if not _wait(self._cell, turn + 1, until):
                        start = -1
                        break
                else:
                    if not _wait(self._cell, turn, until):
                        start = -1
                        break
                    hand(self._cell, turn + 1)
                if i == 0:
                    start = monotonic_ns()
        return -1 if start < 0 else monotonic_ns() - start
