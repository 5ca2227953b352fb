"""State transitions of a reliable connection."""

from cython_core.verbs.ibverbs cimport *
from libc.errno cimport errno
from libc.string cimport memcpy, memset

import os

from cython_core.verbs.device import MTU_BYTES
from cython_core.verbs.errors import RdmaError


def check_limits(**values):
    """Refuse the first of `values`, each a number with its lowest and highest, that is outside."""
    for name, (value, low, high) in values.items():
        if not low <= value <= high:
            raise ValueError(f"{name} must be {low} to {high}, not {value}")


def check_remote(remote):
    """Refuse an endpoint that no device can have told."""
    if remote.mtu not in MTU_BYTES.values():
        raise ValueError(f"the peer's MTU of {remote.mtu} bytes does not exist")
    if len(remote.gid) != 16:
        raise ValueError("a GID has 16 bytes")


cdef int _modify(ibv_qp* qp, ibv_qp_attr* attributes, int mask, str state) except -1:
    cdef int error
    with nogil:  # the system may look for the peer's hardware address, which takes a second
        error = ibv_modify_qp(qp, attributes, mask | IBV_QP_STATE)
    if error:
        raise RdmaError(f"the queue pair cannot become {state}: {os.strerror(error)}")
    return 0


cdef ibv_qp* make(ibv_pd* pd, ibv_qp_init_attr* wanted) except NULL:
    """Create a reliable connection; `wanted` then tells what was granted."""
    cdef ibv_qp_cap cap = wanted.cap
    cdef ibv_qp* qp
    wanted.qp_type = IBV_QPT_RC
    for inline in (cap.max_inline_data, 0):  # not every device has so much, or any
        wanted.cap = cap
        wanted.cap.max_send_sge = wanted.cap.max_recv_sge = 1
        wanted.cap.max_inline_data = inline
        qp = ibv_create_qp(pd, wanted)
        if qp != NULL:
            return qp
    raise RdmaError(f"no queue pair: {os.strerror(errno)}")


cdef bint mark(ibv_qp* qp, uint64_t id) noexcept:
    """Queue an empty request behind all others; False if the device does not take it."""
    cdef ibv_send_wr request
    cdef ibv_send_wr* bad = NULL
    memset(&request, 0, sizeof(request))
    request.wr_id, request.opcode = id, IBV_WR_RDMA_WRITE
    return ibv_post_send(qp, &request, &bad) == 0


cdef int to_reset(ibv_qp* qp) except -1:
    cdef ibv_qp_attr a
    memset(&a, 0, sizeof(a))
    a.qp_state = IBV_QPS_RESET
    return _modify(qp, &a, 0, "reset")


cdef int to_error(ibv_qp* qp) except -1:
    cdef ibv_qp_attr a
    memset(&a, 0, sizeof(a))
    a.qp_state = IBV_QPS_ERR
    return _modify(qp, &a, 0, "an error")


cdef int to_init(ibv_qp* qp, Device device) except -1:
    cdef ibv_qp_attr a
    memset(&a, 0, sizeof(a))
    a.qp_state = IBV_QPS_INIT
    a.port_num = device.port
    # The least that streams need: no reads, no atomics.
    a.qp_access_flags = IBV_ACCESS_REMOTE_WRITE
    return _modify(qp, &a, IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS, "initialised")


cdef int to_ready(ibv_qp* qp, Device device, uint32_t psn, remote, timers times) except -1:
    cdef ibv_qp_attr a
    cdef bytes gid = remote.gid
    memset(&a, 0, sizeof(a))
    a.qp_state = IBV_QPS_RTR
    # enum ibv_mtu counts powers of two from 1, which is 256 bytes.
    a.path_mtu = <int> min(remote.mtu, device.mtu).bit_length() - 8
    a.dest_qp_num = remote.number
    a.rq_psn = remote.psn
    a.max_dest_rd_atomic = 1
    a.min_rnr_timer = times.rnr_timer
    a.ah_attr.dlid = remote.lid
    a.ah_attr.port_num = device.port
    if device.ethernet:
        a.ah_attr.is_global = 1
        a.ah_attr.sgid_index = device.gid_index
        a.ah_attr.hop_limit = 64
        memcpy(a.ah_attr.dgid_raw, <const char*> gid, 16)
    _modify(
        qp, &a,
        IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN
        | IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER,
        "ready to receive",
    )
    memset(&a, 0, sizeof(a))
    a.qp_state = IBV_QPS_RTS
    a.sq_psn = psn
    a.timeout = times.timeout
    a.retry_cnt = times.retries
    a.rnr_retry = times.rnr_retries
    a.max_rd_atomic = 1
    return _modify(
        qp, &a,
        IBV_QP_SQ_PSN | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY
        | IBV_QP_MAX_QP_RD_ATOMIC,
        "ready to send",
    )
