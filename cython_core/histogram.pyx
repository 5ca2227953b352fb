"""A histogram of constant relative error, cheap enough for every tick."""

from libc.stdint cimport int64_t, uint64_t

import numpy as np

cdef extern from *:
    int __builtin_clzll(unsigned long long) noexcept nogil


cdef class Histogram:
    """Counts whole numbers from 0 to 2**63 - 1, each known to 1.6 % or better.

    Buckets are linear within each power of two, as in Tene's HDR histogram: the
    index is a shift and an addition.

    Attributes
    ----------
    count, total, maximum : int
        Of what was recorded; exact, while the total is below 2**63.
    """

    def record(self, int64_t value):
        """Count one value; a negative one raises ValueError."""
        self.add(value)

    cdef int add(self, int64_t value) except -1:
        if value < 0:
            raise ValueError(f"a histogram counts from 0, not {value}")
        cdef int shift = 63 - BITS - __builtin_clzll(<uint64_t> value | 1)
        if shift < 0:
            shift = 0
        self._buckets[(shift << BITS) + (value >> shift)] += 1
        self.count += 1
        self.total += value
        if value > self.maximum:
            self.maximum = value
        return 0

    @property
    def mean(self):
        """Mean of what was recorded; nan of nothing."""
        return self.total / <double> self.count if self.count else float("nan")

    def buckets(self):
        """Return what was recorded, by bucket.

        Returns
        -------
        (numpy.ndarray, numpy.ndarray) of int64
            Largest value and count of each bucket that holds something, ascending.
        """
        counts = np.array(<int64_t[:BUCKETS]> self._buckets)
        at = np.flatnonzero(counts)
        shift = np.maximum((at >> BITS) - 1, 0)
        return ((at - (shift << BITS) + 1) << shift) - 1, counts[at]

    def quantile(self, double share):
        """Return the value that a share of what was recorded does not exceed.

        Parameters
        ----------
        share : float
            Above 0, at most 1.

        Returns
        -------
        float
            Never below the true one and at most 1.6 % above it; nan of nothing.

        Raises
        ------
        ValueError
            If `share` is out of range.
        """
        if not 0 < share <= 1:
            raise ValueError(f"a quantile's share lies above 0 and up to 1, not at {share}")
        if not self.count:
            return float("nan")
        largest, counts = self.buckets()
        rank = min(int(np.ceil(share * self.count)), self.count)
        bound = min(int(largest[np.searchsorted(np.cumsum(counts), rank)]), self.maximum)
        # Beyond 2**53 the nearest double may lie below.
        found = float(bound)
        return found if found >= bound else float(np.nextafter(found, np.inf))

    def clear(self):
        """Forget everything."""
        self.count = self.total = self.maximum = 0
        for i in range(BUCKETS):
            self._buckets[i] = 0
