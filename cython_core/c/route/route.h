/* Partition a batch by topic without moving events, and aggregate `value`. */
#ifndef AETHER_ROUTE_H
#define AETHER_ROUTE_H

#include "event.h"

/* Where topics and values lie: events (stride 64, 64), columns (4, 8), or records of any size,
 * whose strides are both their own size. */
typedef struct {
    const char *topic; /* uint32, the first event's; of records the word that holds the topic */
    const char *value; /* double; of records NULL where they have none */
    size_t topic_stride, value_stride;
    size_t n;
    uint32_t topics;
    int numbered;   /* events only: their sequences are to be `first` and ascend by one */
    uint64_t first;
    uint32_t topic_mask; /* of records: the topic's bits, once shifted down; else 0 */
    uint32_t topic_shift;
} aether_input;

/* What a routing returns other than the place of an event out of range. */
enum { AETHER_ROUTE_DONE = -1, AETHER_ROUTE_CHANGED = -2 };

/* A topic, read once: memory shared with another process may change at any time, and what was
 * compared must be what is used. */
static inline uint32_t aether_topic(const char *topic) {
    return __atomic_load_n((const uint32_t *)topic, __ATOMIC_RELAXED);
}

/* A record's topic of 1, 2 or 4 bytes, from a word that lies within the record and need not be
 * aligned. What was read is opaque to the compiler, so that it does not read it again. */
static inline uint32_t aether_masked_topic(const char *word, uint32_t shift, uint32_t mask) {
    uint32_t whole;
    __builtin_memcpy(&whole, word, sizeof whole);
    __asm__ volatile("" : "+r"(whole));
    return whole >> shift & mask;
}

/* The topic of event `i`, whatever the layout. */
static inline uint32_t aether_topic_at(const aether_input *in, size_t i) {
    const char *topic = in->topic + i * in->topic_stride;
    if (!in->topic_mask) return aether_topic(topic);
    return aether_masked_topic(topic, in->topic_shift, in->topic_mask);
}

/* Sequence of the event whose topic lies `i` events behind the one given. */
static inline uint64_t aether_sequence(const char *topic, size_t i) {
    return ((const aether_event *)(topic - offsetof(aether_event, topic)))[i].sequence;
}

/* Results of one routing; all memory belongs to the caller. */
typedef struct {
    int64_t *offsets;  /* topics + 1: where each topic's run starts in indices */
    uint32_t *indices; /* n: event numbers, grouped by topic, in event order */
    int64_t *count;    /* topics */
    double *total;     /* topics: sum of value in any order; NaN propagates */
    double *minimum;   /* topics: +inf where empty; NaN is passed over */
    double *maximum;   /* topics: -inf where empty; NaN is passed over */
    uint64_t *wrong;   /* not 0 if some sequence was read and was not the one expected */
} aether_routed;

/* Total, minimum, minus maximum, and 2^52 + a cursor. At 2^52 a double counts
 * in units of its last bit, so adding 1.0 steps the integer in its low half:
 * one vector holds, and one vector store updates, all that a topic knows. */
typedef double aether_row[4];

#define AETHER_ROW_ZERO 4503599627370496.0
#define AETHER_LANES 4            /* most interleaved streams of one scan */
#define AETHER_BLOCK 32768        /* events between two emptyings of the buckets */
#define AETHER_BUCKET_TOPICS 1024 /* more topics than this are counted, not bucketed */
#define AETHER_DIRECT_TOPICS 128  /* most topics whose rows lie on the stack, for small batches */
#define AETHER_DIRECT_EVENTS 1024 /* and most events of such a batch */

/* Records whose topics and values are taken out first (route_extract.c) where a batch of them is larger
 * than twice the second-level cache: of so many bytes, and with at most so many topics. */
#define AETHER_EXTRACT_LEAST 128
#define AETHER_EXTRACT_MOST 256
#define AETHER_EXTRACT_TOPICS 16
#define AETHER_EXTRACT_BLOCK 2048 /* records taken out at a time */

/* Contiguous events that one thread routes, and its scratch. */
typedef struct {
    size_t begin, n;
    aether_row *rows;  /* lanes * topics; after a scan the first `topics` are the sums */
    uint32_t *cursor;  /* topics: counts after a scan, write positions when placing */
    uint16_t *buckets; /* two lanes of topics * capacity, and what one block may spill */
    uint16_t *log;     /* n: event numbers within their block, by block and topic */
    uint16_t *counts;  /* blocks * topics: lengths of the runs in `log` */
    size_t blocks;     /* in the log; the last one stays in the buckets */
    int bucketed;      /* 0: neither log nor buckets are in use */
    uint64_t wrong;    /* all bits in which sequences differ from those expected */
    int64_t bad;       /* first event out of range, or -1 */
    uint32_t *ends;    /* topics: where the cursors are to come to when placing */
} aether_part;

/* One compiled variant. A scan touches every event once and leaves counts and
 * aggregates; a place writes `indices` from the positions in `cursor`. `direct` does both, of
 * at most AETHER_DIRECT_EVENTS events and AETHER_DIRECT_TOPICS topics, and returns what
 * aether_route does. The last two are of records from beyond the second-level cache: NULL in all but
 * v4, and to be called only if aether_route_extract_switch says so. */
typedef struct {
    const char *name;
    int64_t (*direct)(const aether_input *in, const aether_routed *out);
    int64_t (*direct_records)(const aether_input *in, const aether_routed *out);
    void (*scan)(const aether_input *in, aether_part *part);
    void (*place)(const aether_input *in, aether_part *part, uint32_t *indices);
    void (*scan_records)(const aether_input *in, aether_part *part);
    void (*place_records)(const aether_input *in, aether_part *part, uint32_t *indices);
    void (*scan_extracted)(const aether_input *in, aether_part *part);
    void (*place_extracted)(const aether_input *in, aether_part *part, uint32_t *indices);
} aether_route_kernel;

extern const aether_route_kernel aether_route_baseline;
extern const aether_route_kernel aether_route_v3;
extern const aether_route_kernel aether_route_v4;
extern const aether_route_kernel aether_route_neon;

/* Of v4; only where the processor has AVX-512 VBMI2. */
void aether_scan_extracted(const aether_input *in, aether_part *part);
void aether_place_extracted(const aether_input *in, aether_part *part, uint32_t *indices);

/* Entries of one topic's bucket. An odd number of cache lines, so that the
 * buckets' ends spread over the sets of the first-level cache. */
static inline uint32_t aether_bucket_capacity(uint32_t topics) {
    return ((65536 / topics) & ~31u) | 32;
}

/* Entries of one lane's buckets: of all topics, and what a block may spill behind the last. */
static inline uint32_t aether_bucket_span(uint32_t topics) {
    return topics * aether_bucket_capacity(topics) + AETHER_BLOCK / 2 + 32;
}

/* Two counting passes without rows: for batches too small to set up the rows of so many topics.
 * Returns what aether_route does. */
int64_t aether_route_direct(const aether_input *in, const aether_routed *out);
int64_t aether_route_direct_records(const aether_input *in, const aether_routed *out);

/* What the aggregates of records without a value are: an empty topic's. */
static inline void aether_no_values(const aether_routed *out, uint32_t topics) {
    for (uint32_t t = 0; t < topics; t++) {
        out->total[t] = 0.0;
        out->minimum[t] = __builtin_inf();
        out->maximum[t] = -__builtin_inf();
    }
}

typedef struct aether_scratch aether_scratch;

/* Scratch for up to `parts` parts of `capacity` events in all, or NULL without
 * memory. It is touched only as far as a batch needs. */
aether_scratch *aether_scratch_new(size_t capacity, uint32_t topics, size_t parts);
void aether_scratch_free(aether_scratch *scratch);

/* The smallest batch that is worth rows; smaller ones go the direct way. */
size_t aether_route_switch(uint32_t topics, size_t record_bytes);

/* The smallest batch of records that is taken out first, or 0 where none of them is. */
size_t aether_route_extract_switch(const aether_route_kernel *kernel, uint32_t topics,
                                   size_t record_bytes);

/* How many parts a batch is worth, at most `threads`; of 0 all records go the direct way. */
size_t aether_route_parts(size_t n, uint32_t topics, size_t threads);

/* Routes `in`; `scratch` may be NULL when aether_route_parts says 0. Returns
 * AETHER_ROUTE_DONE, the first event out of range, or AETHER_ROUTE_CHANGED if topics changed
 * meanwhile; only then, when done, every index is of an event and is there once. */
int64_t aether_route(const aether_route_kernel *kernel, const aether_input *in, size_t threads,
                     aether_scratch *scratch, const aether_routed *out);

#endif
