"""Protection domains, and memory registered once with the device."""

from cpython.buffer cimport (
    PyBUF_C_CONTIGUOUS, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cython_core.verbs.ibverbs cimport *
from cython_core.verbs.process cimport aether_forks
from libc.errno cimport ENOMEM, errno
from libc.stdint cimport uintptr_t

import os

from cython_core.verbs.errors import RdmaError, memlock_error


cdef class ProtectionDomain:
    """What may be used together: one a peer, so that no peer's keys open another's memory.

    Parameters
    ----------
    device : Device
    """

    def __cinit__(self):
        self.pd = NULL

    def __init__(self, Device device not None):
        if self.pd != NULL:
            raise RuntimeError("the protection domain is open")
        device._retain()
        self.pd = ibv_alloc_pd(device.context)
        if self.pd == NULL:
            device._release()
            raise RdmaError(f"no protection domain: {os.strerror(errno)}")
        self.device = device
        self.forks = aether_forks

    cdef int _retain(self) except -1:
        if self.pd == NULL:
            raise ValueError("the protection domain is closed")
        self.device._check()
        self.users += 1
        return 0

    cdef void _release(self) noexcept:
        self.users -= 1

    def close(self):
        """Give the domain back; a second call does nothing.

        Raises
        ------
        BufferError
            While memory or a queue pair of it is open.
        """
        if self.pd == NULL:
            return
        if self.forks != aether_forks:
            self.pd = NULL  # see process.pxd
            return
        if self.users:
            raise BufferError(f"the protection domain is in use by {self.users} open objects")
        if ibv_dealloc_pd(self.pd):
            raise RdmaError(f"cannot close the protection domain: {os.strerror(errno)}")
        self.pd = NULL
        self.device._release()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __dealloc__(self):
        if self.pd != NULL and self.forks == aether_forks:
            ibv_dealloc_pd(self.pd)
            self.device._release()


cdef class RdmaBuffer:
    """A writable buffer, registered once; it holds the buffer's owner until closed.

    Sending from it needs no right at all: rights are what a receive or the peer needs.

    Parameters
    ----------
    domain : ProtectionDomain
    owner : object
        Anything with a writable contiguous buffer: an array, a ring's memory, a ``mmap``.
    local_write : bool
        Whether a receive may land here.
    remote_write : bool
        Whether the peer may write here by RDMA; implies `local_write`.

    Raises
    ------
    MemlockError
        If the pages to pin exceed the limit, with the remedy.
    ValueError
        If the buffer is empty.

    Attributes
    ----------
    ptr : int
        Address of the first byte.
    length : int
        In bytes.
    lkey, rkey : int
        Local and remote key.
    """

    def __cinit__(self):
        self.mr = NULL
        self._held = False

    def __init__(
        self, ProtectionDomain domain not None, owner, *,
        bint local_write=False, bint remote_write=False,
    ):
        if self._held:
            raise RuntimeError("the buffer is registered")
        PyObject_GetBuffer(owner, &self._view, PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)
        self._held = True
        cdef int access = 0
        if local_write or remote_write:
            access |= IBV_ACCESS_LOCAL_WRITE
        if remote_write:
            access |= IBV_ACCESS_REMOTE_WRITE
        try:
            if self._view.len == 0:
                raise ValueError("an empty buffer cannot be registered")
            domain._retain()
            self.domain = domain
            self.mr = ibv_reg_mr(domain.pd, self._view.buf, self._view.len, access)
            if self.mr == NULL:
                domain._release()
                if errno == ENOMEM:
                    raise memlock_error(<uintptr_t> self._view.buf, self._view.len)
                raise RdmaError(f"cannot register {self._view.len} bytes: {os.strerror(errno)}")
        except BaseException:
            PyBuffer_Release(&self._view)
            self._held = False
            raise

    @property
    def ptr(self):
        """Address of the first byte."""
        self._check_open()
        return <uintptr_t> self._view.buf

    @property
    def length(self):
        """Length in bytes."""
        self._check_open()
        return self._view.len

    @property
    def lkey(self):
        """Key for this side's own work requests."""
        self._check_open()
        return self.mr.lkey

    @property
    def rkey(self):
        """Key for the peer's work requests: tell it to nobody else."""
        self._check_open()
        return self.mr.rkey

    @property
    def owner(self):
        """The object whose memory this is."""
        self._check_open()
        return <object> self._view.obj

    cdef int _check_open(self) except -1:
        if self.mr == NULL:
            raise ValueError("the buffer is closed")
        return self.domain.device._check()

    cdef uint64_t _at(self, uint64_t offset, uint64_t length) except? 0:
        self._check_open()
        cdef uint64_t whole = <uint64_t> self._view.len
        if offset > whole or length > whole - offset:
            raise IndexError(f"{length} bytes at {offset} exceed the buffer's {whole} bytes")
        return <uint64_t> <uintptr_t> self._view.buf + offset

    def address(self, offset, length):
        """Return the address of `length` bytes at `offset`, both in bytes.

        Raises
        ------
        IndexError
            If they do not lie within the buffer.
        """
        if offset < 0 or length < 0:
            raise IndexError("offset and length are not negative")
        return self._at(offset, length)

    cdef int _retain(self) except -1:
        self._check_open()
        self.users += 1
        return 0

    cdef void _release(self) noexcept:
        self.users -= 1

    def __len__(self):
        return self.length

    def __repr__(self):
        if self.mr == NULL:
            return "<RdmaBuffer closed>"
        return f"<RdmaBuffer {self._view.len} bytes at {<uintptr_t> self._view.buf:#x}>"

    def close(self):
        """Deregister and let the owner go; a second call does nothing.

        Raises
        ------
        BufferError
            While a stream uses the memory.
        """
        if self.mr == NULL:
            return
        if self.domain.forks != aether_forks:
            self.mr = NULL  # see process.pxd
            self._let_go()
            return
        if self.users:
            raise BufferError(f"the memory is in use by {self.users} streams")
        if ibv_dereg_mr(self.mr):
            raise RdmaError(f"cannot deregister: {os.strerror(errno)}")
        self.mr = NULL
        self.domain._release()
        self._let_go()

    cdef int _let_go(self) except -1:
        PyBuffer_Release(&self._view)
        self._held = False
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __dealloc__(self):
        if self.mr != NULL and self.domain.forks == aether_forks:
            ibv_dereg_mr(self.mr)
            self.domain._release()
        if self._held:
            PyBuffer_Release(&self._view)
