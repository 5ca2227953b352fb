cdef extern from "simd.h" nogil:
    ctypedef struct aether_route_kernel:
        const char* name

cdef const aether_route_kernel* route_kernel(object variant) except NULL
