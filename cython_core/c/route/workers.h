/* Threads that wait for work: made once, kept, and made anew after a fork. */
#ifndef AETHER_WORKERS_H
#define AETHER_WORKERS_H

#include <stddef.h>

#define AETHER_WORKERS_MAX 64

/* Calls work(context, k) for k = 0 .. n - 1, k = 0 in the calling thread, and
 * returns when all are done. Calls from several threads take turns. With fewer
 * workers than asked for, as when the system refuses a thread, the caller does
 * the rest: the result is the same. */
void aether_workers_run(void (*work)(void *context, size_t k), void *context, size_t n);

#endif
