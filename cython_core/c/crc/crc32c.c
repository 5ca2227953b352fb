#include "crc32c.h"

#include <string.h>
#include <time.h>

#if defined(__aarch64__)
#include <sys/auxv.h>
#endif

#define POLYNOMIAL 0x82F63B78u /* Castagnoli 0x1EDC6F41, bits reflected */

/* table[k][b]: byte b followed by k zero bytes, so that eight bytes at a time
 * are eight independent look-ups. */
static uint32_t table[8][256];

static uint32_t times_x(uint32_t crc) { return crc >> 1 ^ (POLYNOMIAL & -(crc & 1)); }

uint32_t aether_crc_power(unsigned n) {
    uint32_t power = 0x80000000u; /* x^0 */
    while (n--) power = times_x(power);
    return power;
}

static uint32_t times(uint32_t a, uint32_t b) {
    uint32_t product = 0;
    for (; b; b <<= 1, a = times_x(a)) product ^= a & -(b >> 31); /* bit 31 is x^0 */
    return product;
}

/* x^8, and each entry the square of the one before. */
static uint32_t squares[8 * sizeof(size_t)];

uint32_t aether_crc_shift(uint32_t state, size_t n) {
    for (int k = 0; n; n >>= 1, k++)
        if (n & 1) state = times(state, squares[k]);
    return state;
}

static void make_table(void) {
    for (unsigned b = 0; b < 256; b++) {
        uint32_t crc = b;
        for (int bit = 0; bit < 8; bit++) crc = times_x(crc);
        table[0][b] = crc;
    }
    for (int k = 1; k < 8; k++)
        for (unsigned b = 0; b < 256; b++)
            table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 255];
    squares[0] = aether_crc_power(8);
    for (size_t k = 1; k < sizeof squares / sizeof *squares; k++)
        squares[k] = times(squares[k - 1], squares[k - 1]);
}

uint32_t aether_crc32c(const void *bytes, size_t n) {
    const unsigned char *at = bytes;
    uint32_t crc = ~0u;
    for (; n >= 8; n -= 8, at += 8) {
        uint64_t word;
        memcpy(&word, at, sizeof word);
        word ^= crc;
        crc = 0;
        for (int k = 0; k < 8; k++) crc ^= table[7 - k][word >> 8 * k & 255];
    }
    while (n--) crc = crc >> 8 ^ table[0][(crc ^ *at++) & 255];
    return ~crc;
}

#define CRC(event) aether_crc32c(event, AETHER_CRC_BYTES)
#include "crc_loops.h"

const aether_crc_kernel aether_crc_table = {"table", stamp, verify, aether_crc32c};

#define TRIED 200 /* events: 12.5 KiB */
#define TRIES 8

double aether_crc_time(const aether_crc_kernel *kernel) {
    static aether_event events[TRIED];
    static int stamped;
    double least = 1.0;
    uint32_t bad;
    if (!stamped) stamp(events, TRIED);
    stamped = 1;
    for (int try = 0; try < TRIES; try++) {
        struct timespec before, after;
        clock_gettime(CLOCK_MONOTONIC, &before);
        kernel->verify(events, TRIED, &bad, 1);
        clock_gettime(CLOCK_MONOTONIC, &after);
        double seconds = (double)(after.tv_sec - before.tv_sec) +
                         1e-9 * (double)(after.tv_nsec - before.tv_nsec);
        least = seconds < least ? seconds : least;
    }
    return least / TRIED;
}

#if defined(__x86_64__)
static const aether_crc_kernel *prepared(const aether_crc_variant *variant) {
    variant->prepare();
    return &variant->kernel;
}
#endif

const aether_crc_kernel *const *aether_crc_kernels(void) {
    static const aether_crc_kernel *found[7];
    size_t n = 0;
    make_table();
    found[n++] = &aether_crc_table;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("sse4.2")) found[n++] = &aether_crc_instruction;
    if (__builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul"))
        found[n++] = prepared(&aether_crc_clmul128);
    if (__builtin_cpu_supports("x86-64-v3") && __builtin_cpu_supports("vpclmulqdq"))
        found[n++] = prepared(&aether_crc_clmul256);
    if (__builtin_cpu_supports("x86-64-v4") && __builtin_cpu_supports("vpclmulqdq")) {
        prepared(&aether_crc_clmul512); /* stamps for the next two */
        aether_crc_prepare_clmul();     /* compiled for that processor too */
        found[n++] = &aether_crc_clmul;
        if (__builtin_cpu_supports("gfni")) {
            aether_crc_prepare_gfni();
            found[n++] = &aether_crc_gfni;
        }
    }
#elif defined(__aarch64__)
    if (getauxval(AT_HWCAP) & HWCAP_CRC32) found[n++] = &aether_crc_instruction;
#endif
    found[n] = NULL;
    return found;
}
