/* The way of records that come from beyond the second-level cache: what is routed is taken out first.
 *
 * Topic and value of a block are copied out while its lines arrive, and nothing else waits for them.
 * The topics are then bytes, 64 of which are compared at once: those of one topic are its places,
 * written by one instruction (AVX-512 VBMI2), and its values are added up by that list. No store
 * waits for another there, whatever the topics are. While places are found the next lines are asked
 * for already, as many as keep the memory at work. */
#include "route_run.h"

#define BLOCK AETHER_EXTRACT_BLOCK
#define TOPICS AETHER_EXTRACT_TOPICS
#define GROUP 64        /* topics that are compared at once */
#define UNROLLED 4      /* groups in one step; a block is so many groups at a time */
#define AHEAD 32        /* records that are asked for before they are taken */
#define NEXT 512        /* records of the next block that are asked for while places are found */

/* Sums of eight places in a row each: eight additions do not wait for one another. */
typedef struct {
    __m256d total[2], least[2], most[2];
} aggregate;

typedef struct {
    _Alignas(64) uint32_t words[BLOCK]; /* as they lie in the records */
    _Alignas(64) uint8_t topics[BLOCK];
    _Alignas(64) double values[BLOCK];
    _Alignas(64) aggregate aggregates[TOPICS];
} block;

/* Sixteen times the first place of each group. */
#define ROW(n) {n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n}
#define FOUR(n) ROW(n), ROW(n + 64), ROW(n + 128), ROW(n + 192)
_Alignas(32) static const uint16_t group_places[BLOCK / GROUP][16] = {
    FOUR(0), FOUR(256), FOUR(512), FOUR(768), FOUR(1024), FOUR(1280), FOUR(1536), FOUR(1792)};

_Alignas(64) static const uint8_t first_places[GROUP] = {
    0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
    22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
    44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

/* The compiler's own form with zeroing keeps what the register held before: instructions that have
 * nothing to do with one another would wait, five cycles each and not one (Zen 5). */
INLINE __m512i compressed(__mmask64 mask, __m512i from) {
    __m128i fresh;
    __asm__("vpxor %0, %0, %0" : "=x"(fresh));
    return _mm512_mask_compress_epi8(_mm512_zextsi128_si512(fresh), mask, from);
}

/* Copies records `from` to `to` of a block out, and asks for those `ahead` bytes further on. */
INLINE void take(block *b, const aether_input *in, size_t begin, size_t from, size_t to,
                 const size_t ahead, const int valued) {
    const size_t stride = in->topic_stride;
    const char *topic = in->topic + (begin + from) * stride;
    const char *value = valued ? in->value + (begin + from) * stride : NULL;
#define ONE(k)                                                                     \
    {                                                                              \
        if (ahead)                                                                 \
            __builtin_prefetch((const void *)((uintptr_t)(topic + (k) * stride) + ahead), 0, 3); \
        b->words[i + (k)] = aether_masked_topic(topic + (k) * stride, 0, ~0u);     \
        if (valued) b->values[i + (k)] = *(const double *)(value + (k) * stride);  \
    }
    size_t i = from;
    for (; i + 8 <= to; i += 8, topic += 8 * stride) {
#pragma GCC unroll 8
        for (size_t k = 0; k < 8; k++) ONE(k);
        if (valued) value += 8 * stride;
    }
    for (; i < to; i++, topic += stride) {
        ONE(0);
        if (valued) value += stride;
    }
#undef ONE
}

/* Makes bytes of the topics, those that are too large 255; what is missing to whole steps as well. */
INLINE void narrow(block *b, const aether_input *in, size_t n) {
    const __m512i mask = _mm512_set1_epi32((int)in->topic_mask);
    const __m128i shift = _mm_cvtsi32_si128((int)in->topic_shift);
    const size_t step = GROUP * UNROLLED, end = (n + step - 1) / step * step;
    for (size_t i = n & ~(size_t)15; i < end; i += 16) {
        const __mmask16 missing = (__mmask16)(n > i ? ~0u << (n - i) : ~0u);
        _mm512_mask_store_epi32(b->words + i, missing, _mm512_set1_epi32(-1));
    }
    for (size_t i = 0; i < end; i += 16) {
        __m512i words = _mm512_load_si512(b->words + i);
        words = _mm512_and_si512(_mm512_srl_epi32(words, shift), mask);
        _mm_store_si128((__m128i *)(b->topics + i), _mm512_cvtusepi32_epi8(words));
    }
}

/* Lines that are asked for bit by bit. */
typedef struct {
    uintptr_t at, end;
} wanted;

/* Writes one topic's places in the block, and up to 32 words more; returns their end. */
INLINE uint16_t *find(const block *b, size_t n, uint32_t topic, uint16_t *to, wanted *next,
                      const size_t stride) {
    const __m512i places = _mm512_load_si512(first_places), all = _mm512_set1_epi8((char)topic);
    for (size_t i = 0; i < n; i += GROUP * UNROLLED) {
#pragma GCC unroll 4
        for (size_t g = 0; g < UNROLLED; g++) {
            const size_t at = i + g * GROUP;
            __mmask64 same = _mm512_cmpeq_epi8_mask(_mm512_load_si512(b->topics + at), all);
            uint32_t count = (uint32_t)__builtin_popcountll(same);
            __m512i found = compressed(same, places);
            __m256i base = _mm256_load_si256((const __m256i *)group_places[at / GROUP]);
#define STORE(k)                                                                            \
    _mm256_storeu_si256(                                                                    \
        (__m256i *)(to + 16 * (k)),                                                         \
        _mm256_add_epi16(base, _mm256_cvtepu8_epi16(_mm512_extracti32x4_epi32(found, (k)))))
            STORE(0);
            if (__builtin_expect(count > 16, 0)) {
                STORE(1);
                if (count > 32) {
                    STORE(2);
                    STORE(3);
                }
            }
#undef STORE
            to += count;
            __builtin_prefetch((const void *)next->at, 0, 2);
            next->at += next->at < next->end ? stride : 0;
        }
    }
    return to;
}

INLINE __m256d four(const double *values, const uint16_t *places) {
    __m128d low = _mm_loadh_pd(_mm_load_sd(values + places[0]), values + places[1]);
    __m128d high = _mm_loadh_pd(_mm_load_sd(values + places[2]), values + places[3]);
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(low), high, 1);
}

/* Adds up the values of one topic's places; eight places behind their end are read as well. The
 * operands' order is what passes NaN over, as in route_row.h. */
INLINE void fold(aggregate *sum, const double *values, const uint16_t *places, size_t n) {
    aggregate s = *sum;
    for (const uint16_t *end = places + (n & ~(size_t)7); places < end; places += 8) {
#pragma GCC unroll 2
        for (int k = 0; k < 2; k++) {
            __m256d each = four(values, places + 4 * k);
            s.total[k] = _mm256_add_pd(s.total[k], each);
            s.least[k] = _mm256_min_pd(each, s.least[k]);
            s.most[k] = _mm256_max_pd(each, s.most[k]);
        }
    }
    const unsigned rest = (1u << (n & 7)) - 1;
#pragma GCC unroll 2
    for (int k = 0; k < 2; k++) {
        const __mmask8 mask = (__mmask8)(rest >> 4 * k & 15);
        __m256d each = four(values, places + 4 * k);
        s.total[k] = _mm256_mask_add_pd(s.total[k], mask, s.total[k], each);
        s.least[k] = _mm256_mask_min_pd(s.least[k], mask, each, s.least[k]);
        s.most[k] = _mm256_mask_max_pd(s.most[k], mask, each, s.most[k]);
    }
    *sum = s;
}

/* What a row holds of the sums. None of them is NaN but in the total. */
static void settle(const aggregate *sum, double *row) {
    double total[4], least[4], most[4];
    _mm256_storeu_pd(total, _mm256_add_pd(sum->total[0], sum->total[1]));
    _mm256_storeu_pd(least, _mm256_min_pd(sum->least[0], sum->least[1]));
    _mm256_storeu_pd(most, _mm256_max_pd(sum->most[0], sum->most[1]));
    row[0] = (total[0] + total[1]) + (total[2] + total[3]);
    for (int k = 1; k < 4; k++) {
        least[0] = least[k] < least[0] ? least[k] : least[0];
        most[0] = most[k] > most[0] ? most[k] : most[0];
    }
    row[1] = least[0];
    row[2] = -most[0];
}

static int64_t first_bad(const block *b, const aether_input *in, size_t n) {
    size_t i = 0;
    while (i + 1 < n && (b->words[i] >> in->topic_shift & in->topic_mask) < in->topics) i++;
    return (int64_t)i;
}

INLINE void scan_blocks(const aether_input *in, aether_part *part, const int valued) {
    block b;
    const uint32_t topics = in->topics;
    const size_t stride = in->topic_stride;
    uint16_t *log = part->log, *counts = part->counts;
    part->blocks = 0;
    part->bucketed = 0;
    part->wrong = 0;
    part->bad = -1;
    for (uint32_t t = 0; t < topics; t++) {
        aggregate *empty = &b.aggregates[t];
        empty->total[0] = empty->total[1] = _mm256_setzero_pd();
        empty->least[0] = empty->least[1] = _mm256_set1_pd(INFINITY);
        empty->most[0] = empty->most[1] = _mm256_set1_pd(-INFINITY);
        part->cursor[t] = 0;
    }
    for (size_t done = 0; done < part->n; done += BLOCK, counts += topics) {
        const size_t left = part->n - done, n = left < BLOCK ? left : BLOCK;
        const size_t begin = part->begin + done;
        /* Beyond the part's end nothing is asked for. */
        const size_t near = left > n + AHEAD ? n : n > AHEAD ? n - AHEAD : 0;
        take(&b, in, begin, 0, near, AHEAD * stride, valued);
        take(&b, in, begin, near, n, 0, valued);
        narrow(&b, in, n);
        const uintptr_t topic = (uintptr_t)in->topic + begin * stride;
        const size_t further = left > n + AHEAD + NEXT ? NEXT : 0;
        const uintptr_t first = topic + (further ? n + AHEAD : 0) * stride;
        wanted next = {first, first + further * stride};
        const uint16_t *begun = log;
        for (uint32_t t = 0; t < topics; t++) {
            uint16_t *end = find(&b, n, t, log, &next, stride);
            counts[t] = (uint16_t)(end - log);
            part->cursor[t] += counts[t];
            if (valued) {
                _mm_storeu_si128((__m128i *)end, _mm_setzero_si128());
                fold(&b.aggregates[t], b.values, log, counts[t]);
            }
            log = end;
        }
        part->blocks++;
        if (__builtin_expect(log != begun + n, 0)) { /* some topic is none of them */
            part->bad = (int64_t)begin + first_bad(&b, in, n);
            return;
        }
    }
    for (uint32_t t = 0; t < topics; t++) settle(&b.aggregates[t], part->rows[t]);
}

void aether_scan_extracted(const aether_input *in, aether_part *part) {
    if (in->value)
        scan_blocks(in, part, 1);
    else
        scan_blocks(in, part, 0);
}

void aether_place_extracted(const aether_input *in, aether_part *part, uint32_t *indices) {
    const size_t topics = in->topics;
    const uint16_t *log = part->log, *counts = part->counts;
    for (size_t k = 0; k < part->blocks; k++, counts += topics) {
        const uint32_t base = (uint32_t)(part->begin + k * BLOCK);
        for (size_t t = 0; t < topics; t++) {
            widen_run(indices + part->cursor[t], log, counts[t], base);
            part->cursor[t] += counts[t];
            log += counts[t];
        }
    }
}
