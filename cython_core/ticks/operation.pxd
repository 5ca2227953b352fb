cdef class Operation:
    cdef object _inner  # iterator of what is waited for; None while nothing is
    cdef int _state
    cdef object attempt(self)

cdef object wait_for(Operation operation, object awaitable)
