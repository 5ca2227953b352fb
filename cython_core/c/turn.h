/* The turn to use something, which one thread at a time has: whoever finds it taken is refused.
 * It is held over all that runs without the GIL, so that no other thread frees what is in use. */
#ifndef AETHER_TURN_H
#define AETHER_TURN_H

#include <stdbool.h>

/* Taken and given with the GIL, which then is all the order that is needed; without one, by an
 * exchange. */
static inline bool aether_turn_take(int *turn) {
#ifdef Py_GIL_DISABLED
    return !__atomic_exchange_n(turn, 1, __ATOMIC_ACQUIRE);
#else
    if (*turn) return false;
    *turn = 1;
    return true;
#endif
}

static inline void aether_turn_give(int *turn) {
#ifdef Py_GIL_DISABLED
    __atomic_store_n(turn, 0, __ATOMIC_RELEASE);
#else
    *turn = 0;
#endif
}

#endif
