/* Where one goes who leaves: a number of a few with given weights, from one word (Walker's alias method).

   K columns of equal weight, each shared by two numbers at most; made in time K, drawn from at once. */
#pragma once
#include "streams.h"

typedef struct {
    uint64_t keep; /* in units of 2^-64 of the column: below, it is `own`'s */
    int32_t own, other;
} Column;

/* Columns of those of `count` numbers whose weight is above 0; returns how many. total: sum of the weights.

   share (count,), order (count,): work space. Each round fills up the column of one with too little by one with too
   much; at the end rounding may leave some of either kind, whose columns are full but for it. */
static inline int64_t make_columns(const double *weight, const int64_t *number, int64_t count, double total,
                                   Column *column, double *share, int32_t *order) {
    int64_t K = 0, low = 0, high;
    for (int64_t e = 0; e < count; e++) {
        share[K] = weight[e];
        order[K] = (int32_t)number[e];
        K += weight[e] > 0.0;
    }
    for (int64_t k = 0; k < K; k++)
        column[k] = (Column){UINT64_MAX, order[k], order[k]};
    high = K;
    for (int64_t k = 0; k < K; k++) {
        share[k] *= (double)K / total;
        if (share[k] < 1.0)
            order[low++] = (int32_t)k;
        else
            order[--high] = (int32_t)k;
    }
    while (low > 0 && high < K) {
        const int32_t few = order[--low], many = order[high];
        column[few].keep = (uint64_t)(share[few] * 0x1p64);
        column[few].other = column[many].own;
        share[many] -= 1.0 - share[few];
        if (share[many] < 1.0) {
            high++;
            order[low++] = many;
        }
    }
    return K;
}

/* Which of K columns a word points into. */
static inline int64_t column_of(uint64_t word, int64_t K) {
    return (int64_t)(uint64_t)(((wide_t)word * (uint64_t)K) >> 64);
}

/* The number that a word draws. */
static inline int32_t pick(const Column *column, int64_t K, uint64_t word) {
    const wide_t at = (wide_t)word * (uint64_t)K;
    const Column *c = column + (uint64_t)(at >> 64);
    return (uint64_t)at < c->keep ? c->own : c->other;
}
