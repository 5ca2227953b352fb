/* How the input of a routing lies, known at compile time where a pass over it is inlined. */
#ifndef AETHER_ROUTE_SHAPE_H
#define AETHER_ROUTE_SHAPE_H

#include "route_row.h"

#define INLINE static inline __attribute__((always_inline))

/* Of records the strides, shift, mask and how far ahead to fetch are not known at compile time. */
typedef struct {
    size_t topic_stride, value_stride;
    int numbered, records, valued;
    int to_second_level; /* of records: what is fetched ahead would not stay in the first */
    uint32_t shift, mask;
    size_t ahead; /* bytes */
} shape;

#define TOPIC(i)                                                                     \
    (how.records ? aether_masked_topic(topic + (i) * how.topic_stride, how.shift, how.mask) \
                 : aether_topic(topic + (i) * how.topic_stride))
#define VALUE(i) (how.valued ? *(const double *)(value + (i) * how.value_stride) : 0.0)
/* Same cache line as topic and value: comparing adds no fetch. `wrong` is a variable of the
 * loop's own, as one that has an address would be stored with every event. */
#define COMPARE(i) \
    if (how.numbered) wrong |= aether_sequence(topic, i) ^ (first + (i))
/* Hardware fetches ahead within a page: from far apart records the next are asked for here. */
#define FETCH(i)                                                                   \
    if (how.records) {                                                             \
        const void *next = (const void *)((uintptr_t)(topic + (i) * how.topic_stride) + how.ahead); \
        if (how.to_second_level)                                                   \
            __builtin_prefetch(next, 0, 2);                                        \
        else                                                                       \
            __builtin_prefetch(next, 0, 3);                                        \
    }

/* The value of event `at`, whose topic is given. Of events from there: the compiler then keeps
 * one address and not one a field, which it has no registers for. */
INLINE const char *value_of(const aether_input *in, const char *topic, size_t at,
                            const shape how) {
    if (how.records || how.topic_stride != sizeof(aether_event))
        return how.valued ? in->value + at * how.value_stride : NULL;
    return topic + (offsetof(aether_event, value) - offsetof(aether_event, topic));
}

INLINE shape shape_of_events(const int numbered) {
    return (shape){.topic_stride = sizeof(aether_event), .value_stride = sizeof(aether_event),
                   .valued = 1, .numbered = numbered};
}

INLINE shape shape_of_columns(void) {
    return (shape){.topic_stride = sizeof(uint32_t), .value_stride = sizeof(double), .valued = 1};
}

/* As many records ahead as were measured to be best: where lines of one place in the page share few
 * sets, the first level keeps too few of them; beyond two pages a fetch waits for the next page. */
#define NEAR_BYTES 512
#define FAR_BYTES 8192
#define NEAR_RECORDS 8
#define FAR_RECORDS 32

INLINE shape shape_of_records(const aether_input *in) {
    const size_t size = in->topic_stride;
    shape how = {.topic_stride = size, .value_stride = size, .records = 1,
                 .shift = in->topic_shift, .mask = in->topic_mask,
                 .to_second_level = size > NEAR_BYTES && size <= FAR_BYTES};
    if (how.to_second_level) how.ahead = FAR_RECORDS * size;
    if (size > sizeof(aether_event) && size <= NEAR_BYTES) how.ahead = NEAR_RECORDS * size;
    return how;
}

#endif
