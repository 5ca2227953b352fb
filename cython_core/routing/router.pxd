from cython_core.routing.routed cimport Routed
from cython_core.routing.simd cimport aether_route_kernel

cdef Routed routed_of(object events, Py_ssize_t topics, Routed out, Py_ssize_t threads,
                      const aether_route_kernel* kernel, object sequence, object record)
