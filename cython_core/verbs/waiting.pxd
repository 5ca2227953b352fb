from libc.stdint cimport uint64_t

cdef int pause(uint64_t* idle, double deadline) except -1 nogil
