/* One end of a single-producer single-consumer ring of events in shared memory.
 *
 * Positions count events since the ring was made and never wrap in practice
 * (64 bits). Both ends run the same code: what a producer may write is
 * tail + capacity - head events, what a consumer may read is head - tail, so
 * with bias = capacity for a producer and 0 for a consumer
 *
 *     available = peer's position + bias - own position.
 *
 * Own position and the believed `available` live in private memory; the shared
 * copy of one's own position is written, never read back. A peer can therefore
 * lie only about its own position, and a lie shows: `available` would pass the
 * capacity or shrink. */
#ifndef AETHER_RING_H
#define AETHER_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Written only when an end sleeps or closes, read by the peer at every commit:
 * kept off the position's line, so that reading it stays a hit in L1. */
typedef struct {
    _Atomic uint32_t waiting; /* how this end sleeps, or is about to; a thread sleeps on this word */
    _Atomic uint32_t closed;  /* this end said goodbye */
    _Atomic uint64_t waits;   /* times this end went to sleep */
    _Atomic uint64_t wakeups; /* times this end woke its peer */
    _Atomic uint64_t most;    /* most events this end found available */
} aether_ring_flags;

/* How an end sleeps, and so how it is woken. */
enum {
    AETHER_RING_AWAKE = 0,
    AETHER_RING_LOOP = 1,   /* an event loop watches its eventfd */
    AETHER_RING_THREAD = 2, /* a thread waits for its `waiting` to become another (a futex) */
};

/* 128 bytes apart: two lines, because the adjacent-line prefetcher pairs them. */
typedef struct {
    _Alignas(128) uint64_t magic;
    uint64_t capacity;
    uint32_t event_bytes;
    _Alignas(128) _Atomic uint64_t head; /* events committed */
    _Alignas(128) _Atomic uint64_t tail; /* events released */
    _Alignas(128) aether_ring_flags producer;
    _Alignas(128) aether_ring_flags consumer;
} aether_ring_header;

_Static_assert(offsetof(aether_ring_header, event_bytes) == 16, "as ring_memory.py writes it");
_Static_assert(sizeof(aether_ring_header) <= 4096, "the header fits the smallest page");
_Static_assert(ATOMIC_LLONG_LOCK_FREE == 2 && ATOMIC_INT_LOCK_FREE == 2,
               "a lock would not be shared between processes");

typedef struct {
    char *data;         /* mapped twice in a row: any batch is contiguous */
    size_t event_bytes;
    uint64_t mask;      /* slots - 1 */
    uint64_t capacity;
    uint64_t bias;
    uint64_t position;  /* own */
    uint64_t available; /* by the peer's position as last read */
    uint64_t most;
    _Atomic uint64_t *own_position, *peer_position;
    aether_ring_flags *own, *peer;
} aether_ring_end;

static inline void aether_ring_open(aether_ring_end *end, aether_ring_header *header,
                                    char *data, size_t event_bytes, uint64_t slots,
                                    uint64_t capacity, bool producer) {
    *end = (aether_ring_end){
        .data = data,
        .event_bytes = event_bytes,
        .mask = slots - 1,
        .capacity = capacity,
        .bias = producer ? capacity : 0,
        .available = producer ? capacity : 0,
        .own_position = producer ? &header->head : &header->tail,
        .peer_position = producer ? &header->tail : &header->head,
        .own = producer ? &header->producer : &header->consumer,
        .peer = producer ? &header->consumer : &header->producer,
    };
}

/* Read the peer's position. False if it cannot be true; nothing is then believed. */
static inline bool aether_ring_refresh(aether_ring_end *end) {
    uint64_t theirs = atomic_load_explicit(end->peer_position, memory_order_acquire);
    uint64_t available = theirs + end->bias - end->position;
    if (__builtin_expect(available > end->capacity || available < end->available, 0)) return false;
    end->available = available;
    if (available > end->most) {
        end->most = available;
        atomic_store_explicit(&end->own->most, available, memory_order_relaxed);
    }
    return true;
}

/* Take it from the peer that it sleeps, once something is there for it to see: how it is to be
 * woken. The fence orders our store before our look at `waiting`, as the peer's orders its `waiting`
 * before its look at what we stored: one of the two sees the other. */
static inline uint32_t aether_ring_asleep(aether_ring_end *end) {
    atomic_thread_fence(memory_order_seq_cst);
    if (__builtin_expect(!atomic_load_explicit(&end->peer->waiting, memory_order_relaxed), 1))
        return AETHER_RING_AWAKE;
    return atomic_exchange_explicit(&end->peer->waiting, AETHER_RING_AWAKE, memory_order_relaxed);
}

/* Hand n <= available events to the peer; returns how it is to be woken. */
static inline uint32_t aether_ring_advance(aether_ring_end *end, uint64_t n) {
    end->position += n;
    end->available -= n;
    atomic_store_explicit(end->own_position, end->position, memory_order_release);
    return aether_ring_asleep(end);
}

static inline void aether_ring_count_wakeup(aether_ring_end *end) {
    atomic_fetch_add_explicit(&end->own->wakeups, 1, memory_order_relaxed);
}

/* Announce sleep; the caller must refresh after this and before it sleeps. */
static inline void aether_ring_arm(aether_ring_end *end, uint32_t how) {
    atomic_store_explicit(&end->own->waiting, how, memory_order_relaxed);
    atomic_thread_fence(memory_order_seq_cst);
}

static inline void aether_ring_disarm(aether_ring_end *end) {
    atomic_store_explicit(&end->own->waiting, AETHER_RING_AWAKE, memory_order_relaxed);
}

static inline void aether_ring_count_wait(aether_ring_end *end) {
    atomic_fetch_add_explicit(&end->own->waits, 1, memory_order_relaxed);
}

/* Acquire: whoever sees the goodbye also sees the last commit before it. */
static inline bool aether_ring_peer_closed(const aether_ring_end *end) {
    return atomic_load_explicit(&end->peer->closed, memory_order_acquire) != 0;
}

static inline void aether_ring_say_goodbye(aether_ring_end *end) {
    atomic_store_explicit(&end->own->closed, 1, memory_order_release);
}

typedef enum {
    AETHER_RING_READY,
    AETHER_RING_CORRUPT, /* the peer's position cannot be true */
    AETHER_RING_CLOSED,  /* the peer said goodbye, and no more will become available */
    AETHER_RING_LINK,    /* link or process has news of the peer */
    AETHER_RING_PAUSE,   /* nothing yet */
} aether_ring_news;

/* The goodbye is read before the position, so a last commit before it is not missed. */
static inline aether_ring_news aether_ring_look(aether_ring_end *end, uint64_t need) {
    bool closed = aether_ring_peer_closed(end);
    if (!aether_ring_refresh(end)) return AETHER_RING_CORRUPT;
    if (end->available >= need) return AETHER_RING_READY;
    return closed ? AETHER_RING_CLOSED : AETHER_RING_PAUSE;
}

static inline void aether_ring_relax(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory"); /* `yield` is a no-op on most cores */
#endif
}

/* Look so many times; no clock is read and nothing is called. */
static inline aether_ring_news aether_ring_glance(aether_ring_end *end, uint64_t need, int looks) {
    aether_ring_news news = aether_ring_look(end, need);
    while (news == AETHER_RING_PAUSE && looks-- > 0) {
        aether_ring_relax();
        news = aether_ring_look(end, need);
    }
    return news;
}

/* The peer's position as it stands, believed or not: for counters only. */
static inline uint64_t aether_ring_peer_position(const aether_ring_end *end) {
    return atomic_load_explicit(end->peer_position, memory_order_acquire);
}

static inline void aether_ring_read_flags(const aether_ring_flags *flags, uint64_t counts[3]) {
    counts[0] = atomic_load_explicit(&flags->waits, memory_order_relaxed);
    counts[1] = atomic_load_explicit(&flags->wakeups, memory_order_relaxed);
    counts[2] = atomic_load_explicit(&flags->most, memory_order_relaxed);
}

#endif
