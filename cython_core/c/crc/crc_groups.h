/* Verification by a function that judges whole groups of events at once. */
#ifndef AETHER_CRC_GROUPS_H
#define AETHER_CRC_GROUPS_H

#include "crc32c.h"
#include "crc_instruction.h"

/* Whether all checksums of n events are right, n a multiple of the group. */
typedef int aether_crc_judge(const aether_event *events, size_t n, const void *constants);

/* A block that has an error is searched by the instruction alone, and so is
 * what is left over of a group. */
static inline __attribute__((always_inline)) size_t aether_crc_verify_groups(
    const aether_event *events, size_t n, uint32_t *bad, size_t room, size_t group, size_t block,
    aether_crc_judge *are_right, const void *constants) {
    size_t found = 0;
    for (size_t i = 0; i < n; i += block) {
        size_t left = n - i < block ? n - i : block;
        size_t whole = left - left % group;
        size_t right = whole && are_right(events + i, whole, constants) ? whole : 0;
        if (__builtin_expect(right == left, 1)) continue;
        size_t space = found < room ? room - found : 0;
        uint32_t *here = space ? bad + found : NULL;
        size_t count =
            aether_crc_instruction.verify(events + i + right, left - right, here, space);
        for (size_t k = 0; k < count && k < space; k++) here[k] += (uint32_t)(i + right);
        found += count;
    }
    return found;
}

/* A state from which the instruction's steps through these words end at zero, if they are those of
 * a right event: back by as many bits from where they end otherwise. */
static inline uint64_t aether_crc_start_of(const uint64_t *right, int words) {
    uint64_t end = 0xFFFFFFFF;
    for (int word = 0; word < words; word++) end = CRC_STEP8(end, right[word]);
    for (int bit = 0; bit < 64 * words; bit++)
        end = end >> 31 ? end << 1 ^ AETHER_CRC_POLYNOMIAL : end << 1;
    return end ^ 0xFFFFFFFF;
}

static inline uint64_t aether_crc_start_to_zero(const aether_event *right) {
    uint64_t words[8];
    for (int word = 0; word < 8; word++) words[word] = aether_crc_word(right, word);
    return aether_crc_start_of(words, 8);
}

#endif
