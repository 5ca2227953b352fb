/* CRC-32C of records of any size: of all bytes but those of the checksum itself. */
#ifndef AETHER_CRC_RECORDS_H
#define AETHER_CRC_RECORDS_H

#include "crc32c.h"

typedef struct {
    size_t size, checksum; /* bytes of a record, and where its checksum is */
    uint32_t (*bytes)(const void *bytes, size_t n);
} aether_crc_record;

/* What follows the checksum is joined to what comes before it; as a rule it is the last field. */
static inline uint32_t aether_crc_of_record(const aether_crc_record *how, const char *record) {
    size_t before = how->checksum, after = how->size - before - sizeof(uint32_t);
    uint32_t crc = how->bytes(record, before);
    if (!after) return crc;
    const char *rest = record + before + sizeof(uint32_t);
    return aether_crc_shift(crc, after) ^ how->bytes(rest, after);
}

static inline void aether_crc_stamp_records(const aether_crc_record *how, char *at, size_t n) {
    for (size_t i = 0; i < n; i++, at += how->size) {
        uint32_t crc = aether_crc_of_record(how, at);
        __builtin_memcpy(at + how->checksum, &crc, sizeof crc);
    }
}

/* As aether_crc_kernel's verify. */
static inline size_t aether_crc_verify_records(const aether_crc_record *how, const char *at,
                                               size_t n, uint32_t *bad, size_t room) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++, at += how->size) {
        uint32_t stamped;
        __builtin_memcpy(&stamped, at + how->checksum, sizeof stamped);
        if (__builtin_expect(aether_crc_of_record(how, at) == stamped, 1)) continue;
        if (found < room) bad[found] = (uint32_t)i;
        found++;
    }
    return found;
}

#endif
