/* Cycle counter: what shares out a time among parts that are shorter than a reading of the clock.
 *
 * It counts at a rate of its own, and cores may differ by a little: only shares of one stretch that
 * the clock has timed mean anything, and what would be negative counts as nothing. */
#ifndef AETHER_CYCLES_H
#define AETHER_CYCLES_H

#include <stdint.h>
#include <time.h>

static inline int64_t aether_cycles(void) {
#if defined(__x86_64__)
    return (int64_t)__builtin_ia32_rdtsc();
#elif defined(__aarch64__)
    int64_t count;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(count));
    return count;
#else
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
#endif
}

#endif
