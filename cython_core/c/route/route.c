#include "route.h"

#include <stdlib.h>
#include <unistd.h>

#include "workers.h"

/* Below this a batch is not worth a second thread. */
#define PART_EVENTS 8192
/* Bytes of a record from which on the direct way takes all batches that it can: at 4 KiB it was
 * measured to be faster in the caches. The first level holds few lines of one place in the page, and
 * what two lanes fetch ahead of the last records lies beyond the batch. */
#define DIRECT_RECORD_BYTES 2048

/* What a copy of whole cache lines may write behind a part's log. */
#define LOG_SLACK 64

struct aether_scratch {
    uint16_t *log, *counts; /* of all parts, cut up anew for each batch */
    aether_part parts[];
};

typedef struct {
    const aether_route_kernel *kernel;
    const aether_input *in;
    const aether_routed *out;
    aether_part *parts;
    int extracted;
} job;

static size_t part_unit(uint32_t topics) {
    return topics > PART_EVENTS / 4 ? 4 * (size_t)topics : PART_EVENTS;
}

/* Where both ways were measured to cost the same, for 4, 16 and 64 topics: setting up a topic's rows
 * and buckets costs what nine events gain, or six where small batches have no rows. */
size_t aether_route_switch(uint32_t topics, size_t record_bytes) {
    if (topics > AETHER_BUCKET_TOPICS) return 2 * (size_t)topics;
    if (topics > AETHER_DIRECT_TOPICS) return 6 * (size_t)topics + 24;
    if (record_bytes >= DIRECT_RECORD_BYTES) return AETHER_DIRECT_EVENTS + 1;
    size_t even = 9 * (size_t)topics + 88;
    return even < AETHER_DIRECT_EVENTS ? even : AETHER_DIRECT_EVENTS;
}

/* Bytes of the second-level cache, where the system tells. */
static size_t second_level(void) {
    static size_t bytes; /* the same whoever asks first */
    size_t found = __atomic_load_n(&bytes, __ATOMIC_RELAXED);
    if (found) return found;
    found = 1u << 20;
#ifdef _SC_LEVEL2_CACHE_SIZE
    long told = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (told > 0) found = (size_t)told;
#endif
    __atomic_store_n(&bytes, found, __ATOMIC_RELAXED);
    return found;
}

static int extracts(const aether_route_kernel *kernel) {
#if defined(__x86_64__)
    return kernel->scan_extracted && __builtin_cpu_supports("avx512vbmi2");
#else
    (void)kernel;
    return 0;
#endif
}

size_t aether_route_extract_switch(const aether_route_kernel *kernel, uint32_t topics,
                                   size_t record_bytes) {
    if (topics > AETHER_EXTRACT_TOPICS || !extracts(kernel)) return 0;
    if (record_bytes < AETHER_EXTRACT_LEAST || record_bytes > AETHER_EXTRACT_MOST) return 0;
    return 2 * second_level() / record_bytes + 1;
}

size_t aether_route_parts(size_t n, uint32_t topics, size_t threads) {
    if (n < aether_route_switch(topics, 0)) return 0;
    size_t parts = n / part_unit(topics);
    if (parts > threads) parts = threads;
    return parts ? parts : 1;
}

/* The smaller of the blocks whose runs are counted: what there has to be room for. */
static size_t counted_block(uint32_t topics) {
    return topics <= AETHER_EXTRACT_TOPICS ? AETHER_EXTRACT_BLOCK : AETHER_BLOCK;
}

static size_t lines(size_t bytes) { return (bytes + 127) & ~(size_t)127; }

aether_scratch *aether_scratch_new(size_t capacity, uint32_t topics, size_t parts) {
    int bucketed = topics <= AETHER_BUCKET_TOPICS;
    size_t lanes = bucketed ? AETHER_LANES : 1;
    size_t span = bucketed ? aether_bucket_span(topics) : 0;
    size_t blocks = capacity / counted_block(topics) + parts;
    size_t rows = lines(lanes * topics * sizeof(aether_row));
    size_t cursor = lines(topics * sizeof(uint32_t));
    size_t buckets = lines((2 * span + 32) * sizeof(uint16_t));
    size_t log = bucketed ? lines((capacity + parts * LOG_SLACK) * sizeof(uint16_t)) : 0;
    size_t counts = bucketed ? lines(blocks * topics * sizeof(uint16_t)) : 0;
    size_t head = lines(sizeof(aether_scratch) + parts * sizeof(aether_part));
    size_t total = head + parts * (rows + 2 * cursor + buckets) + log + counts;
    char *memory = aligned_alloc(128, total);
    if (!memory) return NULL;
    aether_scratch *scratch = (aether_scratch *)memory;
    memory += head;
    for (size_t p = 0; p < parts; p++) {
        aether_part *part = &scratch->parts[p];
        part->rows = (aether_row *)memory;
        part->cursor = (uint32_t *)(memory += rows);
        part->ends = (uint32_t *)(memory += cursor);
        part->buckets = (uint16_t *)(memory += cursor);
        memory += buckets;
    }
    scratch->log = (uint16_t *)memory;
    scratch->counts = (uint16_t *)(memory + log);
    return scratch;
}

void aether_scratch_free(aether_scratch *scratch) { free(scratch); }

static void scan_part(void *context, size_t k) {
    job *self = context;
    const aether_route_kernel *kernel = self->kernel;
    if (self->extracted) {
        kernel->scan_extracted(self->in, &self->parts[k]);
        return;
    }
    (self->in->topic_mask ? kernel->scan_records : kernel->scan)(self->in, &self->parts[k]);
}

static void place_part(void *context, size_t k) {
    job *self = context;
    const aether_route_kernel *kernel = self->kernel;
    if (self->extracted) {
        kernel->place_extracted(self->in, &self->parts[k], self->out->indices);
        return;
    }
    void (*place)(const aether_input *, aether_part *, uint32_t *) =
        self->in->topic_mask ? kernel->place_records : kernel->place;
    place(self->in, &self->parts[k], self->out->indices);
}

/* Turns each part's counts into its write positions, the parts of one topic
 * one after the other so that events keep their order, and adds up aggregates. */
static void combine(const job *self, size_t parts) {
    const aether_routed *out = self->out;
    uint32_t start = 0, topics = self->in->topics;
    for (uint32_t t = 0; t < topics; t++) {
        uint32_t position = start;
        const double *first = self->parts[0].rows[t];
        double total = first[0], least = first[1], most = first[2];
        for (size_t p = 0; p < parts; p++) {
            const double *row = self->parts[p].rows[t];
            uint32_t count = self->parts[p].cursor[t];
            self->parts[p].cursor[t] = position;
            position += count;
            self->parts[p].ends[t] = position;
            if (!p) continue;
            total += row[0];
            least = row[1] < least ? row[1] : least;
            most = row[2] < most ? row[2] : most;
        }
        out->offsets[t] = start;
        out->count[t] = position - start;
        out->total[t] = total;
        out->minimum[t] = least;
        out->maximum[t] = -most;
        start = position;
    }
    out->offsets[topics] = start;
}

int64_t aether_route(const aether_route_kernel *kernel, const aether_input *in, size_t threads,
                     aether_scratch *scratch, const aether_routed *out) {
    size_t record_bytes = in->topic_mask ? in->topic_stride : 0;
    size_t parts = aether_route_parts(in->n, in->topics, threads);
    if (in->n < aether_route_switch(in->topics, record_bytes)) {
        int rows = in->topics <= AETHER_DIRECT_TOPICS && in->n <= AETHER_DIRECT_EVENTS;
        if (in->topic_mask)
            return rows ? kernel->direct_records(in, out) : aether_route_direct_records(in, out);
        return rows ? kernel->direct(in, out) : aether_route_direct(in, out);
    }
    size_t extract = aether_route_extract_switch(kernel, in->topics, record_bytes);
    job self = {kernel, in, out, scratch->parts, extract && in->n >= extract};
    for (size_t p = 0; p < parts; p++) {
        aether_part *part = &scratch->parts[p];
        part->begin = in->n * p / parts;
        part->n = in->n * (p + 1) / parts - part->begin;
        part->log = scratch->log + part->begin + p * LOG_SLACK;
        part->counts = scratch->counts + (part->begin / counted_block(in->topics) + p) * in->topics;
    }
    if (parts == 1) {
        scan_part(&self, 0);
    } else {
        aether_workers_run(scan_part, &self, parts);
    }
    *out->wrong = 0;
    for (size_t p = 0; p < parts; p++) {
        if (scratch->parts[p].bad >= 0) return scratch->parts[p].bad;
        *out->wrong |= scratch->parts[p].wrong;
    }
    combine(&self, parts);
    if (parts == 1) {
        place_part(&self, 0);
    } else {
        aether_workers_run(place_part, &self, parts);
    }
    for (size_t p = 0; p < parts; p++) {
        if (scratch->parts[p].bad != AETHER_ROUTE_DONE) return scratch->parts[p].bad;
    }
    if (!in->value) aether_no_values(out, in->topics);
    return AETHER_ROUTE_DONE;
}
