"""Credit word of a stream, and the request that writes the peer's."""

from cython_core.verbs.ibverbs cimport *
from cython_core.verbs.process cimport aether_forks
from libc.errno cimport errno
from libc.stdint cimport uintptr_t
from libc.stdlib cimport free
from libc.string cimport memset

import os

from cython_core.verbs.errors import PAGE as _PAGE, RdmaError

cdef size_t PAGE = _PAGE

cdef extern from "stdlib.h" nogil:
    int posix_memalign(void** memory, size_t alignment, size_t size)


cdef class CreditWords:
    """Two words in a page of their own, registered for the peer's writes."""

    def __cinit__(self, ProtectionDomain domain not None):
        self.forks = aether_forks
        # A page of their own: of one that is registered, older kernels leave a forked child none.
        if posix_memalign(<void**> &self.words, PAGE, PAGE):
            raise MemoryError("no memory for the credit words")
        memset(self.words, 0, PAGE)
        self.mr = ibv_reg_mr(
            domain.pd, self.words, sizeof(credit_words),
            IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE,
        )
        if self.mr == NULL:
            raise RdmaError(f"cannot register the credit words: {os.strerror(errno)}")
        self.piece.addr = <uintptr_t> &self.words.telling
        self.piece.length = sizeof(uint64_t)
        self.piece.lkey = self.mr.lkey
        self.request.sg_list = &self.piece
        self.request.num_sge = 1
        self.request.opcode = IBV_WR_RDMA_WRITE

    cdef int _free(self) noexcept:
        cdef int failed = 0
        if self.forks != aether_forks:
            self.mr, self.words = NULL, NULL  # see process.pxd
        if self.mr != NULL:
            failed = ibv_dereg_mr(self.mr)
            self.mr = NULL
        free(self.words)
        self.words = NULL
        return failed

    def __dealloc__(self):
        self._free()
