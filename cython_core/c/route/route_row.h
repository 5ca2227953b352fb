/* One row's update, in the widest registers that the compiler targets. */
#ifndef AETHER_ROUTE_ROW_H
#define AETHER_ROUTE_ROW_H

#include "route.h"

#include <math.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(AETHER_NEON)
#include <arm_neon.h>
#endif

static inline __attribute__((always_inline)) void row_reset(double *row, double cursor) {
    row[0] = 0.0;
    row[1] = row[2] = INFINITY;
    row[3] = AETHER_ROW_ZERO + cursor;
}

/* What is folded into a row, its last word 1.0: with masks one register is kept for it, of which a
 * value changes all but that word. */
#if defined(__AVX512VL__) && defined(__AVX512DQ__)
typedef __m256d row_step;
#define ROW_STEP _mm256_set1_pd(1.0)
#else
typedef int row_step;
#define ROW_STEP 0
#endif

/* Folds `value` into the row and returns the cursor that it had. The minimum's
 * operand order is what passes NaN over: x86 answers with the second operand
 * if either is NaN, and the row itself never holds one there. */
static inline __attribute__((always_inline)) uint32_t row_add(double *row, double value,
                                                                     row_step *step) {
    uint32_t cursor;
    memcpy(&cursor, &row[3], sizeof cursor);
#if defined(__AVX512VL__) && defined(__AVX512DQ__)
    const __m256d sign = _mm256_set_pd(0.0, -0.0, 0.0, 0.0);
    __m256d old = _mm256_load_pd(row);
    *step = _mm256_mask_xor_pd(*step, 7, sign, _mm256_set1_pd(value));
    __asm__("" : "+x"(old)); /* one load; the compiler would fold it into two */
    _mm256_store_pd(row, _mm256_mask_min_pd(_mm256_add_pd(old, *step), 6, *step, old));
#elif defined(__AVX2__)
    (void)step;
    const __m256d sign = _mm256_set_pd(0.0, -0.0, 0.0, 0.0);
    const __m256d ones = _mm256_set1_pd(1.0);
    __m256d old = _mm256_load_pd(row);
    __m256d each = _mm256_blend_pd(_mm256_xor_pd(_mm256_set1_pd(value), sign), ones, 8);
    __asm__("" : "+x"(old)); /* one load; the compiler would fold it into two */
    __m256d least = _mm256_min_pd(each, old);
    __m256d sum = _mm256_add_pd(old, each);
    _mm256_store_pd(row, _mm256_blend_pd(least, sum, 9));
#elif defined(__SSE2__)
    (void)step;
    __m128d low = _mm_load_pd(row), high = _mm_load_pd(row + 2);
    __m128d both = _mm_set1_pd(value);
    __m128d last = _mm_xor_pd(_mm_set_pd(1.0, value), _mm_set_pd(0.0, -0.0));
    _mm_store_pd(row, _mm_move_sd(_mm_min_pd(both, low), _mm_add_sd(low, both)));
    _mm_store_pd(row + 2, _mm_move_sd(_mm_add_pd(high, last), _mm_min_sd(last, high)));
#elif defined(AETHER_NEON)
    float64x2_t low = vld1q_f64(row), high = vld1q_f64(row + 2);
    (void)step;
    float64x2_t both = vdupq_n_f64(value);
    float64x2_t last = vsetq_lane_f64(1.0, vnegq_f64(both), 1);
    float64x2_t least = vbslq_f64(vcltq_f64(both, low), both, low);
    float64x2_t most = vbslq_f64(vcltq_f64(last, high), last, high);
    vst1q_f64(row, vcopyq_laneq_f64(least, 0, vaddq_f64(low, both), 0));
    vst1q_f64(row + 2, vcopyq_laneq_f64(most, 1, vaddq_f64(high, last), 1));
#else
    (void)step;
    row[0] += value;
    row[1] = value < row[1] ? value : row[1];
    row[2] = -value < row[2] ? -value : row[2];
    row[3] += 1.0;
#endif
    return cursor;
}

/* Folds another lane's aggregates into the row; the cursors are the caller's. */
static inline void row_merge(double *row, const double *other) {
    row[0] += other[0];
    row[1] = other[1] < row[1] ? other[1] : row[1];
    row[2] = other[2] < row[2] ? other[2] : row[2];
}

static inline uint32_t row_cursor(const double *row) {
    uint32_t cursor;
    memcpy(&cursor, &row[3], sizeof cursor);
    return cursor;
}

#endif
