from libc.stdint cimport int64_t


cdef double monotonic_seconds() noexcept nogil
cdef int64_t monotonic_ns() noexcept nogil
