/* The 64-byte event: the same bytes in memory, in the ring and on the wire. */
#ifndef AETHER_EVENT_H
#define AETHER_EVENT_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
    uint64_t sequence;
    uint64_t timestamp_ns;
    uint32_t topic;
    uint32_t source;
    double value;
    uint8_t payload[24];
    uint32_t flags;
    uint32_t checksum; /* CRC-32C of the 60 bytes before it */
} aether_event;

_Static_assert(sizeof(aether_event) == 64, "an event is one cache line");
_Static_assert(offsetof(aether_event, topic) == 16, "topic at 16");
_Static_assert(offsetof(aether_event, value) == 24, "value at 24");
_Static_assert(offsetof(aether_event, payload) == 32, "payload at 32");
_Static_assert(offsetof(aether_event, flags) == 56, "flags at 56");
_Static_assert(offsetof(aether_event, checksum) == 60, "checksum at 60");

#endif
