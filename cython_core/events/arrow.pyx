"""Events as an Arrow array of FixedSizeBinary(64): the same bytes, through PyCapsules.

Nothing is imported and nothing is copied. The array holds the numpy view, and
through it the ring or the allocation, until whoever took it lets go.
"""

from cpython.mem cimport PyMem_RawCalloc, PyMem_RawFree
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int64_t

from cython_core.events.record cimport aether_event, batch_pointer

cdef extern from "arrow_abi.h" nogil:
    ctypedef struct ArrowSchema "struct ArrowSchema":
        const char* format
        const char* name
        void (*release)(ArrowSchema*) noexcept
    ctypedef struct ArrowArray "struct ArrowArray":
        int64_t length
        int64_t n_buffers
        const void** buffers
        void (*release)(ArrowArray*) noexcept
        void* private_data


cdef class EventArray:
    """A batch of events as an Arrow array; hand it to anything that speaks Arrow.

    Parameters
    ----------
    events : numpy.ndarray
        Shape ``(N,)``, dtype `EVENT_DTYPE`, contiguous. Held, not copied: it must
        not be written while an Arrow consumer reads it, and of a ring's view the
        bytes are the consumer's only until `Ring.release`.

    Raises
    ------
    ValueError
        On anything else.

    Examples
    --------
    >>> import pyarrow
    >>> pyarrow.array(EventArray(allocate(3))).type
    FixedSizeBinaryType(fixed_size_binary[64])
    """

    cdef readonly object events
    cdef object _keeper
    cdef aether_event* _pointer
    cdef Py_ssize_t _length

    def __cinit__(self, events):
        self._keeper = batch_pointer(events, &self._pointer, &self._length)
        self.events = events

    def __len__(self):
        return self._length

    def __arrow_c_schema__(self):
        """Return the schema as a PyCapsule named ``arrow_schema``."""
        # Made with release = NULL and given to its capsule first: whatever fails
        # after that frees exactly what was made.
        cdef ArrowSchema* schema = <ArrowSchema*> _zeroed(sizeof(ArrowSchema))
        try:
            capsule = PyCapsule_New(schema, "arrow_schema", _free_schema)
        except BaseException:
            PyMem_RawFree(schema)
            raise
        schema.format = "w:64"
        schema.name = ""
        schema.release = _release_schema
        return capsule

    def __arrow_c_array__(self, requested_schema=None):
        """Return schema and array as PyCapsules.

        Parameters
        ----------
        requested_schema : PyCapsule, optional
            Not heeded, as the protocol allows: there is one way without a copy.

        Returns
        -------
        (PyCapsule, PyCapsule)
            Named ``arrow_schema`` and ``arrow_array``.
        """
        schema = self.__arrow_c_schema__()
        cdef ArrowArray* array = <ArrowArray*> _zeroed(sizeof(ArrowArray))
        try:
            capsule = PyCapsule_New(array, "arrow_array", _free_array)
        except BaseException:
            PyMem_RawFree(array)
            raise
        array.buffers = <const void**> _zeroed(2 * sizeof(void*))
        array.buffers[1] = self._pointer  # buffers[0] is the validity bitmap: nothing is null
        array.n_buffers = 2
        array.length = self._length
        array.private_data = <void*> self  # with all that it holds
        Py_INCREF(self)
        array.release = _release_array
        return schema, capsule


cdef void* _zeroed(size_t n) except NULL:
    cdef void* memory = PyMem_RawCalloc(1, n)
    if memory is NULL:
        raise MemoryError()
    return memory


cdef void _release_schema(ArrowSchema* schema) noexcept nogil:
    schema.release = NULL


# An Arrow consumer may let go on any thread, so without the GIL.
cdef void _release_array(ArrowArray* array) noexcept nogil:
    with gil:
        Py_DECREF(<object> array.private_data)
    PyMem_RawFree(array.buffers)
    array.release = NULL


# A consumer that takes the struct sets release to NULL and leaves us the shell.
cdef void _free_schema(object capsule) noexcept:
    cdef ArrowSchema* schema = <ArrowSchema*> PyCapsule_GetPointer(capsule, "arrow_schema")
    if schema.release is not NULL:
        schema.release(schema)
    PyMem_RawFree(schema)


cdef void _free_array(object capsule) noexcept:
    cdef ArrowArray* array = <ArrowArray*> PyCapsule_GetPointer(capsule, "arrow_array")
    if array.release is not NULL:
        array.release(array)
    PyMem_RawFree(array)
