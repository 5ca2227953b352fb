#include "simd.h"

/* The compiler's cpu test also asks whether the system saves the registers. */
const aether_route_kernel *const *aether_route_kernels(void) {
    static const aether_route_kernel *found[5];
    size_t n = 0;
    found[n++] = &aether_route_baseline;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("x86-64-v3")) found[n++] = &aether_route_v3;
    if (__builtin_cpu_supports("x86-64-v4")) found[n++] = &aether_route_v4;
#elif defined(__aarch64__)
    found[n++] = &aether_route_neon;
#endif
    found[n] = NULL;
    return found;
}

/* Registers of 512 bits make Intel's cores slower for what runs after them: a tick that follows a
   batch took 0.7 us of 6 more, by registers of 256 bits 0.1 us, and the batch itself as long. */
const aether_route_kernel *aether_route_preferred(void) {
    const aether_route_kernel *const *found = aether_route_kernels();
    while (found[1] != NULL) found++;
#if defined(__x86_64__)
    if (*found == &aether_route_v4 && __builtin_cpu_is("intel")) return &aether_route_v3;
#endif
    return *found;
}
