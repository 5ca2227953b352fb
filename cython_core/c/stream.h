/* Ceilings: what reading or copying a batch costs when nothing else is done. */
#ifndef AETHER_STREAM_H
#define AETHER_STREAM_H

#include "event.h"

/* Adds up one eight-byte word of each event: every line is touched once. */
static inline uint64_t aether_read(const aether_event *events, size_t n) {
    uint64_t sum = 0;
#pragma GCC unroll 8
    for (size_t i = 0; i < n; i++) {
        sum += events[i].sequence;
        /* Keeps the compiler from gathering lines into vectors, which is slower. */
        __asm__ volatile("" : "+r"(sum));
    }
    return sum;
}

/* The same of records of any size: the first word of each. */
static inline uint64_t aether_read_records(const char *at, size_t n, size_t size) {
    uint64_t sum = 0;
#pragma GCC unroll 8
    for (size_t i = 0; i < n; i++, at += size) {
        uint64_t word;
        __builtin_memcpy(&word, at, sizeof word);
        sum += word;
        __asm__ volatile("" : "+r"(sum));
    }
    return sum;
}

#endif
