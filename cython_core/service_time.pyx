"""Service-time estimate of batches: a law at first, then what was observed.

Asked at every batch, after that batch has displaced what was in the caches: in Python it took 2 us
and fetched a hundred lines again.
"""

cimport cython

import numpy as np

# Sizes that by the law carry less than this share of the best are no candidates for a backlog:
# however wrong the law, no more is lost by trying one.
cdef double _CANDIDATE = 0.8
# The size in use is kept while it is this near to the best: hysteresis.
cdef double _NEAR = 0.95
# Weight of one service time in its own size's correction, and the share of the change that is
# taken for the host's, which slows all sizes, rather than that size's own.
cdef double _WEIGHT = 1.0 / 3
cdef double _COMMON = 0.25
# Weight with which candidates not in use forget, at every batch, what set them apart.
cdef double _FORGET = 1.0 / 4096
# One service time counts as at most this much longer or shorter than expected: a pause, however
# long, is then no more than a step, which the next batches take back.
cdef double _CLIP = 1.25
# So many batches of the largest size for a backlog, none of them slower, before a larger one.
cdef int _TRIALS = 4
# A correction that moved by less is not worth telling.
cdef double _TOLD = 0.01


# Places from outside are checked by `_check`; all others are 0 to `_last` as they are made.
@cython.boundscheck(False)
@cython.initializedcheck(False)
@cython.nonecheck(False)
cdef class Pace:
    """How much slower than by the law each size is served, live, and which carries most.

    Beyond the caches a larger batch may be slower than a smaller one, which a law fitted over all
    sizes need not show; and the host is not always as fast as when the law was taken. So each
    size has a factor of its own and all have one together, corrected by the service times that
    `served` tells. The smallest size that carries nearly the most is the largest to wait for. A
    backlog has nothing to wait for, and is served in more, step by step for as long as that
    carries no less: what a batch costs that is in no law is then paid less often. One that was not
    tried for long is tried again, and as each candidate is near the best by the law, trying is
    cheap.

    Parameters
    ----------
    sizes : sequence of int
        Ascending, at least one.
    seconds : sequence of float
        What a batch of each takes, by the law.

    Attributes
    ----------
    fastest, widest : int
        Places of the smallest size that carries nearly the most and of the largest to serve a
        backlog in; without service times, both the smallest near the law's best.

    Raises
    ------
    ValueError
        If there are no sizes, or not as many times.
    """

    cdef readonly Py_ssize_t fastest
    cdef readonly Py_ssize_t widest
    cdef double[::1] _sizes, _seconds, _slopes, _own, _told
    cdef double _common
    cdef Py_ssize_t _first, _last
    cdef int _trials

    def __cinit__(self, sizes, seconds):
        self._sizes = np.array(sizes, dtype=np.float64)
        self._seconds = np.array(seconds, dtype=np.float64)
        cdef Py_ssize_t count = self._sizes.shape[0]
        if count < 1 or self._seconds.shape[0] != count:
            raise ValueError(f"{self._seconds.shape[0]} times for {count} sizes")
        # What one event more costs, by the law, up to the next size; the last has no next.
        self._slopes = np.append(np.diff(self._seconds) / np.diff(self._sizes), 0.0)
        self._own = np.ones(count)
        self._told = np.ones(count)
        self._common = 1.0
        rates = np.array(sizes) / np.array(seconds)
        self._first = int(np.argmax(rates >= _CANDIDATE * rates.max()))
        self._last = count - 1
        self.fastest = self.widest = self._first
        self._trials = 0
        self._choose(self._most())

    cpdef double slower(self, Py_ssize_t place) except -1:
        """Return how many times as long as by the law a batch of this place's size takes."""
        self._check(place)
        return self._common * self._own[place]

    def carried(self, Py_ssize_t place):
        """Return how many events a second batches of this place's size carry."""
        self._check(place)
        return self._rate(place)

    def served(self, Py_ssize_t events, double seconds):
        """Correct the law by the time that a batch really took.

        Parameters
        ----------
        events : int
            At least 1.
        seconds : float
            Of no use, and passed over, unless above 0.

        Returns
        -------
        bool
            Whether `fastest`, `widest` or this size's factor is now another.
        """
        if not seconds > 0 or events < 1:
            return False
        cdef Py_ssize_t fastest = self.fastest, widest = self.widest
        cdef Py_ssize_t place = self._place(events)
        cdef double before = self._common * self._own[place]
        cdef double law = self._seconds[place] + (events - self._sizes[place]) * self._slopes[place]
        cdef double seen = min(max(seconds / law, before / _CLIP), before * _CLIP)
        cdef double now = before + _WEIGHT * (seen - before)
        # What a size shows that is larger than any needed is not the host's doing.
        if place <= self.fastest:
            self._common *= (now / before) ** _COMMON
        self._own[place] = now / self._common
        if place >= self._first:
            self._settle(place)
        cdef double moved = now / self._told[place]
        cdef bint told = not 1 - _TOLD < moved < 1 + _TOLD
        if told:
            self._told[place] = now
        return told or fastest != self.fastest or widest != self.widest

    cdef int _check(self, Py_ssize_t place) except -1:
        if not 0 <= place <= self._last:
            raise IndexError(f"there are {self._last + 1} sizes, none at place {place}")
        return 0

    cdef Py_ssize_t _place(self, Py_ssize_t events) noexcept nogil:
        """The place of the largest size that is no more."""
        cdef Py_ssize_t place = self._last
        while place > 0 and self._sizes[place] > events:
            place -= 1
        return place

    cdef double _rate(self, Py_ssize_t place) noexcept nogil:
        return self._sizes[place] / (self._seconds[place] * self._common * self._own[place])

    cdef double _most(self) noexcept nogil:
        """The most that any candidate carries."""
        cdef double most = 0
        cdef Py_ssize_t place
        for place in range(self._first, self._last + 1):
            most = max(most, self._rate(place))
        return most

    cdef void _settle(self, Py_ssize_t served) noexcept nogil:
        cdef Py_ssize_t place
        for place in range(self._first, self._last + 1):
            self._own[place] += _FORGET * (self._own[served] - self._own[place])
        cdef double most = self._most(), now = self._rate(self.fastest)
        cdef bint smaller = False
        for place in range(self._first, self.fastest):
            smaller |= self._rate(place) > now
        # Too far behind another; or a smaller one carries no less, and fills sooner.
        if now < _NEAR * most or smaller:
            self._choose(most)
        if served == self.widest:
            self._widen()

    cdef void _choose(self, double most) noexcept nogil:
        cdef Py_ssize_t place = self._first
        while place < self._last and self._rate(place) < _NEAR * most:
            place += 1
        self.fastest = place
        self.widest = max(self.widest, place)

    cdef void _widen(self) noexcept nogil:
        """Step to a larger size, or back."""
        cdef double enough = _NEAR * self._rate(self.fastest)
        if self._rate(self.widest) < _NEAR * enough:
            self.widest = max(self.widest - 1, self.fastest)
            self._trials = 0
        elif self.widest < self._last and self._rate(self.widest + 1) >= enough:
            self._trials += 1
            if self._trials >= _TRIALS:
                self.widest += 1
                self._trials = 0
