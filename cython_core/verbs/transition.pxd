from libc.stdint cimport uint32_t, uint64_t

from cython_core.verbs.device cimport Device
from cython_core.verbs.ibverbs cimport ibv_pd, ibv_qp, ibv_qp_init_attr


cdef struct timers:
    int timeout, retries, rnr_retries, rnr_timer

cdef ibv_qp* make(ibv_pd* pd, ibv_qp_init_attr* wanted) except NULL
cdef bint mark(ibv_qp* qp, uint64_t id) noexcept
cdef int to_reset(ibv_qp* qp) except -1
cdef int to_error(ibv_qp* qp) except -1
cdef int to_init(ibv_qp* qp, Device device) except -1
cdef int to_ready(ibv_qp* qp, Device device, uint32_t psn, remote, timers times) except -1
