from libc.stdint cimport uint32_t, uint64_t

cdef extern from "route.h" nogil:
    ctypedef struct aether_input:
        const char* topic
        const char* value
        size_t topic_stride
        size_t value_stride
        size_t n
        uint32_t topics
        bint numbered
        uint64_t first
        uint32_t topic_mask
        uint32_t topic_shift

cdef enum:
    MAX_EVENTS = 0xFFFFFFFF

# Returns what is to be held for as long as `out` is used.
cdef object columns_input(object topic, object value, aether_input* out)
