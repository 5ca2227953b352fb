/* Runs of 16-bit places, written out as event numbers. */
#ifndef AETHER_ROUTE_RUN_H
#define AETHER_ROUTE_RUN_H

#include "route_shape.h"

/* Sixteen at a time, the last sixteen overlapping or masked: a run's neighbours may
 * already be in place, or belong to another thread. */
INLINE void widen_run(uint32_t *to, const uint16_t *from, uint32_t n, uint32_t base) {
#if defined(__AVX512BW__) && defined(__AVX512VL__)
    const __m512i bases = _mm512_set1_epi32((int)base);
    uint32_t done = 0;
    for (; done + 16 <= n; done += 16) {
        __m256i places = _mm256_loadu_si256((const __m256i *)(from + done));
        _mm512_storeu_si512(to + done, _mm512_add_epi32(_mm512_cvtepu16_epi32(places), bases));
    }
    __mmask16 rest = (__mmask16)((1u << (n - done)) - 1);
    __m256i places = _mm256_maskz_loadu_epi16(rest, from + done);
    __m512i widened = _mm512_add_epi32(_mm512_cvtepu16_epi32(places), bases);
    _mm512_mask_storeu_epi32(to + done, rest, widened);
#else
    if (n < 16) {
        for (uint32_t k = 0; k < n; k++) to[k] = base + from[k];
        return;
    }
    uint32_t k = 0;
    for (;;) {
        for (uint32_t j = 0; j < 16; j++) to[k + j] = base + from[k + j];
        if (k + 16 == n) return;
        k = k + 32 <= n ? k + 16 : n - 16;
    }
#endif
}

#endif
