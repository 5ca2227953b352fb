/* Wait until enough events are available: spin, sleep, or one after the other. */
#ifndef AETHER_RING_WAIT_H
#define AETHER_RING_WAIT_H

#include "ring.h"

/* Descriptors an end sleeps on; -1 where there is none. */
typedef struct {
    int wake;   /* eventfd the peer writes when this end is `waiting` */
    int link;   /* Unix socket to the peer: readable on greeting and hang-up */
    int pidfd;  /* the peer's process: readable once it is dead */
} aether_ring_fds;

/* One slice of waiting: at most `slice_ns`, of which at most `spin_ns` spinning.
 * A peer that never wakes us costs a slice, not for ever. PAUSE lets the caller
 * look at signals and its deadline, and call again; only the first slice of a
 * wait counts as one. */
aether_ring_news aether_ring_wait(aether_ring_end *end, uint64_t need, const aether_ring_fds *fds,
                                  int64_t spin_ns, int64_t slice_ns, bool first);

#endif
