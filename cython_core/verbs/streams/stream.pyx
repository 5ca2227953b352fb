"""Base of both stream directions: prebuilt requests, memory held until closed."""

from libc.stdlib cimport calloc, free


cdef class Stream:
    """The part of `SendStream` and `ReceiveStream` that is the same for both."""

    def __cinit__(self):
        self.requests = NULL
        self.pieces = NULL
        self.closed = True

    cdef int _new(self, QueuePair queue_pair, RdmaBuffer memory) except -1:
        """Check what neither direction can do without."""
        if not self.closed:
            raise RuntimeError("the stream is open")
        if queue_pair.qp == NULL:
            raise ValueError("the queue pair is closed")
        if memory is not None and memory.domain is not queue_pair.domain:
            raise ValueError("the memory is of another protection domain")
        return 0

    cdef int _allocate(self, size_t count, size_t request_bytes) except -1:
        free(self.requests)
        free(self.pieces)
        self.requests = calloc(count, request_bytes)
        self.pieces = <ibv_sge*> calloc(count, sizeof(ibv_sge))
        if self.requests == NULL or self.pieces == NULL:
            raise MemoryError(f"no memory for {count} requests")
        return 0

    def _enter(self):
        if self.closed:
            raise ValueError("the stream is closed")
        self.queue_pair._enter()

    cdef int _let_go(self) except -1:
        self.closed = True
        if self.memory is not None:
            self.memory._release()
        return 0

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def __dealloc__(self):
        if not self.closed and self.memory is not None:
            self.memory._release()
        free(self.requests)
        free(self.pieces)
