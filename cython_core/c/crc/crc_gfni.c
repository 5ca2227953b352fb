/* CRC-32C by bit matrices and by the instruction, side by side.
 *
 * A checksum is linear over GF(2), apart from a constant: every byte of an event
 * adds its product by a matrix of 32 x 8 bits that depends on its place alone,
 * and with the checksum as bytes 60 to 63 the sum of a right event is always the
 * same. GF2P8AFFINEQB multiplies each byte of a 64-bit lane by one 8 x 8 matrix,
 * so eight events are interleaved until a lane holds their bytes of one place:
 * three levels of unpacking, eight registers with eight places each. Four
 * matrices a place give four sums of which the eight lanes are added up last.
 *
 * Sixteen events go together, as a matrix once loaded then serves twice. Their
 * lower halves (bytes 0 to 7 of every 16) come first, then the upper; while one
 * half is weighed the next is interleaved and the sums of the group before are
 * folded. That makes some 10 operations an event; the processor that this is
 * tuned for (Zen 4) starts two of them a cycle, which leaves it the time for nine
 * more events by the instruction.
 *
 * Measured there, in cycles an event: the matrices alone 5.4; with the stages one
 * after the other instead of woven 6.7; folding through memory 4.9 beside the
 * instruction, since its steps and wide loads want the same schedulers. For that
 * reason, too, a step's word is loaded by a move of its own. */
#include <immintrin.h>

#include "crc_groups.h"

#define WIDE 16  /* events of a group that are weighed, eight and eight */
#define NARROW 9 /* and that the instruction steps through */
#define GROUP (WIDE + NARROW)
#define BLOCK (32 * GROUP)
#define STEPS (8 * NARROW)
#define UNITS 16 /* equal parts of the work on one group */

#define INLINE static inline __attribute__((always_inline))
#define XOR2(a, b) _mm512_xor_si512(a, b)
#define XOR3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define OR_DIFFERENCE(errors, a, b) _mm512_ternarylogic_epi64(errors, a, b, 0xF6)
#define LOW_BYTES(a, b) _mm512_unpacklo_epi8(a, b)
#define HIGH_BYTES(a, b) _mm512_unpackhi_epi8(a, b)
#define TIMES(bytes, matrix) _mm512_gf2p8affine_epi64_epi8(bytes, matrix, 0)

/* An empty statement that keeps a value's place in the order of the lines, and
 * keeps it in a register. */
#define KEEP(kind, value) __asm__ volatile("" : kind(value))

/* matrices[r][k]: for the r-th register of places, giving byte k of the sum. */
static __m512i matrices[8][4], right_sum;
static uint64_t start;

/* What is under way. Everything here ends up in registers: all indices are
 * constants once the functions below are inlined. */
typedef struct {
    __m512i low[2][4], high[2][4]; /* [eight][pair of events], by halves */
    __m512i now[2][2][2];          /* [eight][quarter][four events]: to be weighed */
    __m512i next[2][2][2];
    __m512i even[2], odd[2]; /* of the quarter being weighed, all eight events */
    __m512i sums[2][4], before[2][4], folded[4], errors;
    uint64_t state[NARROW], wrong;
} progress;

INLINE void first_level(progress *p, const aether_event *e, int eight, int pair) {
    __m512i a = _mm512_loadu_si512(e + 8 * eight + pair);
    __m512i b = _mm512_loadu_si512(e + 8 * eight + pair + 4);
    KEEP("+v", a);
    KEEP("+v", b);
    p->low[eight][pair] = LOW_BYTES(a, b);
    p->high[eight][pair] = HIGH_BYTES(a, b);
    KEEP("+v", p->low[eight][pair]);
    KEEP("+v", p->high[eight][pair]);
}

INLINE void second_level(progress *p, __m512i (*half)[4], int eight, int pair) {
    __m512i a = half[eight][pair], b = half[eight][pair + 2];
    p->next[eight][0][pair] = LOW_BYTES(a, b);
    p->next[eight][1][pair] = HIGH_BYTES(a, b);
    KEEP("+v", p->next[eight][0][pair]);
    KEEP("+v", p->next[eight][1][pair]);
}

INLINE void third_level(progress *p, int quarter, int eight) {
    __m512i a = p->now[eight][quarter][0], b = p->now[eight][quarter][1];
    p->even[eight] = LOW_BYTES(a, b);
    p->odd[eight] = HIGH_BYTES(a, b);
    KEEP("+v", p->even[eight]);
    KEEP("+v", p->odd[eight]);
}

/* An eighth of the way to the next half: the upper one of this group, whose
 * first level is done already, or the lower one of the next group. */
INLINE void interleave(progress *p, const aether_event *next, int upper, int eighth) {
    int eight = eighth / 4, pair = eighth / 2 % 2;
    if (upper) first_level(p, next, eight, pair + eighth % 2 * 2);
    if (eighth % 2) second_level(p, upper ? p->low : p->high, eight, pair);
}

INLINE void weigh(progress *p, int eight, int k, __m512i even, __m512i odd, int first) {
    __m512i a = TIMES(p->even[eight], even), b = TIMES(p->odd[eight], odd);
    p->sums[eight][k] = first ? XOR2(a, b) : XOR3(p->sums[eight][k], a, b);
    KEEP("+v", p->sums[eight][k]);
}

INLINE __m512i add_words(__m512i a, __m512i b) {
    return XOR2(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b));
}

INLINE __m512i add_lanes(__m512i a, __m512i b) {
    return XOR2(_mm512_shuffle_i64x2(a, b, 0x88), _mm512_shuffle_i64x2(a, b, 0xDD));
}

/* One of the six stages that add up the lanes of the group before: from eight
 * sums to one register of sixteen events with four bytes each. */
INLINE void fold(progress *p, int stage) {
    __m512i *f = p->folded;
    if (stage < 2) {
        f[stage] = add_words(p->before[0][2 * stage], p->before[0][2 * stage + 1]);
        f[2 + stage] = add_words(p->before[1][2 * stage], p->before[1][2 * stage + 1]);
        KEEP("+v", f[stage]);
        KEEP("+v", f[2 + stage]);
    } else if (stage < 4) {
        f[stage - 2] = add_lanes(f[stage - 2], f[stage]);
        KEEP("+v", f[stage - 2]);
    } else if (stage == 4) {
        f[0] = add_lanes(f[0], f[1]);
        KEEP("+v", f[0]);
    } else if (stage == 5) {
        p->errors = OR_DIFFERENCE(p->errors, f[0], right_sum);
        KEEP("+v", p->errors);
    }
}

/* The n-th step by the instruction; events take turns, as one event's steps wait
 * for each other. */
INLINE void step(progress *p, const aether_event *e, int n) {
    uint64_t *state = &p->state[n % NARROW];
    uint64_t word = aether_crc_word(e + WIDE + n % NARROW, n / NARROW);
    KEEP("+r", word);
    *state = CRC_STEP8(n < NARROW ? start : *state, word);
    KEEP("+r", *state);
    if (n >= STEPS - NARROW) p->wrong |= *state;
}

/* A third of the steps that fall into a unit: one or two. */
INLINE void steps(progress *p, const aether_event *e, int third) {
    int from = third * STEPS / (3 * UNITS), to = (third + 1) * STEPS / (3 * UNITS);
    step(p, e, from);
    if (from + 1 < to) step(p, e, from + 1);
}
_Static_assert(STEPS >= 3 * UNITS && STEPS <= 6 * UNITS, "one or two");

/* Weighs a quarter of 16 events for one byte of the sum, with an eighth of the
 * interleaving and its share of all else. The order of the lines is the order
 * of execution: the operations that few ports can do must lie evenly. */
INLINE void work(progress *p, const aether_event *e, const aether_event *next,
                 const __m512i (*matrix)[4], int unit) {
    int upper = unit / 8, quarter = unit / 4 % 2, k = unit % 4;
    if (k == 0) third_level(p, quarter, 0);
    __m512i even = matrix[unit / 4 * 2][k], odd = matrix[unit / 4 * 2 + 1][k];
    KEEP("+v", even);
    KEEP("+v", odd);
    fold(p, unit);
    weigh(p, 0, k, even, odd, unit < 4);
    steps(p, e, 3 * unit);
    if (k == 0) third_level(p, quarter, 1);
    interleave(p, next, upper, unit % 8);
    steps(p, e, 3 * unit + 1);
    weigh(p, 1, k, even, odd, unit < 4);
    steps(p, e, 3 * unit + 2);
}

/* Lines instead of loops, which would be unrolled too late for arrays to become
 * registers. The next half's quarters are the present one's from then on. */
#define HALF(n)                                                                         \
    do {                                                                                \
        work(&p, e, next, matrix, (n) + 0), work(&p, e, next, matrix, (n) + 1);         \
        work(&p, e, next, matrix, (n) + 2), work(&p, e, next, matrix, (n) + 3);         \
        work(&p, e, next, matrix, (n) + 4), work(&p, e, next, matrix, (n) + 5);         \
        work(&p, e, next, matrix, (n) + 6), work(&p, e, next, matrix, (n) + 7);         \
        memcpy(p.now, p.next, sizeof p.now);                                            \
    } while (0)

/* Whether all checksums of whole groups are right. */
static int are_right(const aether_event *e, size_t n, const void *first) {
    progress p;
    p.errors = _mm512_setzero_si512();
    p.wrong = 0;
    memcpy(p.sums, first, sizeof p.sums);
    const aether_event *begin = e;
    interleave(&p, e, 1, 0), interleave(&p, e, 1, 1), interleave(&p, e, 1, 2);
    interleave(&p, e, 1, 3), interleave(&p, e, 1, 4), interleave(&p, e, 1, 5);
    interleave(&p, e, 1, 6), interleave(&p, e, 1, 7);
    memcpy(p.now, p.next, sizeof p.now);
    for (const aether_event *end = e + n; e != end; e += GROUP) {
        /* Any events will do after the last group. */
        const aether_event *next = e + GROUP == end ? begin : e + GROUP;
        const __m512i(*matrix)[4] = matrices;
        KEEP("+r", next); /* neither its first level nor the matrices, which do */
        KEEP("+r", matrix); /* not fit into registers, are to be loaded earlier */
        memcpy(p.before, p.sums, sizeof p.sums);
        HALF(0);
        HALF(8);
    }
    memcpy(p.before, p.sums, sizeof p.sums);
    fold(&p, 0), fold(&p, 1), fold(&p, 2), fold(&p, 3), fold(&p, 4), fold(&p, 5);
    return !p.wrong && !_mm512_test_epi64_mask(p.errors, p.errors);
}

/* Byte k of the sum of a right event, once for each of eight events. */
static long long right_word(uint32_t sum, int k) {
    return (long long)(0x0101010101010101u * (sum >> 8 * k & 255));
}

static __m512i first_sums[2][4]; /* as if a right group had gone before */

static size_t verify(const aether_event *events, size_t n, uint32_t *bad, size_t room) {
    return aether_crc_verify_groups(events, n, bad, room, GROUP, BLOCK, are_right, first_sums);
}

/* Sums come out eight by eight here: multiplications, a sum each, stamp faster. */
static void stamp(aether_event *events, size_t n) {
    aether_crc_clmul512.kernel.stamp(events, n);
}

/* Enters what one bit of an event adds to the sum. Bit i of a product is the
 * parity of the byte under row 7 - i of the matrix. */
static void enter(int place, int bit, uint32_t column) {
    int lane = place / 16 * 2 + place % 2; /* where unpacking takes the place, */
    int which = place % 16 / 2;            /* and in which register */
    for (int k = 0; k < 4; k++) {
        unsigned char *rows = (unsigned char *)&matrices[which][k] + 8 * lane;
        for (int i = 0; i < 8; i++)
            rows[7 - i] |= (unsigned char)((column >> (8 * k + i) & 1) << bit);
    }
}

void aether_crc_prepare_gfni(void) {
    aether_event event;
    memset(&event, 0, sizeof event);
    unsigned char *bytes = (unsigned char *)&event;
    uint32_t sum = aether_crc32c(&event, AETHER_CRC_BYTES);
    memset(matrices, 0, sizeof matrices);
    for (int place = 0; place < 64; place++)
        for (int bit = 0; bit < 8; bit++) {
            bytes[place] = (unsigned char)(1 << bit);
            enter(place, bit, aether_crc32c(&event, AETHER_CRC_BYTES) ^ event.checksum ^ sum);
            bytes[place] = 0;
        }
    long long right[4];
    for (int k = 0; k < 4; k++) {
        right[k] = right_word(sum, k);
        first_sums[0][k] = first_sums[1][k] = _mm512_maskz_set1_epi64(1, right[k]);
    }
    right_sum = _mm512_setr_epi64(right[0], right[1], right[0], right[1], right[2], right[3],
                                  right[2], right[3]);
    event.checksum = sum;
    start = aether_crc_start_to_zero(&event);
}

static uint32_t bytes(const void *first, size_t n) { return aether_crc_clmul.bytes(first, n); }

const aether_crc_kernel aether_crc_gfni = {"gfni", stamp, verify, bytes};
