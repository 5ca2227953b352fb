cdef class DirectFuture:
    cdef public bint _asyncio_future_blocking  # how a task knows a future
    cdef object _loop, _callback, _context, _message
    cdef int _state
    cdef int _call_soon(self) except -1
    # End it. Its task goes on within this call, which no other task of the loop may be in.
    cdef int finish(self) except -1
    # End it; its task goes on in the loop's next turn.
    cdef int finish_later(self) except -1
