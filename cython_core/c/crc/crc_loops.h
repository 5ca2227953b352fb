/* Stamp and verify written as loops over a function of one event, CRC(event). */
#include "crc32c.h"

static void stamp(aether_event *events, size_t n) {
    for (size_t i = 0; i < n; i++) events[i].checksum = CRC(&events[i]);
}

static size_t verify(const aether_event *events, size_t n, uint32_t *bad, size_t room) {
    size_t found = 0;
    for (size_t i = 0; i < n; i++) {
        if (__builtin_expect(CRC(&events[i]) == events[i].checksum, 1)) continue;
        if (found < room) bad[found] = (uint32_t)i;
        found++;
    }
    return found;
}
