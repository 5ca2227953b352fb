"""Routed batch: where each topic's events are, and what they add up to."""

cimport numpy as cnp
from libc.stddef cimport size_t
from libc.stdint cimport uint32_t

import numpy as np

cnp.import_array()

cdef extern from "route.h" nogil:
    aether_scratch* aether_scratch_new(size_t, uint32_t, size_t)
    void aether_scratch_free(aether_scratch*)
    size_t aether_route_parts(size_t, uint32_t, size_t)

MAX_TOPICS = 65_536


cdef class Routed:
    """Where each topic's events are, and what they add up to.

    Events stay where they are: ``indices[offsets[t]:offsets[t + 1]]`` are the
    positions of topic ``t``'s events, in the order they came.

    Parameters
    ----------
    capacity : int
        Most events that one routing into this object may have.
    topics : int
        Number of topics K, 1 to 65,536.

    Attributes
    ----------
    offsets : numpy.ndarray of int64, shape (K + 1,)
    indices : numpy.ndarray of uint32, shape (N,)
    count : numpy.ndarray of int64, shape (K,)
    total, minimum, maximum : numpy.ndarray of float64, shape (K,)
        Of ``value``. An empty topic has total 0, minimum +inf, maximum -inf;
        NaN spreads into total and is passed over by minimum and maximum. The
        order of summation is the kernel's.
    gap : int
        Place of the first event whose ``sequence`` was not the one expected; -1 if there
        was none, or nothing was expected.
    """

    def __cinit__(self, Py_ssize_t capacity, Py_ssize_t topics):
        if not 0 <= capacity <= 0xFFFFFFFF:
            raise ValueError(f"capacity must be 0 to {0xFFFFFFFF} events, not {capacity}")
        if not 1 <= topics <= MAX_TOPICS:
            raise ValueError(f"topics must be 1 to {MAX_TOPICS}, not {topics}")
        self.capacity = capacity
        self.topics = topics
        self.offsets = np.zeros(topics + 1, dtype=np.int64)
        self._indices = np.empty(capacity, dtype=np.uint32)
        self.count = np.zeros(topics, dtype=np.int64)
        self.total = np.zeros(topics, dtype=np.float64)
        self.minimum = np.full(topics, np.inf)
        self.maximum = np.full(topics, -np.inf)
        # A second reference: numpy gives away the memory of an array that it believes only one
        # has, when asked to resize it.
        self._kept = (
            self.offsets, self._indices, self.count, self.total, self.minimum, self.maximum,
        )
        self._c.offsets = <int64_t*> cnp.PyArray_DATA(self.offsets)
        self._c.indices = <uint32_t*> cnp.PyArray_DATA(self._indices)
        self._c.count = <int64_t*> cnp.PyArray_DATA(self.count)
        self._c.total = <double*> cnp.PyArray_DATA(self.total)
        self._c.minimum = <double*> cnp.PyArray_DATA(self.minimum)
        self._c.maximum = <double*> cnp.PyArray_DATA(self.maximum)
        self._c.wrong = &self._wrong
        self.gap = -1

    def __dealloc__(self):
        aether_scratch_free(self._scratch)

    cdef int _prepare(self, size_t n, size_t threads) except -1:
        """Have scratch for as many threads as the batch is worth; kept from then on."""
        cdef size_t parts = aether_route_parts(n, self.topics, threads)
        if parts > self._parts:
            aether_scratch_free(self._scratch)
            self._parts = 0
            self._scratch = aether_scratch_new(self.capacity, self.topics, parts)
            if self._scratch == NULL:
                raise MemoryError(f"no scratch memory for {parts} threads")
            self._parts = parts
        return 0

    @property
    def indices(self):
        """Event positions grouped by topic, shape (N,), a view."""
        return self._indices[: self._n]

    def __len__(self):
        return self._n

    def select(self, Py_ssize_t topic):
        """Return the positions of one topic's events.

        Parameters
        ----------
        topic : int
            0 to K - 1.

        Returns
        -------
        numpy.ndarray of uint32
            A view into `indices`; valid until the next routing into this object.

        Raises
        ------
        IndexError
            If there is no such topic.
        """
        if not 0 <= topic < self.topics:
            raise IndexError(f"topic {topic} is not among 0 to {self.topics - 1}")
        return self._indices[self._c.offsets[topic] : self._c.offsets[topic + 1]]

    def contiguous(self, Py_ssize_t topic):
        """Return one topic's events as a slice of the batch, where they lie side by side.

        Parameters
        ----------
        topic : int
            0 to K - 1.

        Returns
        -------
        slice or None
            ``events[slice]`` is then a view, where `select` would make a copy; None if
            other topics' events lie in between.

        Raises
        ------
        IndexError
            If there is no such topic.
        """
        indices = self.select(topic)
        if not len(indices):
            return slice(0, 0)
        first, last = int(indices[0]), int(indices[len(indices) - 1])  # positions ascend within a topic
        return slice(first, last + 1) if last - first + 1 == len(indices) else None
