/* The way of small batches with few topics, in one pass over the records. */
#ifndef AETHER_ROUTE_DIRECT_H
#define AETHER_ROUTE_DIRECT_H

#include "route_shape.h"

/* Topics are read once and kept, so that they can be counted before any
 * is placed, and each topic's row begins with where its run does. */
INLINE int64_t direct_layout(const aether_input *in, const aether_routed *out, const shape how) {
    const uint32_t topics = in->topics;
    const size_t n = in->n;
    _Alignas(32) aether_row rows[AETHER_DIRECT_TOPICS];
    uint32_t counts[AETHER_DIRECT_TOPICS];
    uint8_t kept[AETHER_DIRECT_EVENTS];
    double values[AETHER_DIRECT_EVENTS]; /* of records, so that no line is fetched twice */
    const char *topic = in->topic, *value = value_of(in, topic, 0, how);
    uint64_t first = in->first, wrong = 0;
    memset(counts, 0, topics * sizeof *counts);
    for (size_t i = 0; i < n; i++) {
        uint32_t t = TOPIC(i);
        if (__builtin_expect(t >= topics, 0)) return (int64_t)i;
        COMPARE(i);
        if (how.records && how.valued) values[i] = VALUE(i);
        kept[i] = (uint8_t)t;
        counts[t]++;
    }
    uint32_t start = 0;
    for (uint32_t t = 0; t < topics; t++) {
        row_reset(rows[t], start);
        out->offsets[t] = start;
        out->count[t] = counts[t];
        start += counts[t];
    }
    out->offsets[topics] = start;
    row_step step = ROW_STEP;
    for (size_t i = 0; i < n; i++) {
        double one = how.records && how.valued ? values[i] : VALUE(i);
        out->indices[row_add(rows[kept[i]], one, &step)] = (uint32_t)i;
    }
    for (uint32_t t = 0; t < topics; t++) {
        out->total[t] = rows[t][0];
        out->minimum[t] = rows[t][1];
        out->maximum[t] = -rows[t][2];
    }
    *out->wrong = wrong;
    return AETHER_ROUTE_DONE;
}

#endif
