/* The way of batches too small to set up rows for so many topics, in two counting passes. */
#include "route.h"

#include <math.h>
#include <string.h>

#define TOPIC(i) aether_topic(in->topic + (i) * in->topic_stride)
#define VALUE(i) (*(const double *)(in->value + (i) * in->value_stride))

/* Counting sort in two passes. The first touches each event's topic and counts
 * it; the second places indices and folds values. `offsets[t + 1]` serves
 * as the write cursor of topic t, which ends where that topic's run does.
 * The second pass trusts nothing of the first: memory shared with another
 * process may have changed in between, and must not lead out of bounds. Where
 * each run has come to its end, all have been written, and nothing else. */
int64_t aether_route_direct(const aether_input *in, const aether_routed *out) {
    uint32_t topics = in->topics;
    int64_t *count = out->count;
    int64_t *cursor = out->offsets + 1;
    uint64_t wrong = 0;
    memset(count, 0, topics * sizeof *count);
    for (size_t i = 0; i < in->n; i++) {
        uint32_t topic = TOPIC(i);
        if (__builtin_expect(topic >= topics, 0)) return (int64_t)i;
        count[topic]++;
        if (in->numbered) wrong |= aether_sequence(in->topic, i) ^ (in->first + i);
    }
    *out->wrong = wrong;
    int64_t start = 0;
    for (uint32_t t = 0; t < topics; t++) {
        cursor[t] = start;
        start += count[t];
        out->total[t] = 0.0;
        out->minimum[t] = INFINITY;
        out->maximum[t] = -INFINITY;
    }
    for (size_t i = 0; i < in->n; i++) {
        uint32_t topic = TOPIC(i);
        double value = VALUE(i);
        if (__builtin_expect(topic >= topics || (size_t)cursor[topic] >= in->n, 0))
            return AETHER_ROUTE_CHANGED;
        out->indices[cursor[topic]++] = (uint32_t)i;
        out->total[topic] += value;
        if (value < out->minimum[topic]) out->minimum[topic] = value;
        if (value > out->maximum[topic]) out->maximum[topic] = value;
    }
    out->offsets[0] = 0;
    int64_t changed = 0;
    for (uint32_t t = 0; t < topics; t++)
        changed |= (out->offsets[t + 1] - out->offsets[t]) ^ count[t];
    return changed ? AETHER_ROUTE_CHANGED : AETHER_ROUTE_DONE;
}

/* The same for records of any size. */
int64_t aether_route_direct_records(const aether_input *in, const aether_routed *out) {
    uint32_t topics = in->topics, shift = in->topic_shift, mask = in->topic_mask;
    size_t stride = in->topic_stride, n = in->n;
    int64_t *count = out->count, *cursor = out->offsets + 1;
    const char *at = in->topic;
    memset(count, 0, topics * sizeof *count);
    for (size_t i = 0; i < n; i++, at += stride) {
        uint32_t topic = aether_masked_topic(at, shift, mask);
        if (__builtin_expect(topic >= topics, 0)) return (int64_t)i;
        count[topic]++;
    }
    *out->wrong = 0;
    int64_t start = 0;
    for (uint32_t t = 0; t < topics; t++) {
        cursor[t] = start;
        start += count[t];
    }
    aether_no_values(out, topics);
    at = in->topic;
    const char *from = in->value;
    for (size_t i = 0; i < n; i++, at += stride) {
        uint32_t topic = aether_masked_topic(at, shift, mask);
        if (__builtin_expect(topic >= topics || (size_t)cursor[topic] >= n, 0))
            return AETHER_ROUTE_CHANGED;
        out->indices[cursor[topic]++] = (uint32_t)i;
        if (!from) continue;
        double value = *(const double *)(from + i * stride);
        out->total[topic] += value;
        if (value < out->minimum[topic]) out->minimum[topic] = value;
        if (value > out->maximum[topic]) out->maximum[topic] = value;
    }
    out->offsets[0] = 0;
    int64_t changed = 0;
    for (uint32_t t = 0; t < topics; t++)
        changed |= (out->offsets[t + 1] - out->offsets[t]) ^ count[t];
    return changed ? AETHER_ROUTE_CHANGED : AETHER_ROUTE_DONE;
}
