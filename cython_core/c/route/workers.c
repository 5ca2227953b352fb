#define _GNU_SOURCE
#include "workers.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Spinning covers the gap between two calls of a busy caller, and costs an
 * idle one some 20 us a call; after it the thread sleeps on its futex. */
#define SPINS 1000

#if defined(__x86_64__)
#define RELAX() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define RELAX() __asm__ volatile("isb")
#else
#define RELAX() ((void)0)
#endif

/* A word that one thread raises and one awaits; `asleep` saves the system call
 * that wakes a waiter who is still spinning. */
typedef struct {
    _Alignas(128) atomic_uint ticket;
    atomic_uint asleep;
} signal_word;

typedef struct {
    signal_word go, done;
} worker;

static worker workers[AETHER_WORKERS_MAX];
static size_t worker_count;
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void (*current_work)(void *, size_t);
static void *current_context;

static void raise_word(signal_word *word, unsigned ticket) {
    atomic_store(&word->ticket, ticket);
    if (atomic_load(&word->asleep))
        syscall(SYS_futex, &word->ticket, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void await_word(signal_word *word, unsigned ticket) {
    for (int spin = 0; spin < SPINS; spin++) {
        if (atomic_load_explicit(&word->ticket, memory_order_acquire) == ticket) return;
        RELAX();
    }
    atomic_store(&word->asleep, 1);
    for (unsigned seen; (seen = atomic_load(&word->ticket)) != ticket;)
        syscall(SYS_futex, &word->ticket, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    atomic_store(&word->asleep, 0);
}

static void *serve(void *argument) {
    worker *self = argument;
    size_t k = (size_t)(self - workers) + 1;
    for (unsigned ticket = 1;; ticket++) {
        await_word(&self->go, ticket);
        current_work(current_context, k);
        raise_word(&self->done, ticket);
    }
    return NULL;
}

/* A child has the memory of its parent but none of its threads. */
static void after_fork(void) {
    worker_count = 0;
    turn = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

static void register_fork(void) { pthread_atfork(NULL, NULL, after_fork); }

static void hire(size_t wanted) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the interpreter's */
    while (worker_count < wanted) {
        worker *next = &workers[worker_count];
        atomic_store(&next->go.ticket, 0);
        atomic_store(&next->go.asleep, 0);
        atomic_store(&next->done.ticket, 0);
        atomic_store(&next->done.asleep, 0);
        pthread_t thread;
        if (pthread_create(&thread, NULL, serve, next)) break;
        pthread_detach(thread);
        worker_count++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void aether_workers_run(void (*work)(void *, size_t), void *context, size_t n) {
    pthread_once(&once, register_fork);
    pthread_mutex_lock(&turn);
    size_t wanted = n ? n - 1 : 0;
    if (wanted > AETHER_WORKERS_MAX) wanted = AETHER_WORKERS_MAX;
    if (worker_count < wanted) hire(wanted);
    size_t helpers = worker_count < wanted ? worker_count : wanted;
    unsigned tickets[AETHER_WORKERS_MAX];
    current_work = work;
    current_context = context;
    for (size_t w = 0; w < helpers; w++) {
        tickets[w] = atomic_load(&workers[w].done.ticket) + 1;
        raise_word(&workers[w].go, tickets[w]);
    }
    if (n) work(context, 0);
    for (size_t k = helpers + 1; k < n; k++) work(context, k);
    for (size_t w = 0; w < helpers; w++) await_word(&workers[w].done, tickets[w]);
    pthread_mutex_unlock(&turn);
}
