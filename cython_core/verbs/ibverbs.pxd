"""The part of <infiniband/verbs.h> in use; enumerations that cross to Python are read as int."""

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "<infiniband/verbs.h>" nogil:
    enum: IBV_QPT_RC
    enum: IBV_QPS_RESET, IBV_QPS_INIT, IBV_QPS_RTR, IBV_QPS_RTS, IBV_QPS_ERR
    enum:
        IBV_QP_STATE, IBV_QP_PKEY_INDEX, IBV_QP_PORT, IBV_QP_ACCESS_FLAGS, IBV_QP_AV
        IBV_QP_PATH_MTU, IBV_QP_DEST_QPN, IBV_QP_RQ_PSN, IBV_QP_MAX_DEST_RD_ATOMIC
        IBV_QP_MIN_RNR_TIMER, IBV_QP_TIMEOUT, IBV_QP_RETRY_CNT, IBV_QP_RNR_RETRY
        IBV_QP_SQ_PSN, IBV_QP_MAX_QP_RD_ATOMIC
    enum: IBV_ACCESS_LOCAL_WRITE, IBV_ACCESS_REMOTE_WRITE
    enum: IBV_SEND_SIGNALED, IBV_SEND_INLINE
    enum: IBV_WR_SEND, IBV_WR_RDMA_WRITE, IBV_WR_RDMA_WRITE_WITH_IMM
    enum: IBV_WC_SUCCESS, IBV_WC_WR_FLUSH_ERR
    enum: IBV_PORT_ACTIVE
    enum: IBV_LINK_LAYER_ETHERNET

    union ibv_gid:
        uint8_t raw[16]

    struct ibv_device:
        char* dev_path  # an array; in sysfs

    struct ibv_context:
        ibv_device* device
        int async_fd
        int num_comp_vectors

    struct ibv_gid_entry:
        ibv_gid gid
        uint32_t gid_index
        uint32_t port_num
        uint32_t gid_type
        uint32_t ndev_ifindex

    struct ibv_device_attr:
        uint64_t max_mr_size
        int max_qp_wr
        int max_cqe
        int max_sge
        uint8_t phys_port_cnt

    struct ibv_port_attr:
        int state
        int active_mtu
        int gid_tbl_len
        uint16_t lid
        uint8_t link_layer

    struct ibv_pd:
        pass

    struct ibv_mr:
        uint32_t lkey
        uint32_t rkey

    struct ibv_comp_channel:
        int fd

    struct ibv_cq:
        int cqe

    struct ibv_wc:
        uint64_t wr_id
        int status
        int opcode
        uint32_t vendor_err
        uint32_t byte_len
        uint32_t imm_data
        uint32_t qp_num
        uint32_t wc_flags

    struct ibv_sge:
        uint64_t addr
        uint32_t length
        uint32_t lkey

    struct ibv_send_wr:
        uint64_t wr_id
        ibv_send_wr* next
        ibv_sge* sg_list
        int num_sge
        int opcode
        unsigned int send_flags
        uint32_t imm_data
        uint64_t remote_addr "wr.rdma.remote_addr"
        uint32_t rkey "wr.rdma.rkey"

    struct ibv_recv_wr:
        uint64_t wr_id
        ibv_recv_wr* next
        ibv_sge* sg_list
        int num_sge

    struct ibv_qp_cap:
        uint32_t max_send_wr
        uint32_t max_recv_wr
        uint32_t max_send_sge
        uint32_t max_recv_sge
        uint32_t max_inline_data

    struct ibv_qp_init_attr:
        void* qp_context
        ibv_cq* send_cq
        ibv_cq* recv_cq
        ibv_qp_cap cap
        int qp_type
        int sq_sig_all

    struct ibv_ah_attr:
        uint8_t dgid_raw "grh.dgid.raw"[16]
        uint8_t sgid_index "grh.sgid_index"
        uint8_t hop_limit "grh.hop_limit"
        uint16_t dlid
        uint8_t is_global
        uint8_t port_num

    struct ibv_qp_attr:
        int qp_state
        int path_mtu
        uint32_t rq_psn
        uint32_t sq_psn
        uint32_t dest_qp_num
        unsigned int qp_access_flags
        ibv_ah_attr ah_attr
        uint16_t pkey_index
        uint8_t max_rd_atomic
        uint8_t max_dest_rd_atomic
        uint8_t min_rnr_timer
        uint8_t port_num
        uint8_t timeout
        uint8_t retry_cnt
        uint8_t rnr_retry

    struct ibv_qp:
        uint32_t qp_num

    struct ibv_async_event:
        int event_type

    int ibv_fork_init()
    ibv_device** ibv_get_device_list(int* count)
    void ibv_free_device_list(ibv_device** devices)
    const char* ibv_get_device_name(ibv_device* device)
    ibv_context* ibv_open_device(ibv_device* device)
    int ibv_close_device(ibv_context* context)
    int ibv_query_device(ibv_context* context, ibv_device_attr* attr)
    int ibv_query_port(ibv_context* context, uint8_t port, ibv_port_attr* attr)
    int ibv_query_gid_ex(
        ibv_context* context, uint32_t port, uint32_t index, ibv_gid_entry* entry, uint32_t flags
    )
    int ibv_get_async_event(ibv_context* context, ibv_async_event* event)
    void ibv_ack_async_event(ibv_async_event* event)
    const char* ibv_event_type_str(int event)
    const char* ibv_wc_status_str(int status)

    ibv_pd* ibv_alloc_pd(ibv_context* context)
    int ibv_dealloc_pd(ibv_pd* pd)
    ibv_mr* ibv_reg_mr(ibv_pd* pd, void* address, size_t length, int access)
    int ibv_dereg_mr(ibv_mr* mr)

    ibv_comp_channel* ibv_create_comp_channel(ibv_context* context)
    int ibv_destroy_comp_channel(ibv_comp_channel* channel)
    ibv_cq* ibv_create_cq(
        ibv_context* context, int cqe, void* user, ibv_comp_channel* channel, int vector
    )
    int ibv_destroy_cq(ibv_cq* cq)
    int ibv_req_notify_cq(ibv_cq* cq, int solicited_only)
    int ibv_get_cq_event(ibv_comp_channel* channel, ibv_cq** cq, void** user)
    void ibv_ack_cq_events(ibv_cq* cq, unsigned int count)
    int ibv_poll_cq(ibv_cq* cq, int count, ibv_wc* wc)

    ibv_qp* ibv_create_qp(ibv_pd* pd, ibv_qp_init_attr* attr)
    int ibv_modify_qp(ibv_qp* qp, ibv_qp_attr* attr, int mask)
    int ibv_query_qp(ibv_qp* qp, ibv_qp_attr* attr, int mask, ibv_qp_init_attr* init)
    int ibv_destroy_qp(ibv_qp* qp)
    int ibv_post_send(ibv_qp* qp, ibv_send_wr* wr, ibv_send_wr** bad)
    int ibv_post_recv(ibv_qp* qp, ibv_recv_wr* wr, ibv_recv_wr** bad)
