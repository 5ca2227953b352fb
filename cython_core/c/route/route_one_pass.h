/* The way of small batches with few topics, in one pass over the records. */
#ifndef AETHER_ROUTE_ONE_PASS_H
#define AETHER_ROUTE_ONE_PASS_H

#include "route_shape.h"

/* Each record is read once: its topic's row is brought up to date while the next ones are fetched,
 * and topic and place among its topic's are kept. What is left for after the last one, when it is
 * known where each topic's run begins, is a store a record. */
INLINE int64_t direct_layout(const aether_input *in, const aether_routed *out, const shape how) {
    const uint32_t topics = in->topics;
    const size_t n = in->n;
    _Alignas(32) aether_row rows[AETHER_DIRECT_TOPICS];
    uint32_t starts[AETHER_DIRECT_TOPICS];
    uint32_t kept[AETHER_DIRECT_EVENTS]; /* topic above, place below */
    const char *topic = in->topic, *value = value_of(in, topic, 0, how);
    uint64_t first = in->first, wrong = 0;
    for (uint32_t t = 0; t < topics; t++) row_reset(rows[t], 0.0);
    row_step step = ROW_STEP;
    for (size_t i = 0; i < n; i++) {
        uint32_t t = TOPIC(i);
        if (__builtin_expect(t >= topics, 0)) return (int64_t)i;
        COMPARE(i);
        kept[i] = t << 16 | row_add(rows[t], VALUE(i), &step);
    }
    uint32_t start = 0;
    for (uint32_t t = 0; t < topics; t++) {
        uint32_t count = row_cursor(rows[t]);
        starts[t] = start;
        out->offsets[t] = start;
        out->count[t] = count;
        out->total[t] = rows[t][0];
        out->minimum[t] = rows[t][1];
        out->maximum[t] = -rows[t][2];
        start += count;
    }
    out->offsets[topics] = start;
    for (size_t i = 0; i < n; i++)
        out->indices[starts[kept[i] >> 16] + (kept[i] & 0xffff)] = (uint32_t)i;
    *out->wrong = wrong;
    return AETHER_ROUTE_DONE;
}

#endif
