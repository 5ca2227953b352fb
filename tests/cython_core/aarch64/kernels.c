/* Router and checksums of aarch64 against plain loops; prints what differs, and returns it. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "route.h"
#include "simd.h"

static uint32_t noise(void) {
    static uint32_t state = 1;
    return state = state * 1664525 + 1013904223;
}

static uint32_t bitwise(const unsigned char *at, size_t n) {
    uint32_t crc = 0xFFFFFFFF;
    while (n--) {
        crc ^= *at++;
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (0x82F63B78u & -(crc & 1));
    }
    return ~crc;
}

static int route_differs(const aether_route_kernel *kernel, size_t n, uint32_t topics) {
    aether_event *events = aligned_alloc(64, (n + 1) * sizeof *events);
    int64_t *offsets = calloc(topics + 1, 8), *count = calloc(topics, 8);
    double *total = calloc(topics, 8), *least = calloc(topics, 8), *most = calloc(topics, 8);
    uint32_t *indices = calloc(n + 1, 4);
    uint64_t wrong = 0;
    for (size_t i = 0; i < n; i++) {
        memset(&events[i], 0, sizeof *events);
        events[i].sequence = i;
        events[i].topic = (noise() >> 8) % topics;
        events[i].value = (double)(int)(noise() >> 20) - 2000;
    }
    aether_input in = {(char *)&events->topic, (char *)&events->value, 64, 64, n, topics, 1, 0};
    aether_routed out = {offsets, indices, count, total, least, most, &wrong};
    aether_scratch *scratch = aether_scratch_new(n, topics, 1);
    int bad = aether_route(kernel, &in, 1, scratch, &out) != AETHER_ROUTE_DONE || wrong;
    int64_t at = 0;
    for (uint32_t t = 0; t < topics; t++) {
        double sum = 0, low = INFINITY, high = -INFINITY;
        bad |= offsets[t] != at;
        for (size_t i = 0; i < n; i++) {
            if (events[i].topic != t) continue;
            bad |= indices[at++] != i;
            sum += events[i].value;
            low = fmin(low, events[i].value);
            high = fmax(high, events[i].value);
        }
        bad |= total[t] != sum || least[t] != low || most[t] != high;
        bad |= count[t] != at - offsets[t];
    }
    if (bad) printf("route %s: %zu events, %u topics\n", kernel->name, n, topics);
    aether_scratch_free(scratch);
    return bad;
}

static int crc_differs(const aether_crc_kernel *kernel, size_t n) {
    aether_event *events = aligned_alloc(64, n * sizeof *events);
    uint32_t found[4];
    for (size_t i = 0; i < n * 64; i++) ((unsigned char *)events)[i] = noise() >> 24;
    kernel->stamp(events, n);
    int bad = kernel->verify(events, n, found, 4) != 0;
    for (size_t i = 0; i < n; i++)
        bad |= events[i].checksum != bitwise((unsigned char *)&events[i], AETHER_CRC_BYTES);
    events[n / 2].sequence ^= 4;
    bad |= kernel->verify(events, n, found, 4) != 1 || found[0] != n / 2;
    bad |= kernel->bytes(events, n * 64) != bitwise((unsigned char *)events, n * 64);
    if (bad) printf("checksum %s: %zu events\n", kernel->name, n);
    return bad;
}

int main(void) {
    const size_t sizes[] = {1, 7, 100, 1000, 5000};
    const uint32_t topics[] = {1, 16, 100};
    int bad = 0;
    for (const aether_route_kernel *const *k = aether_route_kernels(); *k; k++) {
        printf("route %s\n", (*k)->name);
        for (int s = 0; s < 5; s++)
            for (int t = 0; t < 3; t++) bad |= route_differs(*k, sizes[s], topics[t]);
    }
    for (const aether_crc_kernel *const *k = aether_crc_kernels(); *k; k++) {
        printf("checksum %s\n", (*k)->name);
        for (int s = 0; s < 4; s++) bad |= crc_differs(*k, sizes[s]);
    }
    return bad;
}
