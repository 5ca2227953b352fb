/* CRC-32C by carry-less multiplication and by the instruction, side by side.
 *
 * The instruction does one step a cycle and needs eight steps an event. An
 * event with its checksum is also a polynomial of eight words, each times
 * x^(its distance from the end), and the checksum is right if their sum leaves
 * a known remainder by the polynomial P. Four events lie across one register,
 * a lane each: six multiplications weigh the words of their first 48 bytes,
 * the last 16 are added as they are, two more fold the sum from 128 to 64 bits,
 * and one asks whether P divides it. The processor that this is tuned for
 * (Zen 4) starts a multiplication every two cycles at every width, and its
 * front end hands out little else meanwhile: so it is the number of them that
 * counts, and three events for the instruction fill the cycles between.
 *
 * Errors gather over a block of groups, so that no branch waits for a sum; a
 * block that has one is searched by the instruction alone.
 *
 * Bits are reflected: bit 0 of a word is its highest power. A product of two
 * reflected 64-bit words comes out one place high, so constants carry one
 * power of x less. V. Gopal et al., "Fast CRC Computation for Generic
 * Polynomials Using PCLMULQDQ", Intel, 2009. */
#include <immintrin.h>

#include "crc_groups.h"

#define WIDE 4   /* events of a group that are multiplied */
#define NARROW 3 /* and that the instruction steps through */
#define GROUP (WIDE + NARROW)
#define BLOCK (16 * GROUP)

static uint64_t low_weights[3], high_weights[3], fold_weight, inverse;
static uint64_t right_sum, right_quotient, start;
static uint64_t skip_low, skip_high; /* over the bytes that are folded at a time */

typedef struct {
    __m512i low[3], high[3], fold, inverse, right_quotient, right_sum;
    uint64_t start;
} constants;

static inline constants load_constants(void) {
    constants c;
    for (int k = 0; k < 3; k++) {
        c.low[k] = _mm512_set1_epi64((long long)low_weights[k]);
        c.high[k] = _mm512_set1_epi64((long long)high_weights[k]);
    }
    c.fold = _mm512_set1_epi64((long long)fold_weight);
    c.inverse = _mm512_set1_epi64((long long)inverse);
    c.right_quotient = _mm512_set1_epi64((long long)right_quotient);
    c.right_sum = _mm512_maskz_set1_epi64(0xAA, (long long)right_sum);
    c.start = start;
    return c;
}

#define LOW_LOW(a, b) _mm512_clmulepi64_epi128(a, b, 0x00)
#define HIGH_LOW(a, b) _mm512_clmulepi64_epi128(a, b, 0x01) /* high of a, low of b */
#define XOR3(a, b, c) _mm512_ternarylogic_epi64(a, b, c, 0x96)
#define OR_DIFFERENCE(errors, a, b) _mm512_ternarylogic_epi64(errors, a, b, 0xF6)
#define LOWER_HALVES(a, b) _mm512_shuffle_i64x2(a, b, 0x44)
#define UPPER_HALVES(a, b) _mm512_shuffle_i64x2(a, b, 0xEE)
#define EVEN_LANES(a, b) _mm512_shuffle_i64x2(a, b, 0x88)
#define ODD_LANES(a, b) _mm512_shuffle_i64x2(a, b, 0xDD)

/* An empty statement that keeps a value's place in the order of the lines, and
 * keeps it in a register. */
#define KEEP(kind, value) __asm__ volatile("" : kind(value))

/* The n-th step of a group by the instruction; its three events take turns, as
 * one event's steps wait for each other. */
#define STEP(n)                                                                                  \
    state[(n) % NARROW] =                                                                        \
        CRC_STEP8(state[(n) % NARROW], aether_crc_word(e + WIDE + (n) % NARROW, (n) / NARROW));  \
    KEEP("+r", state[(n) % NARROW])

/* Whether all checksums of whole groups are right. The order of the lines is the
 * order of execution that was measured to be fastest: steps spread evenly among
 * multiplications, which reduce the sums of the group before meanwhile. */
static inline int are_right(const aether_event *e, size_t n, const void *prepared) {
    const constants *c = prepared;
    __m512i sum = c->right_sum;
    __m512i errors = _mm512_setzero_si512();
    uint64_t wrong = 0;
    for (const aether_event *end = e + n; e != end; e += GROUP) {
        uint64_t state[NARROW] = {c->start, c->start, c->start};
        __m512i folded = LOW_LOW(sum, c->fold);
        STEP(0);
        __m512i e0 = _mm512_loadu_si512(e);
        KEEP("+v", e0);
        STEP(1);
        __m512i left = LOWER_HALVES(e0, _mm512_loadu_si512(e + 1));
        __m512i e2 = _mm512_loadu_si512(e + 2);
        KEEP("+v", e2);
        STEP(2);
        __m512i right = LOWER_HALVES(e2, _mm512_loadu_si512(e + 3));
        STEP(3);
        __m512i words01 = EVEN_LANES(left, right);
        STEP(4);
        __m512i product0 = LOW_LOW(words01, c->low[0]);
        STEP(5);
        __m512i words23 = ODD_LANES(left, right);
        STEP(6);
        __m512i product1 = HIGH_LOW(words01, c->high[0]);
        STEP(7);
        __m512i twice_folded = LOW_LOW(folded, c->fold);
        STEP(8);
        left = UPPER_HALVES(e0, _mm512_loadu_si512(e + 1));
        STEP(9);
        __m512i product2 = LOW_LOW(words23, c->low[1]);
        STEP(10);
        __m512i reduced = XOR3(sum, folded, twice_folded);
        STEP(11);
        right = UPPER_HALVES(e2, _mm512_loadu_si512(e + 3));
        STEP(12);
        __m512i words45 = EVEN_LANES(left, right);
        STEP(13);
        __m512i product3 = HIGH_LOW(words23, c->high[1]);
        STEP(14);
        __m512i quotient = HIGH_LOW(reduced, c->inverse);
        STEP(15);
        __m512i words67 = ODD_LANES(left, right);
        STEP(16);
        __m512i product4 = LOW_LOW(words45, c->low[2]);
        STEP(17);
        errors = OR_DIFFERENCE(errors, quotient, c->right_quotient);
        STEP(18);
        __m512i product5 = HIGH_LOW(words45, c->high[2]);
        STEP(19);
        sum = XOR3(product0, product1, words67);
        STEP(20);
        __m512i rest = XOR3(product2, product3, product4);
        STEP(21);
        sum = XOR3(sum, rest, product5);
        STEP(22);
        STEP(23);
        wrong |= state[0] | state[1] | state[2];
    }
    __m512i folded = LOW_LOW(sum, c->fold);
    __m512i reduced = XOR3(sum, folded, LOW_LOW(folded, c->fold));
    errors = OR_DIFFERENCE(errors, HIGH_LOW(reduced, c->inverse), c->right_quotient);
    return !(wrong | _mm512_mask_test_epi32_mask(0x2222, errors, errors));
}

static size_t verify(const aether_event *events, size_t n, uint32_t *bad, size_t room) {
    constants c = load_constants();
    return aether_crc_verify_groups(events, n, bad, room, GROUP, BLOCK, are_right, &c);
}

static void stamp(aether_event *events, size_t n) {
    aether_crc_clmul512.kernel.stamp(events, n);
}

static uint64_t weight(unsigned n) { return (uint64_t)aether_crc_power(n) << 32; }

/* The low 64 bits of a product, as if bit n were the power y^n. */
static uint64_t times(uint64_t a, uint64_t b) {
    uint64_t product = 0;
    for (int bit = 0; bit < 64; bit++)
        if (a >> bit & 1) product ^= b << bit;
    return product;
}

void aether_crc_prepare_clmul(void) {
    for (unsigned lane = 0; lane < 3; lane++) {
        low_weights[lane] = weight(64 * (7 - 2 * lane) - 1);
        high_weights[lane] = weight(64 * (6 - 2 * lane) - 1);
    }
    fold_weight = weight(63);
    skip_low = weight(8 * 256 + 63);
    skip_high = weight(8 * 256 - 1);
    /* P is odd, so it has an inverse modulo y^64. A 64-bit multiple of P has a
     * quotient of 32 bits, which is what times the inverse gives; of any other
     * word it has more bits, for else P would divide it. */
    inverse = 0;
    for (int bit = 0; bit < 64; bit++)
        if ((times(inverse, AETHER_CRC_POLYNOMIAL) >> bit & 1) != (bit == 0)) inverse |= 1ull << bit;
    /* Any right event tells the remainder. The sum less that is a multiple of P
     * if the upper halves of both quotients are equal. */
    aether_event event;
    memset(&event, 0, sizeof event);
    event.checksum = aether_crc32c(&event, AETHER_CRC_BYTES);
    right_sum = (uint64_t)event.checksum << 32;
    right_quotient = times(right_sum, inverse);
    start = aether_crc_start_to_zero(&event);
}

#define FOLDED 256 /* bytes that lie in four registers: each is added to the one so far behind */
#define SHORT 1024
#define FOLD(sum, at)                                                                    \
    XOR3(_mm512_clmulepi64_epi128(sum, low, 0x00), _mm512_clmulepi64_epi128(sum, high, 0x11), \
         _mm512_loadu_si512(at))

static uint32_t bytes(const void *first, size_t n) {
    if (n < SHORT) return aether_crc_instruction.bytes(first, n);
    const unsigned char *at = first, *end = at + n;
    __m512i low = _mm512_set1_epi64((long long)skip_low);
    __m512i high = _mm512_set1_epi64((long long)skip_high);
    __m512i sum[4];
    for (int k = 0; k < 4; k++) sum[k] = _mm512_loadu_si512(at + 64 * k);
    sum[0] = _mm512_xor_si512(sum[0], _mm512_maskz_set1_epi32(1, -1)); /* the state at first */
    for (at += FOLDED; end - at >= FOLDED; at += FOLDED) {
        sum[0] = FOLD(sum[0], at);
        sum[1] = FOLD(sum[1], at + 64);
        sum[2] = FOLD(sum[2], at + 128);
        sum[3] = FOLD(sum[3], at + 192);
    }
    uint64_t words[FOLDED / 8], state = 0, word;
    memcpy(words, sum, sizeof words);
    for (int k = 0; k < FOLDED / 8; k++) state = CRC_STEP8(state, words[k]);
    for (; end - at >= 8; at += 8) {
        memcpy(&word, at, sizeof word);
        state = CRC_STEP8(state, word);
    }
    for (; at != end; at++) state = CRC_STEP1(state, *at);
    return ~(uint32_t)state;
}

const aether_crc_kernel aether_crc_clmul = {"clmul", stamp, verify, bytes};
