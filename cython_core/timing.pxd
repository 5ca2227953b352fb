cdef double monotonic_seconds() noexcept nogil
