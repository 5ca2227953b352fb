"""Routed batch: where each topic's events are, and what they add up to."""

cimport numpy as cnp
from cpython.object cimport PyObject
from libc.stddef cimport size_t
from libc.math cimport INFINITY
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset

cnp.import_array()

cdef extern from "route.h" nogil:
    aether_scratch* aether_scratch_new(size_t, uint32_t, size_t)
    void aether_scratch_free(aether_scratch*)
    size_t aether_route_parts(size_t, uint32_t, size_t)

cdef extern from "view.h":
    bint aether_view_is_free(PyObject* view, void* base, void* type, int flags, cnp.npy_intp stride)
    void aether_view_point(PyObject* view, void* data, cnp.npy_intp length)

cdef object _uint32 = cnp.PyArray_DescrFromType(cnp.NPY_UINT32)

MAX_TOPICS = 65_536
cdef enum: LINE = 64  # bytes of a cache line


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
        order of summation is the kernel's. Of records without a value, as of empty topics.
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
        self._lay_out()
        self.gap = -1

    cdef int _lay_out(self) except -1:
        """Have one block of memory for all results: arrays over it are made when asked for."""
        cdef size_t topics = self.topics
        cdef cnp.npy_intp room = 8 * (5 * topics + 1) + 4 * self.capacity + LINE
        self._memory = cnp.PyArray_EMPTY(1, &room, cnp.NPY_UINT8, False)
        cdef char* place = <char*> cnp.PyArray_DATA(self._memory)
        place += -<size_t> place % LINE
        self._c.count = <int64_t*> place
        self._c.total = <double*> self._c.count + topics
        self._c.minimum = self._c.total + topics
        self._c.maximum = self._c.minimum + topics
        self._c.offsets = <int64_t*> self._c.maximum + topics
        self._c.indices = <uint32_t*> (self._c.offsets + topics + 1)
        self._c.wrong = &self._wrong
        cdef size_t t
        memset(self._c.count, 0, 2 * topics * sizeof(double))
        for t in range(topics):
            self._c.minimum[t], self._c.maximum[t] = INFINITY, -INFINITY
        memset(self._c.offsets, 0, (topics + 1) * sizeof(int64_t))
        return 0

    cdef cnp.ndarray _view(self, void* data, cnp.npy_intp length, int kind):
        """Return an array over part of the memory, which lives as long as any of them."""
        cdef cnp.ndarray view = cnp.PyArray_SimpleNewFromData(1, &length, kind, data)
        cnp.set_array_base(view, self._memory)
        return view

    cdef object positions(self, Py_ssize_t start, cnp.npy_intp length):
        """A view of some of the indices: the one given last, pointed anew, if nobody kept it."""
        cdef uint32_t* first = self._c.indices + start
        if self._spare is not None and aether_view_is_free(
            <PyObject*> self._spare, <void*> self._memory, <void*> _uint32, self._spare_flags,
            sizeof(uint32_t),
        ):
            aether_view_point(<PyObject*> self._spare, first, length)
        else:
            self._spare = self._view(first, length, cnp.NPY_UINT32)
            self._spare_flags = cnp.PyArray_FLAGS(self._spare)
        return self._spare

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
        return self._view(self._c.indices, self._n, cnp.NPY_UINT32)

    @property
    def offsets(self):
        """Where each topic's positions start in `indices`, shape (K + 1,), a view."""
        if self._offsets is None:
            self._offsets = self._view(self._c.offsets, self.topics + 1, cnp.NPY_INT64)
        return self._offsets

    @property
    def count(self):
        """Events of each topic, shape (K,), a view."""
        if self._count is None:
            self._count = self._view(self._c.count, self.topics, cnp.NPY_INT64)
        return self._count

    @property
    def total(self):
        """Sum of ``value`` by topic, shape (K,), a view."""
        if self._total is None:
            self._total = self._view(self._c.total, self.topics, cnp.NPY_DOUBLE)
        return self._total

    @property
    def minimum(self):
        """Least ``value`` by topic, shape (K,), a view."""
        if self._minimum is None:
            self._minimum = self._view(self._c.minimum, self.topics, cnp.NPY_DOUBLE)
        return self._minimum

    @property
    def maximum(self):
        """Greatest ``value`` by topic, shape (K,), a view."""
        if self._maximum is None:
            self._maximum = self._view(self._c.maximum, self.topics, cnp.NPY_DOUBLE)
        return self._maximum

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
        # Sliced, not pointed to: whoever wrote to the offsets gets no memory of others.
        whole = self._view(self._c.indices, self.capacity, cnp.NPY_UINT32)
        return whole[self._c.offsets[topic] : self._c.offsets[topic + 1]]

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
