/* Wait until enough events are available: spin, sleep, or one after the other. */
#ifndef AETHER_RING_WAIT_H
#define AETHER_RING_WAIT_H

#include "ring.h"

/* Wake a peer whose event loop sleeps: write its eventfd. It may be full, then it is readable as it
 * is. Call without the GIL: whether a write may block is a flag that both processes can set, and a
 * peer that fills the eventfd and clears the flag in the moment between the look and the write holds
 * this thread, but no other. */
void aether_ring_wake_loop(int wake_peer);

/* Wake a peer whose thread sleeps on its `waiting`, which is another by now. Never blocks. */
void aether_ring_wake_thread(aether_ring_end *end);

/* Take back a wake-up of the eventfd if there is one; never blocks, whatever the peer set. */
void aether_ring_drain(int wake);

/* One slice of waiting: at most `slice_ns`, of which at most `spin_ns` spinning.
 * A peer that never wakes us costs a slice, not for ever, and so does one that dies. PAUSE lets the
 * caller look at signals and its deadline, and call again; only the first slice of a
 * wait counts as one. */
aether_ring_news aether_ring_wait(aether_ring_end *end, uint64_t need, int news_fd,
                                  int64_t spin_ns, int64_t slice_ns, bool first);

#endif
