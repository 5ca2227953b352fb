/* Which compiled variants this processor can run. */
#ifndef AETHER_SIMD_H
#define AETHER_SIMD_H

#include "route.h"

/* Variants of this build that this processor supports, slowest first; ended by NULL. */
const aether_route_kernel *const *aether_route_kernels(void);

/* Of these, the one to run unless asked otherwise. */
const aether_route_kernel *aether_route_preferred(void);

#endif
