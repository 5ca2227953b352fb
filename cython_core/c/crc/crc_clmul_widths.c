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
#define NAME clmul512
#define REGISTERS 2
#define NARROW 2
typedef __m512i wide;
#define TIMES(a, b, which) _mm512_clmulepi64_epi128(a, b, which)
#define XOR(a, b) _mm512_xor_si512(a, b)
#define STORE(to, a) _mm512_store_si512(to, a)
#elif AETHER_FOLD_BYTES == 32
#define NAME clmul256
#define REGISTERS 2
#define NARROW 3
typedef __m256i wide;
#define TIMES(a, b, which) _mm256_clmulepi64_epi128(a, b, which)
#define XOR(a, b) _mm256_xor_si256(a, b)
#define STORE(to, a) _mm256_store_si256((__m256i *)(to), a)
#else
#define NAME clmul128
#define REGISTERS 4
#define NARROW 5
typedef __m128i wide;
#define TIMES(a, b, which) _mm_clmulepi64_si128(a, b, which)
#define XOR(a, b) _mm_xor_si128(a, b)
#define STORE(to, a) _mm_store_si128((__m128i *)(to), a)
#endif

#define LANES (AETHER_FOLD_BYTES / 16)
#define WIDE (REGISTERS * LANES) /* events of a group that are multiplied */
#define UNITS (6 * REGISTERS)    /* multiplications of a group; NARROW is what was fastest on Zen 4 */
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
#if LANES == 1
    return _mm_loadu_si128((const __m128i *)e + k);
#elif LANES == 2
    const __m256i *half = (const __m256i *)e + k / 2;
    __m256i near = _mm256_loadu_si256(half), far = _mm256_loadu_si256(half + 2);
    return k % 2 ? _mm256_permute2x128_si256(near, far, 0x31)
                 : _mm256_permute2x128_si256(near, far, 0x20);
#else
    __m512i a = _mm512_loadu_si512(e), b = _mm512_loadu_si512(e + 1);
    __m512i c = _mm512_loadu_si512(e + 2), d = _mm512_loadu_si512(e + 3);
    __m512i near = k < 2 ? _mm512_shuffle_i64x2(a, b, 0x44) : _mm512_shuffle_i64x2(a, b, 0xEE);
    __m512i far = k < 2 ? _mm512_shuffle_i64x2(c, d, 0x44) : _mm512_shuffle_i64x2(c, d, 0xEE);
    return k % 2 ? _mm512_shuffle_i64x2(near, far, 0xDD) : _mm512_shuffle_i64x2(near, far, 0x88);
#endif
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

/* The n-th step by the instruction; events take turns, as one event's steps wait for each other. */
INLINE void narrow_step(progress *p, const aether_event *e, const constants *c, int n, int stamps) {
    if (n >= STEPS) return;
    uint64_t *state = &p->narrow[n % NARROW];
    if (n < NARROW) *state = stamps ? 0xFFFFFFFF : c->narrow_start;
    const aether_event *own = e + WIDE + n % NARROW;
    if (stamps && n / NARROW == 7) {
        *state = CRC_STEP4(*state, own->flags);
    } else {
        *state = CRC_STEP8(*state, aether_crc_word(own, n / NARROW));
    }
    KEEP("+r", *state);
}

/* The n-th of two steps for each sum of the group before, whose events are stamped or judged. */
INLINE void reduce_step(progress *p, const uint64_t *before, aether_event *stamped,
                        const constants *c, int n, int stamps) {
    if (n >= 2 * WIDE) return;
    if (n % 2 == 0) {
        p->reduced = CRC_STEP8(c->wide_start, before[n]);
    } else if (stamps) {
        p->reduced = CRC_STEP4(p->reduced, (uint32_t)before[n]);
        stamped[n / 2].checksum ^= (uint32_t)p->reduced ^ (uint32_t)(before[n] >> 32);
    } else {
        p->reduced = CRC_STEP8(p->reduced, before[n]);
        p->wrong |= p->reduced;
    }
    KEEP("+r", p->reduced);
}

INLINE void unit(progress *p, const aether_event *e, const constants *c, uint64_t *sums,
                 const uint64_t *before, aether_event *stamped, int n, int stamps) {
    const aether_event *own = e + n / 6 * LANES;
    int place = n % 6, from = n * STEPS / UNITS, to = (n + 1) * STEPS / UNITS;
    if (place == 0) p->sum = part(own, 3);
    if (place % 2 == 0) p->part = part(own, place / 2);
    wide product = place % 2 ? TIMES(p->part, c->w[place / 2], 0x11)
                             : TIMES(p->part, c->w[place / 2], 0x00);
    if (from < to) narrow_step(p, e, c, from, stamps);
    reduce_step(p, before, stamped, c, WIDE > UNITS / 2 ? 2 * n : n, stamps);
    if (from + 1 < to) narrow_step(p, e, c, from + 1, stamps);
    if (WIDE > UNITS / 2) reduce_step(p, before, stamped, c, 2 * n + 1, stamps);
    p->sum = XOR(p->sum, product);
    KEEP("+x", p->sum);
    if (place == 5) STORE(sums + n / 6 * 2 * LANES, p->sum);
}

/* Lines instead of loops, which would be unrolled too late for arrays to become registers. */
#define UNIT(n) unit(&p, e, &c, sums, before, stamped, n, stamps)
#define SIX(n) \
    UNIT((n) + 0), UNIT((n) + 1), UNIT((n) + 2), UNIT((n) + 3), UNIT((n) + 4), UNIT((n) + 5)

/* Judges or stamps n events, n a multiple of the group; returns bits that are not right. */
INLINE uint64_t pass(aether_event *e, size_t n, constants c, const int stamps) {
    _Alignas(64) uint64_t both[2][2 * WIDE];
    aether_event nowhere[WIDE]; /* takes what is stamped before the first group */
    aether_event *stamped = nowhere;
    progress p = {.wrong = 0};
    uint64_t *sums = both[0], *before = both[1];
    for (int k = 0; k < 2 * WIDE; k++) before[k] = right_sum[k % 2];
    for (int k = 0; k < WIDE; k++) nowhere[k].checksum = 0;
    for (aether_event *end = e + n; e != end; e += GROUP) {
        SIX(0), SIX(6);
#if REGISTERS == 4
        SIX(12), SIX(18);
#endif
        for (int k = 0; k < NARROW; k++) {
            if (stamps) e[WIDE + k].checksum = ~(uint32_t)p.narrow[k];
            p.wrong |= p.narrow[k];
        }
        uint64_t *other = before;
        before = sums;
        sums = other;
        stamped = e;
    }
    for (int k = 0; k < 2 * WIDE; k++) reduce_step(&p, before, stamped, &c, k, stamps);
    return p.wrong;
}

static int are_right(const aether_event *e, size_t n, const void *prepared) {
    return !pass((aether_event *)e, n, *(const constants *)prepared, 0);
}

static size_t verify(const aether_event *events, size_t n, uint32_t *bad, size_t room) {
    constants c = load_constants();
    return aether_crc_verify_groups(events, n, bad, room, GROUP, BLOCK, are_right, &c);
}

static void stamp(aether_event *events, size_t n) {
    size_t whole = n - n % GROUP;
    if (whole) pass(events, whole, load_constants(), 1);
    for (size_t i = whole; i < n; i++) events[i].checksum = aether_crc_event(&events[i]);
}

/* For one run of bytes a multiplication gains nothing over a step but at 64 bytes: crc_clmul.c. */
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
    wide sum = part(right, 3);
    for (int k = 0; k < 3; k++)
        sum = XOR(sum, XOR(TIMES(part(right, k), c.w[k], 0x00), TIMES(part(right, k), c.w[k], 0x11)));
    STORE(sums, sum);
    memcpy(right_sum, sums, sizeof right_sum);
    wide_start = aether_crc_start_of(sums, 2);
}

const aether_crc_variant JOIN(aether_crc_, NAME) = {{TEXT(NAME), stamp, verify, bytes}, prepare};
