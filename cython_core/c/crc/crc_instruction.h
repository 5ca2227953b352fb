/* The processor's own CRC-32C instruction: one a cycle, eight an event. */
#ifndef AETHER_CRC_INSTRUCTION_H
#define AETHER_CRC_INSTRUCTION_H

#include <string.h>

#include "event.h"

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#define CRC_STEP8(crc, word) _mm_crc32_u64(crc, word)
#define CRC_STEP4(crc, word) _mm_crc32_u32((uint32_t)(crc), word)
#define CRC_STEP1(crc, byte) _mm_crc32_u8((uint32_t)(crc), byte)
#elif defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
#define CRC_STEP8(crc, word) __crc32cd((uint32_t)(crc), word)
#define CRC_STEP4(crc, word) __crc32cw((uint32_t)(crc), word)
#define CRC_STEP1(crc, byte) __crc32cb((uint32_t)(crc), byte)
#endif

static inline uint64_t aether_crc_word(const aether_event *event, int k) {
    uint64_t word;
    memcpy(&word, (const char *)event + 8 * k, sizeof word);
    return word;
}

/* The state stays 64 bits wide: cut to 32 it costs a move between two steps. */
static inline uint32_t aether_crc_event(const aether_event *event) {
    uint64_t state = 0xFFFFFFFF;
#pragma GCC unroll 7
    for (int k = 0; k < 7; k++) state = CRC_STEP8(state, aether_crc_word(event, k));
    return ~CRC_STEP4(state, event->flags);
}

#endif
