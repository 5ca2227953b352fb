/* The router's two phases, compiled once per variant with its own -march.
 *
 * What bounds routing is the number of stores and the chain of load, add and
 * store through one topic's row. So a scan makes two stores an event, the row
 * and a 16-bit event number in its topic's bucket, and reads from several
 * places of the batch at once, each with rows of its own, so that two events
 * of one topic seldom wait for each other. */
#include "route_one_pass.h"
#include "route_run.h"

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

/* Compiled a second time for records of any size, so that nothing of theirs is in the way here. */
void JOIN(aether_scan_records_, AETHER_VARIANT)(const aether_input *in, aether_part *part);
void JOIN(aether_place_records_, AETHER_VARIANT)(const aether_input *in, aether_part *part,
                                                 uint32_t *indices);
int64_t JOIN(aether_direct_records_, AETHER_VARIANT)(const aether_input *in,
                                                     const aether_routed *out);
#ifdef AETHER_RECORDS
#define AT(topic) aether_masked_topic(topic, in->topic_shift, in->topic_mask)
#define PLACE void JOIN(aether_place_records_, AETHER_VARIANT)
#else
#define AT(topic) aether_topic(topic)
#define PLACE static void place
#endif

static int64_t first_bad(const aether_input *in, const aether_part *part) {
    size_t i = part->begin, last = part->begin + part->n - 1;
    while (i < last && AT(in->topic + i * in->topic_stride) < in->topics) i++;
    return (int64_t)i;
}

/* Empties the buckets of one block of two lanes into the log, whole cache
 * lines at a time: what a copy writes too far the next one overwrites.
 * Returns the events written, or -1 if a bucket had run over. */
static int64_t empty_buckets(aether_part *part, uint32_t topics, uint16_t *log, uint16_t *counts,
                             uint32_t lane_span) {
    uint32_t capacity = aether_bucket_capacity(topics);
    uint16_t *to = log;
    for (uint32_t t = 0; t < topics; t++) {
        uint16_t *start = to;
        for (uint32_t lane = 0; lane < 2; lane++) {
            double *row = part->rows[lane * topics + t];
            uint32_t base = lane * lane_span + t * capacity;
            uint32_t held = row_cursor(row) - base;
            if (__builtin_expect(held > capacity, 0)) return -1;
            row[3] = AETHER_ROW_ZERO + base;
            const uint16_t *from = part->buckets + base;
            for (uint32_t k = 0; k < held; k += 32) memcpy(to + k, from + k, 64);
            to += held;
        }
        counts[t] = (uint16_t)(to - start);
    }
    return to - log;
}

/* Counts what the last block left in its buckets, which `place` empties. Returns -1 if one had run
 * over, else 0. */
static int count_buckets(aether_part *part, uint32_t topics, uint32_t lane_span) {
    uint32_t capacity = aether_bucket_capacity(topics), most = 0;
    for (uint32_t t = 0; t < topics; t++) {
        uint32_t near = row_cursor(part->rows[t]) - t * capacity;
        uint32_t far = row_cursor(part->rows[topics + t]) - lane_span - t * capacity;
        most = near > most ? near : most;
        most = far > most ? far : most;
        part->cursor[t] += near + far;
    }
    return most > capacity ? -1 : 0;
}

/* Whether a topic is so frequent that its bucket would run over, judged by the
 * first `seen` events of each lane of a block. */
INLINE int will_run_over(const aether_part *part, size_t topics, uint32_t capacity,
                         uint32_t lane_span, size_t seen, size_t half) {
    uint64_t most = 0;
    for (size_t t = 0; t < topics; t++) {
        uint32_t near = row_cursor(part->rows[t]) - (uint32_t)t * capacity;
        uint32_t far = row_cursor(part->rows[topics + t]) - lane_span - (uint32_t)t * capacity;
        most = near > most ? near : most;
        most = far > most ? far : most;
    }
    return most * half > (uint64_t)capacity * seen;
}

/* Adds events `from` to `to` of both lanes of a block, whose second lane begins
 * at `half`, to rows and buckets. Returns -1 if one is out of range, else 0. */
INLINE int fill_buckets(aether_row *rows, uint16_t *buckets, const char *topic, const char *value,
                        uint64_t first, uint64_t *all_wrong, uint32_t topics, size_t half,
                        size_t from, size_t to, const shape how) {
    size_t i = from;
    uint64_t wrong = 0;
    row_step steps[2] = {ROW_STEP, ROW_STEP};
#define ONE(lane, event)                                                     \
    {                                                                        \
        size_t at = (event);                                                 \
        FETCH(at);                                                           \
        uint32_t t = TOPIC(at);                                              \
        if (__builtin_expect(t >= topics, 0)) return -1;                     \
        COMPARE(at);                                                         \
        buckets[row_add(rows[(lane) * (size_t)topics + t], VALUE(at), &steps[lane])] =  \
            (uint16_t)at;                                                    \
    }
    for (; i + 4 <= to; i += 4) {
#pragma GCC unroll 4
        for (size_t k = 0; k < 4; k++) {
            ONE(0, i + k);
            ONE(1, half + i + k);
        }
    }
    for (; i < to; i++) {
        ONE(0, i);
        ONE(1, half + i);
    }
#undef ONE
    *all_wrong |= wrong;
    return 0;
}

/* One pass, two lanes: rows and buckets. Returns 0, -1 if an event is out of
 * range, or 1 if a topic is too frequent for its bucket, as an eighth of the
 * first block tells in most cases. An overrun stays inside the lane's span,
 * which has room for a whole block behind the last bucket. */
INLINE int scan_buckets(const aether_input *in, aether_part *part, const shape how) {
    uint32_t topics = in->topics, capacity = aether_bucket_capacity(topics);
    uint32_t lane_span = aether_bucket_span(topics);
    aether_row *rows = part->rows;
    uint16_t *buckets = part->buckets, *log = part->log;
    uint64_t wrong = 0;
    for (uint32_t t = 0; t < topics; t++) {
        row_reset(rows[t], t * capacity);
        row_reset(rows[topics + t], lane_span + t * capacity);
        part->cursor[t] = 0;
    }
    part->blocks = 0;
    for (size_t done = 0; done < part->n; done += AETHER_BLOCK) {
        size_t n = part->n - done < AETHER_BLOCK ? part->n - done : AETHER_BLOCK, half = n / 2;
        const char *topic = in->topic + (part->begin + done) * how.topic_stride;
        const char *value = value_of(in, topic, part->begin + done, how);
        uint64_t first = in->first + part->begin + done;
        size_t seen = !done && half > capacity ? half / 8 : 0;
        if (seen) {
            if (fill_buckets(rows, buckets, topic, value, first, &wrong, topics, half, 0,
                             seen, how))
                return -1;
            if (will_run_over(part, topics, capacity, lane_span, seen, half)) return 1;
        }
        if (fill_buckets(rows, buckets, topic, value, first, &wrong, topics, half, seen,
                         half, how))
            return -1;
        if (n & 1) {
            size_t at = n - 1;
            uint32_t t = TOPIC(at);
            if (__builtin_expect(t >= topics, 0)) return -1;
            COMPARE(at);
            row_step step = ROW_STEP;
            buckets[row_add(rows[topics + (size_t)t], VALUE(at), &step)] = (uint16_t)at;
        }
        if (done + n == part->n) break; /* the last block */
        uint16_t *counts = part->counts + part->blocks++ * topics;
        int64_t written = empty_buckets(part, topics, log, counts, lane_span);
        if (written < 0) return 1;
        log += written;
        for (uint32_t t = 0; t < topics; t++) part->cursor[t] += counts[t];
    }
    if (count_buckets(part, topics, lane_span)) return 1;
    for (uint32_t t = 0; t < topics; t++) row_merge(rows[t], rows[topics + t]);
    part->bucketed = 1;
    part->wrong = wrong;
    return 0;
}

/* One pass, rows only: placing reads the topics a second time, which takes about
 * twice as long, but is indifferent to how topics are distributed and how many. */
INLINE int scan_counts(const aether_input *in, aether_part *part, const size_t lanes,
                       const shape how) {
    size_t topics = in->topics, length = part->n / lanes;
    const char *topic = in->topic + part->begin * how.topic_stride;
    const char *value = value_of(in, topic, part->begin, how);
    uint64_t first = in->first + part->begin, wrong = 0;
    aether_row *rows = part->rows;
    row_step step = ROW_STEP;
    for (size_t r = 0; r < lanes * topics; r++) row_reset(rows[r], 0.0);
#define ONE(lane, event)                                    \
    {                                                       \
        size_t at = (event);                                \
        FETCH(at);                                          \
        uint32_t t = TOPIC(at);                             \
        if (__builtin_expect(t >= topics, 0)) return -1;    \
        COMPARE(at);                                        \
        row_add(rows[(lane) * topics + t], VALUE(at), &step); \
    }
    for (size_t i = 0; i < length; i++) {
#pragma GCC unroll 4
        for (size_t lane = 0; lane < lanes; lane++) ONE(lane, lane * length + i);
    }
    for (size_t i = lanes * length; i < part->n; i++) ONE(0, i);
#undef ONE
    for (size_t t = 0; t < topics; t++) {
        part->cursor[t] = row_cursor(rows[t]);
        for (size_t lane = 1; lane < lanes; lane++) {
            row_merge(rows[t], rows[lane * topics + t]);
            part->cursor[t] += row_cursor(rows[lane * topics + t]);
        }
    }
    part->wrong = wrong;
    return 0;
}

INLINE void scan_layout(const aether_input *in, aether_part *part, const shape how) {
    int status = 1;
    part->bucketed = 0;
    if (in->topics > AETHER_BUCKET_TOPICS) {
        status = scan_counts(in, part, 1, how);
    } else {
        status = scan_buckets(in, part, how);
        if (status > 0)
            status = scan_counts(in, part, AETHER_LANES, how);
    }
    part->bad = status < 0 ? first_bad(in, part) : -1;
}

#ifdef AETHER_RECORDS

void JOIN(aether_scan_records_, AETHER_VARIANT)(const aether_input *in, aether_part *part) {
    shape how = shape_of_records(in);
    const int far = how.to_second_level, valued = in->value != NULL;
#define WITH(has, level)                    \
    if (valued == (has) && far == (level)) { \
        how.valued = (has);                 \
        how.to_second_level = (level);      \
        scan_layout(in, part, how);         \
        return;                             \
    }
    WITH(1, 0)
    WITH(1, 1)
    WITH(0, 0)
    WITH(0, 1)
#undef WITH
}

int64_t JOIN(aether_direct_records_, AETHER_VARIANT)(const aether_input *in,
                                                     const aether_routed *out) {
    shape how = shape_of_records(in);
    how.to_second_level = 0;
    how.valued = 1;
    if (in->value) return direct_layout(in, out, how);
    how.valued = 0;
    int64_t status = direct_layout(in, out, how);
    aether_no_values(out, in->topics);
    return status;
}

#else

static void scan(const aether_input *in, aether_part *part) {
    if (in->numbered)
        scan_layout(in, part, shape_of_events(1));
    else if (in->topic_stride == sizeof(aether_event))
        scan_layout(in, part, shape_of_events(0));
    else
        scan_layout(in, part, shape_of_columns());
}

static int64_t direct(const aether_input *in, const aether_routed *out) {
    if (in->numbered) return direct_layout(in, out, shape_of_events(1));
    if (in->topic_stride == sizeof(aether_event)) return direct_layout(in, out, shape_of_events(0));
    return direct_layout(in, out, shape_of_columns());
}

#endif

PLACE(const aether_input *in, aether_part *part, uint32_t *indices) {
    size_t topics = in->topics;
    uint32_t *cursor = part->cursor;
    if (!part->bucketed) {
        const char *topic = in->topic;
        size_t topic_stride = in->topic_stride, end = part->begin + part->n;
        for (size_t i = part->begin; i < end; i++) {
            /* Checked anew: memory shared with another process may have changed. Then some
             * run does not come to its end, or goes beyond it. */
            uint32_t t = AT(topic + i * topic_stride);
            if (t < topics && cursor[t] < in->n) indices[cursor[t]++] = (uint32_t)i;
        }
        if (memcmp(cursor, part->ends, topics * sizeof *cursor)) part->bad = AETHER_ROUTE_CHANGED;
        return;
    }
    const uint16_t *log = part->log, *counts = part->counts;
    for (size_t b = 0; b < part->blocks; b++, counts += topics) {
        uint32_t base = (uint32_t)(part->begin + b * AETHER_BLOCK);
        for (size_t t = 0; t < topics; t++) {
            widen_run(indices + cursor[t], log, counts[t], base);
            cursor[t] += counts[t];
            log += counts[t];
        }
    }
    uint32_t base = (uint32_t)(part->begin + part->blocks * AETHER_BLOCK);
    uint32_t capacity = aether_bucket_capacity((uint32_t)topics), run = 0;
    uint32_t lane_span = aether_bucket_span((uint32_t)topics);
    for (size_t t = 0; t < topics; t++, run += capacity) {
        uint32_t near = row_cursor(part->rows[t]) - run;
        uint32_t far = row_cursor(part->rows[topics + t]) - lane_span - run;
        widen_run(indices + cursor[t], part->buckets + run, near, base);
        widen_run(indices + cursor[t] + near, part->buckets + lane_span + run, far, base);
        cursor[t] += near + far;
    }
}

#ifdef AETHER_EXTRACTS
#define EXTRACTED aether_scan_extracted, aether_place_extracted
#else
#define EXTRACTED NULL, NULL
#endif

#ifndef AETHER_RECORDS
const aether_route_kernel JOIN(aether_route_, AETHER_VARIANT) = {
    TEXT(AETHER_VARIANT), direct, JOIN(aether_direct_records_, AETHER_VARIANT), scan, place,
    JOIN(aether_scan_records_, AETHER_VARIANT), JOIN(aether_place_records_, AETHER_VARIANT),
    EXTRACTED};
#endif
