from libc.stdint cimport uint32_t

from cython_core.verbs.device cimport Device
from cython_core.verbs.ibverbs cimport ibv_qp


cdef struct timers:
    int timeout, retries, rnr_retries, rnr_timer

cdef int to_reset(ibv_qp* qp) except -1
cdef int to_error(ibv_qp* qp) except -1
cdef int to_init(ibv_qp* qp, Device device) except -1
cdef int to_ready(ibv_qp* qp, Device device, uint32_t psn, remote, timers times) except -1
