"""Ring mapping: the memory mapped twice in a row, and the views that keep it mapped.

The events are mapped back to back a second time, so event ``slots + i`` is
event ``i`` again and a batch that crosses the end of the ring is still one
contiguous run: no split, no copy, no padding events.
"""

cimport cython
cimport numpy as cnp
from cpython.object cimport PyObject
from cpython.ref cimport Py_INCREF
from libc.stdint cimport uintptr_t
from posix.mman cimport (
    MAP_ANONYMOUS, MAP_FAILED, MAP_FIXED, MAP_PRIVATE, MAP_SHARED,
    PROT_NONE, PROT_READ, PROT_WRITE, mmap, munmap,
)

from mmap import PAGESIZE

from cython_core.ring.shared_memory import HUGE_PAGE

cdef extern from "sys/mman.h" nogil:
    int MAP_NORESERVE, MAP_POPULATE
    int madvise(void* where, size_t length, int advice)

cdef extern from "numpy/arrayobject.h":
    object new_array "PyArray_NewFromDescr"(
        PyObject* subtype, PyObject* descr, int nd, const cnp.npy_intp* dims,
        const cnp.npy_intp* strides, void* data, int flags, PyObject* prototype)
    PyObject ndarray_type "PyArray_Type"
    PyObject* base_of "PyArray_BASE"(PyObject* array)

cdef extern from "view.h":
    bint aether_view_is_free(PyObject* view, void* base, void* type, int flags, cnp.npy_intp stride)
    void aether_view_point(PyObject* view, void* data, cnp.npy_intp length)

cdef extern from *:
    PyObject* none "Py_None"
    Py_ssize_t references "Py_REFCNT"(PyObject*)

cnp.import_array()

# MADV_COLLAPSE: older headers do not name it.
cdef enum:
    _COLLAPSE = 25


@cython.freelist(16)
@cython.no_gc
cdef class Lease:
    """Base object of a view: keeps the memory mapped, and is counted while the claim lasts."""

    def __dealloc__(self):
        if self.mapping is not None and self.epoch == self.mapping.epoch:
            self.mapping.live -= 1


@cython.no_gc
cdef class Mapping:
    """Header once and events twice, from one shared descriptor.

    Parameters
    ----------
    fd : int
        Memory of `events_at` bytes and those of the events, the header in its first page.
    events_at, slots : int
        Where the events begin, and for how many there is room, a power of two. Both in bytes are
        multiples of the page size. Where both are of the huge page's, the events are moved into
        huge pages if the kernel can (Linux 6.1 and later, and memory that is not in shreds): an
        end that goes round a ring of megabytes otherwise looks up a new page every 64 events.
    record : RecordType
    writable : bool
        Whether events may be written; the header always is.

    Attributes
    ----------
    live : int
        Views of the present claim that are still held somewhere.

    Raises
    ------
    OSError
        If the memory cannot be mapped.
    """

    def __cinit__(self, int fd, size_t events_at, uint64_t slots, RecordType record, bint writable):
        cdef size_t huge = HUGE_PAGE, page = PAGESIZE, data_bytes = slots * record.itemsize
        cdef int access = PROT_READ | PROT_WRITE if writable else PROT_READ
        cdef char* base
        self.slots, self.event_bytes, self.dtype = slots, record.itemsize, record.dtype
        self.reserved = page + huge + 2 * data_bytes
        base = <char*> mmap(
            NULL, self.reserved, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)
        if base == <char*> MAP_FAILED:
            raise OSError(f"no room to map a ring of {data_bytes} bytes")
        self.base = base
        # A huge page lies at a multiple of its size in the file and in memory.
        self.events = <char*> ((<uintptr_t> (base + page) + huge - 1) & ~(<uintptr_t> huge - 1))
        self.data_bytes = data_bytes
        if (
            _place(base, page, PROT_READ | PROT_WRITE, fd, 0)
            or _place(self.events, data_bytes, access, fd, events_at)
            or _place(self.events + data_bytes, data_bytes, access, fd, events_at)
        ):
            raise OSError(f"cannot map a ring of {data_bytes} bytes")
        if not (events_at % huge or data_bytes % huge):
            # Refused by older kernels, and where no huge page is to be had: it is no error.
            madvise(self.events, 2 * data_bytes, _COLLAPSE)

    def __dealloc__(self):
        if self.base is not NULL:
            munmap(self.base, self.reserved)

    cdef cnp.ndarray view(self, uint64_t position, Py_ssize_t n, bint writable):
        """Events `position` to `position + n`; n is at most the number of slots."""
        cdef Lease lease = Lease.__new__(Lease)
        cdef cnp.npy_intp shape = n
        cdef size_t start = (position & (self.slots - 1)) * self.event_bytes
        cdef object dtype = self.dtype
        cdef int flags = cnp.NPY_ARRAY_CARRAY if writable else cnp.NPY_ARRAY_CARRAY_RO
        Py_INCREF(dtype)
        cdef cnp.ndarray array = new_array(
            &ndarray_type, <PyObject*> dtype, 1, &shape, NULL,
            self.events + start, flags, NULL)
        lease.mapping = self
        lease.epoch = self.epoch
        self.live += 1
        cnp.set_array_base(array, lease)
        return array

    cdef bint point(self, PyObject* view, uint64_t position, Py_ssize_t n, int flags) noexcept:
        cdef PyObject* base
        cdef Lease lease
        if view is NULL or view is none:
            return False
        base = base_of(view)
        if references(base) != 1 or not aether_view_is_free(
            view, <void*> base, <void*> self.dtype, flags, self.event_bytes
        ):
            return False
        lease = <Lease> base
        if lease.epoch != self.epoch:  # else it is counted already
            lease.epoch = self.epoch
            self.live += 1
        aether_view_point(
            view, self.events + (position & (self.slots - 1)) * self.event_bytes, n)
        return True

    cdef cnp.ndarray whole(self):
        """Both mappings of the events, as bytes; no claim, so not counted as live."""
        cdef cnp.npy_intp shape = 2 * self.data_bytes
        cdef cnp.ndarray array = cnp.PyArray_SimpleNewFromData(
            1, &shape, cnp.NPY_UINT8, self.events)
        cnp.set_array_base(array, self)
        return array

    cdef void forget(self) noexcept:
        """The claim is over: views left from it keep the memory, but no longer count."""
        self.epoch += 1
        self.live = 0


cdef bint _place(char* where, size_t length, int access, int fd, size_t offset) noexcept:
    # Populated at once: the first lap of the ring should not pay for page faults.
    return mmap(
        where, length, access, MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, offset
    ) == MAP_FAILED
