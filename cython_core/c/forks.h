/* How many forks lie between this process and the one that first loaded the library: what belongs
 * to one process notes it, and is let alone by the children that inherit it. */
#ifndef AETHER_FORKS_H
#define AETHER_FORKS_H

#include <pthread.h>
#include <stdint.h>

static uint32_t aether_forks;

static void aether_forked(void) { aether_forks++; }

__attribute__((constructor)) static void aether_count_forks(void) {
    pthread_atfork(NULL, NULL, aether_forked);
}

#endif
