#include "crc_instruction.h"

#include "crc32c.h"

#define CRC(event) aether_crc_event(event)
#include "crc_loops.h"

/* A step takes three cycles and one can begin in each: three parts of the bytes
 * take turns. Joining them costs a multiplication for each bit of their length,
 * of which the low ones are left zero; short ones go alone. */
#define PARTS 3
#define GRAIN 512
#define SHORT 3072

static inline uint64_t word_at(const unsigned char *at) {
    uint64_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static uint32_t bytes(const void *first, size_t n) {
    const unsigned char *at = first;
    uint64_t state = 0xFFFFFFFF;
    if (n >= SHORT) {
        size_t part = n / PARTS / GRAIN * GRAIN;
        uint64_t second = 0, third = 0;
        for (const unsigned char *end = at + part; at != end; at += 8) {
            state = CRC_STEP8(state, word_at(at));
            second = CRC_STEP8(second, word_at(at + part));
            third = CRC_STEP8(third, word_at(at + 2 * part));
        }
        state = aether_crc_shift((uint32_t)state, part) ^ second;
        state = aether_crc_shift((uint32_t)state, part) ^ third;
        at += 2 * part;
        n -= PARTS * part;
    }
    for (; n >= 8; n -= 8, at += 8) state = CRC_STEP8(state, word_at(at));
    while (n--) state = CRC_STEP1(state, *at++);
    return ~(uint32_t)state;
}

const aether_crc_kernel aether_crc_instruction = {"instruction", stamp, verify, bytes};
