from libc.stdint cimport int64_t

# Each power of two is cut into 64 buckets: a value is known to 1/64 of itself.
cdef enum:
    BITS = 6
    BUCKETS = (64 - BITS) << BITS

cdef class Histogram:
    cdef readonly int64_t count, total, maximum
    cdef int64_t _buckets[BUCKETS]
    cdef int add(self, int64_t value) except -1
