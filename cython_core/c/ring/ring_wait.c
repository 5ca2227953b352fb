#define _GNU_SOURCE
#include "ring_wait.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

/* Looks between two readings of the clock, which costs as much as several looks. */
enum { LOOKS_PER_CLOCK = 64 };
/* Clock readings, some microseconds each, between two offers of the core to others:
 * on a busy machine the peer may be waiting for this very core. */
enum { CLOCKS_PER_YIELD = 16 };

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static bool ready(int fd, short events) {
    struct pollfd polled = {.fd = fd, .events = events};
    return poll(&polled, 1, 0) == 1 && polled.revents == events;
}

void aether_ring_wake_loop(int wake_peer) {
    uint64_t one = 1;
    int flags = fcntl(wake_peer, F_GETFL);
    /* Only where a write may block it is asked whether this one would, which costs more. */
    if ((flags < 0 || !(flags & O_NONBLOCK)) && !ready(wake_peer, POLLOUT)) return;
    if (write(wake_peer, &one, sizeof one) < 0) return; /* full by now, so readable */
}

/* Of memory that processes share, so none of the private kind. A peer that sleeps here as well takes
 * nobody's wake-ups but its own. */
static long futex(_Atomic uint32_t *word, int operation, uint32_t value,
                  const struct timespec *timeout) {
    return syscall(SYS_futex, word, operation, value, timeout, NULL, 0);
}

void aether_ring_wake_thread(aether_ring_end *end) {
    futex(&end->peer->waiting, FUTEX_WAKE, 1, NULL);
}

void aether_ring_drain(int wake) {
    uint64_t count;
    struct iovec place = {.iov_base = &count, .iov_len = sizeof count};
    /* O_NONBLOCK is the peer's to clear; the flag of one call is not. */
    if (preadv2(wake, &place, 1, -1, RWF_NOWAIT) >= 0 || errno != EOPNOTSUPP) return;
    /* Linux before 5.8. Nobody else reads it, so what is there stays there. */
    if (ready(wake, POLLIN) && read(wake, &count, sizeof count) < 0) return;
}

static aether_ring_news spin(aether_ring_end *end, uint64_t need, int64_t spin_ns) {
    aether_ring_news news = aether_ring_look(end, need);
    if (news != AETHER_RING_PAUSE || spin_ns <= 0) return news;
    int64_t until = now_ns() + spin_ns;
    for (int clocks = 1;; clocks++) {
        news = aether_ring_glance(end, need, LOOKS_PER_CLOCK);
        if (news != AETHER_RING_PAUSE) return news;
        if (now_ns() >= until) return AETHER_RING_PAUSE;
        if (clocks % CLOCKS_PER_YIELD == 0) sched_yield();
    }
}

aether_ring_news aether_ring_wait(aether_ring_end *end, uint64_t need, int news_fd,
                                  int64_t spin_ns, int64_t slice_ns, bool first) {
    int64_t spinning = spin_ns < slice_ns ? spin_ns : slice_ns;
    aether_ring_news news = spin(end, need, spinning);
    if (news != AETHER_RING_PAUSE) return news;
    if (spinning < slice_ns) {
        int64_t left = slice_ns - spinning;
        struct timespec timeout = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        aether_ring_arm(end, AETHER_RING_THREAD);
        news = aether_ring_look(end, need);
        if (news == AETHER_RING_PAUSE) {
            if (first) aether_ring_count_wait(end);
            futex(&end->own->waiting, FUTEX_WAIT, AETHER_RING_THREAD, &timeout);
        }
        aether_ring_disarm(end);
        if (news == AETHER_RING_PAUSE) news = aether_ring_look(end, need);
        if (news != AETHER_RING_PAUSE) return news;
    }
    struct pollfd polled = {.fd = news_fd, .events = POLLIN};
    return poll(&polled, 1, 0) == 1 ? AETHER_RING_LINK : AETHER_RING_PAUSE;
}
