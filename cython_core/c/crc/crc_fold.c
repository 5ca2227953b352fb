/* CRC-32C by carry-less multiplication and by the instruction, side by side, at any width.
 *
 * Compiled once a width, AETHER_FOLD_BYTES: 16 (PCLMULQDQ), 32 (VPCLMULQDQ with AVX2) and 64 (with
 * AVX-512). An event with its checksum is a polynomial of eight words, each times x^(its distance
 * from the end). A lane of 16 bytes has an event of its own: six multiplications weigh the words of
 * its first 48 bytes, the last 16 are added as they are, and two steps of the instruction reduce
 * the sum of 128 bits. So an event takes the multiplier six turns and the instruction two, where it
 * alone takes eight; some events go by the instruction alone, so that both are busy.
 *
 * Zen 3 and 4 start a multiplication every two cycles at every width, and their front end hands out
 * little else meanwhile; a step starts every cycle, and waits in a short queue for the one before.
 * So the order of the lines is the order of execution: a multiplication and two steps in turn, while
 * the sums of the group before are reduced.
 *
 * The checksum is the last 32 bits of the sum. Reduced without them a sum tells what they should
 * be, which is how events are stamped: by what their checksum is off by.
 *
 * Bits are reflected: bit 0 of a word is its highest power. A product of two reflected 64-bit words
 * comes out one place high, so constants carry one power of x less. V. Gopal et al., "Fast CRC
 * Computation for Generic Polynomials Using PCLMULQDQ", Intel, 2009. */
#include <immintrin.h>

#include "crc_groups.h"

#if AETHER_FOLD_BYTES == 64
#define NAME fold64
#define REGISTERS 2
typedef __m512i wide;
#define TIMES(a, b, which) _mm512_clmulepi64_epi128(a, b, which)
#define XOR(a, b) _mm512_xor_si512(a, b)
#define XOR3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define STORE(to, a) _mm512_store_si512(to, a)
#elif AETHER_FOLD_BYTES == 32
#define NAME fold32
#define REGISTERS 2
typedef __m256i wide;
#define TIMES(a, b, which) _mm256_clmulepi64_epi128(a, b, which)
#define XOR(a, b) _mm256_xor_si256(a, b)
#define XOR3(a, b, c) _mm256_xor_si256(_mm256_xor_si256(a, b), c)
#define STORE(to, a) _mm256_store_si256((__m256i *)(to), a)
#else
#define NAME fold16
#define REGISTERS 4
typedef __m128i wide;
#define TIMES(a, b, which) _mm_clmulepi64_si128(a, b, which)
#define XOR(a, b) _mm_xor_si128(a, b)
#define XOR3(a, b, c) _mm_xor_si128(_mm_xor_si128(a, b), c)
#define STORE(to, a) _mm_store_si128((__m128i *)(to), a)
#endif

#define LANES (AETHER_FOLD_BYTES / 16)
#define WIDE (REGISTERS * LANES) /* events of a group that are multiplied */
#define UNITS (6 * REGISTERS)    /* multiplications of a group */
#ifndef NARROW
#define NARROW (UNITS / 4)       /* events that the instruction steps through */
#endif
#define STEPS (8 * NARROW)
#define GROUP (WIDE + NARROW)
#define BLOCK (32 * GROUP)
#define INLINE static inline __attribute__((always_inline))

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

/* weights[k]: of the words 2 k and 2 k + 1, in every lane. */
static _Alignas(64) uint64_t weights[3][2 * LANES];
static uint64_t right_sum[2];             /* of any right event */
static uint64_t narrow_start, wide_start; /* from which a right event's steps end at zero */

typedef struct {
    wide w[3];
    uint64_t narrow_start, wide_start;
} constants;

INLINE constants load_constants(void) {
    constants c;
    memcpy(c.w, weights, sizeof weights);
    c.narrow_start = narrow_start;
    c.wide_start = wide_start;
    return c;
}

/* The k-th 16 bytes of as many events as there are lanes. */
INLINE wide part(const aether_event *e, int k) {
    const char *at = (const char *)e + 16 * k;
#if LANES == 1
    return _mm_loadu_si128((const __m128i *)at);
#else
    __m256i low = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)at)),
        _mm_loadu_si128((const __m128i *)(at + 64)), 1);
#if LANES == 2
    return low;
#else
    __m256i high = _mm256_inserti128_si256(
        _mm256_castsi128_si256(_mm_loadu_si128((const __m128i *)(at + 128))),
        _mm_loadu_si128((const __m128i *)(at + 192)), 1);
    return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
#endif
#endif
}

/* Weighs events, a lane each, and stores the sums of 128 bits. */
INLINE void sum(const aether_event *e, const constants *c, uint64_t *sums) {
    wide first = part(e, 0), second = part(e, 1), third = part(e, 2);
    wide sum = XOR3(part(e, 3), TIMES(first, c->w[0], 0x00), TIMES(first, c->w[0], 0x11));
    wide rest = XOR3(TIMES(second, c->w[1], 0x00), TIMES(second, c->w[1], 0x11),
                     TIMES(third, c->w[2], 0x00));
    STORE(sums, XOR3(sum, rest, TIMES(third, c->w[2], 0x11)));
}

/* An empty statement that keeps a value's place in the order of the lines, and keeps it in a
 * register. */
#define KEEP(kind, value) __asm__ volatile("" : kind(value))

/* What is under way. Everything but the sums ends up in registers: all indices are constants once
 * the functions below are inlined. */
typedef struct {
    wide sum, part;
    uint64_t narrow[NARROW], reduced, wrong;
} progress;

INLINE void narrow_step(progress *p, const aether_event *e, const constants *c, int n) {
    uint64_t *state = &p->narrow[n % NARROW];
    *state = CRC_STEP8(n < NARROW ? c->narrow_start : *state,
                       aether_crc_word(e + WIDE + n % NARROW, n / NARROW));
    KEEP("+r", *state);
}

/* The n-th of two steps for each sum of the group before. */
INLINE void reduce_step(progress *p, const uint64_t *before, const constants *c, int n) {
    if (n >= 2 * WIDE) return;
    p->reduced = CRC_STEP8(n % 2 ? p->reduced : c->wide_start, before[n]);
    KEEP("+r", p->reduced);
    if (n % 2) p->wrong |= p->reduced;
}

INLINE void unit(progress *p, const aether_event *e, const constants *c, uint64_t *sums,
                 const uint64_t *before, int n) {
    const aether_event *own = e + n / 6 * LANES;
    int place = n % 6;
    if (place == 0) p->sum = part(own, 3);
    if (place % 2 == 0) p->part = part(own, place / 2);
    wide product = place % 2 ? TIMES(p->part, c->w[place / 2], 0x11)
                             : TIMES(p->part, c->w[place / 2], 0x00);
    int from = n * STEPS / UNITS, to = (n + 1) * STEPS / UNITS;
    if (from < to) narrow_step(p, e, c, from);
    reduce_step(p, before, c, WIDE > UNITS / 2 ? 2 * n : n);
    if (from + 1 < to) narrow_step(p, e, c, from + 1);
    if (from + 2 < to) narrow_step(p, e, c, from + 2);
    if (from + 3 < to) narrow_step(p, e, c, from + 3);
    if (WIDE > UNITS / 2) reduce_step(p, before, c, 2 * n + 1);
    p->sum = XOR(p->sum, product);
    KEEP("+x", p->sum);
    if (place == 5) STORE(sums + n / 6 * 2 * LANES, p->sum);
}

/* Lines instead of loops, which would be unrolled too late for arrays to become registers. */
#define SIX(n)                                                                              \
    unit(&p, e, &c, sums, before, (n) + 0), unit(&p, e, &c, sums, before, (n) + 1),         \
        unit(&p, e, &c, sums, before, (n) + 2), unit(&p, e, &c, sums, before, (n) + 3),     \
        unit(&p, e, &c, sums, before, (n) + 4), unit(&p, e, &c, sums, before, (n) + 5)

static int are_right(const aether_event *e, size_t n, const void *prepared) {
    constants c = *(const constants *)prepared;
    _Alignas(64) uint64_t both[2][2 * WIDE];
    progress p = {.wrong = 0};
    uint64_t *sums = both[0], *before = both[1];
    for (int k = 0; k < 2 * WIDE; k++) before[k] = right_sum[k % 2];
    for (const aether_event *end = e + n; e != end; e += GROUP) {
        SIX(0), SIX(6);
#if REGISTERS == 4
        SIX(12), SIX(18);
#endif
        for (int k = 0; k < NARROW; k++) p.wrong |= p.narrow[k];
        uint64_t *other = before;
        before = sums;
        sums = other;
    }
    for (int k = 0; k < 2 * WIDE; k++) reduce_step(&p, before, &c, k);
    return !p.wrong;
}

static size_t verify(const aether_event *events, size_t n, uint32_t *bad, size_t room) {
    constants c = load_constants();
    return aether_crc_verify_groups(events, n, bad, room, GROUP, BLOCK, are_right, &c);
}

static void stamp(aether_event *events, size_t n) {
    constants c = load_constants();
    aether_event *e = events, *end = events + n;
    for (; end - e >= GROUP; e += GROUP) {
        _Alignas(64) uint64_t sums[2 * WIDE];
#pragma GCC unroll 4
        for (int r = 0; r < REGISTERS; r++) sum(e + r * LANES, &c, sums + 2 * r * LANES);
#pragma GCC unroll 5
        for (int k = 0; k < NARROW; k++) e[WIDE + k].checksum = aether_crc_event(e + WIDE + k);
#pragma GCC unroll 8
        for (int k = 0; k < WIDE; k++) {
            uint64_t state = CRC_STEP8(c.wide_start, sums[2 * k]);
            state = CRC_STEP4(state, (uint32_t)sums[2 * k + 1]);
            e[k].checksum ^= (uint32_t)state ^ (uint32_t)(sums[2 * k + 1] >> 32);
        }
    }
    for (; e != end; e++) e->checksum = aether_crc_event(e);
}

/* A multiplication for 8 bytes gains nothing over a step for 8, but at 64 bytes. */
static uint32_t bytes(const void *first, size_t n) {
    return aether_crc_instruction.bytes(first, n);
}

static void prepare(void) {
    for (int k = 0; k < 3; k++)
        for (int lane = 0; lane < LANES; lane++) {
            weights[k][2 * lane] = (uint64_t)aether_crc_power(64 * (7 - 2 * k) - 1) << 32;
            weights[k][2 * lane + 1] = (uint64_t)aether_crc_power(64 * (6 - 2 * k) - 1) << 32;
        }
    aether_event right[LANES];
    memset(right, 0, sizeof right);
    for (int lane = 0; lane < LANES; lane++)
        right[lane].checksum = aether_crc32c(&right[lane], AETHER_CRC_BYTES);
    narrow_start = aether_crc_start_to_zero(right);
    _Alignas(64) uint64_t sums[2 * LANES];
    constants c = load_constants();
    sum(right, &c, sums);
    memcpy(right_sum, sums, sizeof right_sum);
    wide_start = aether_crc_start_of(sums, 2);
}

const aether_crc_variant JOIN(aether_crc_, NAME) = {{TEXT(NAME), stamp, verify, bytes}, prepare};
