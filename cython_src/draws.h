/* Whole numbers drawn from a stream: binomial and Poisson, exact for counts to 2^63 - 1.

Means below 20 are inverted, from there on numbers are rejected from a hat (hat.h). */
#pragma once
#include "hat.h"

#define OUT_OF_LINE __attribute__((noinline, unused)) static

static const double SMALL_MEAN = 20.0;

static const double inverse[32] = {
    0.0,      1.0,      1.0 / 2,  1.0 / 3,  1.0 / 4,  1.0 / 5,  1.0 / 6,  1.0 / 7,  1.0 / 8,  1.0 / 9,  1.0 / 10,
    1.0 / 11, 1.0 / 12, 1.0 / 13, 1.0 / 14, 1.0 / 15, 1.0 / 16, 1.0 / 17, 1.0 / 18, 1.0 / 19, 1.0 / 20, 1.0 / 21,
    1.0 / 22, 1.0 / 23, 1.0 / 24, 1.0 / 25, 1.0 / 26, 1.0 / 27, 1.0 / 28, 1.0 / 29, 1.0 / 30, 1.0 / 31,
};

/* Beyond so many, at means below 20, lies less than doubles resolve. */
static inline int64_t last_of(double mean, int64_t n) {
    int64_t last = 16 + (int64_t)(4.0 * mean);
    return n < last ? n : last;
}

/* P(k) = P(k - 1) (first - by k)/k is summed up from P(0), in two ways, for n trials or fewer than doubles resolve. */
typedef struct {
    double mean, log_none; /* log P(0) */
    double first, by;
    int64_t n;
} Terms;

/* Small means, from above, so that small chances keep their digits: the number of k >= 1 with u < P(at least k). */
static inline int64_t invert_from_above(Stream *s, Terms l) {
    double u = stream_fine(s), term, tail;
    int64_t k = 0, last = last_of(l.mean, l.n);
    if (u >= l.mean) /* >= P(at least 1) */
        return 0;
    exp_of(l.log_none, &term, &tail);
    while (u < tail && k < last) {
        k++;
        term *= (l.first - l.by * (double)k) * inverse[k];
        tail -= term;
    }
    return k;
}

/* The first k with u <= P(at most k). In units of P(0), so that sums need not wait for the exponential; the first `few`
without a branch, as it would be guessed wrong once a draw. */
static inline int64_t invert_sum(Stream *s, Terms l, int few) {
    double u = 1.0 - stream_double(s), sum = 1.0, term = 1.0, scale, rest;
    int64_t k = 1, drawn, last = last_of(l.mean, l.n);
    exp_of(-l.log_none, &scale, &rest);
    u *= scale;
    drawn = sum < u;
    for (; k < few; k += 2) { /* two at a time: half the wait */
        double here = term * ((l.first - l.by * (double)k) * inverse[k]);
        term *= ((l.first - l.by * (double)k) * inverse[k]) * ((l.first - l.by * (double)(k + 1)) * inverse[k + 1]);
        drawn += sum + here < u;
        sum += here + term;
        drawn += sum < u;
    }
    for (; sum < u && k <= last; k++) {
        term *= (l.first - l.by * (double)k) / (double)k;
        sum += term;
        drawn += sum < u;
    }
    return drawn < last ? drawn : last;
}

static inline __attribute__((always_inline)) int64_t invert(Stream *s, Terms l) {
    if (l.mean < 0.25)
        return invert_from_above(s, l);
    if (l.mean < 2.5)
        return invert_sum(s, l, 8);
    return l.mean < 9.0 ? invert_sum(s, l, 16) : invert_sum(s, l, 30);
}

OUT_OF_LINE int64_t invert_binomial(Stream *s, int64_t n, double p, double mean) {
    double ratio = p / (1.0 - p);
    return invert(s, (Terms){mean, (double)n * log_rest(p), ratio * ((double)n + 1.0), ratio, n});
}

OUT_OF_LINE int64_t invert_poisson(Stream *s, double mean) {
    return invert(s, (Terms){mean, -mean, mean, 0.0, INT64_MAX});
}

/* The whole part of n p, exactly, and the rest, in [0, 1); n p >= 1. */
static inline int64_t split_mean(int64_t n, double p, double *fraction) {
    uint64_t w = bits_of(p);
    wide_t product = (wide_t)((w & 0xfffffffffffffu) | 0x10000000000000u) * (uint64_t)n;
    int down = 1075 - (int)(w >> 52); /* p = mantissa 2^-down, and 53 <= down < 116 */
    *fraction = (double)(int64_t)((uint64_t)((product << (128 - down)) >> 64) >> 11) * 0x1p-53;
    return (int64_t)(product >> down);
}

typedef struct {
    int64_t n;
    double mean, other; /* n p and n (1 - p) */
} Binomial;

static inline double binomial_exponent(const void *law, int64_t count, double x, double scale) {
    const Binomial *l = law;
    double k = (double)count, rest = (double)(l->n - count);
    double cost = deviance(l->mean, k, x) + deviance(l->other, rest, -x) + (stirling(k) + stirling(rest));
    return log_of(scale * scale * (filled(k) * filled(rest) / (l->mean * l->other))) + 2.0 * cost;
}

static inline Binomial binomial_of(int64_t n, double p) {
    return (Binomial){n, (double)n * p, (double)n - (double)n * p};
}

static inline Hat hat_of_binomial(const Binomial *l, double p) {
    Hat hat = {l->mean * (1.0 - p), 0, 0.0, l->n, l};
    hat.whole = split_mean(l->n, p, &hat.fraction);
    return hat;
}

OUT_OF_LINE int64_t reject_binomial(Stream *s, int64_t n, double p) {
    Binomial law = binomial_of(n, p);
    Hat hat = hat_of_binomial(&law, p);
    return reject(s, &hat, binomial_exponent);
}

static inline double poisson_exponent(const void *law, int64_t count, double x, double scale) {
    double mean = *(const double *)law, k = (double)count;
    return log_of(scale * scale * (filled(k) / mean)) + 2.0 * (deviance(mean, k, x) + stirling(k));
}

static inline Hat hat_of_poisson(const double *mean) {
    return (Hat){*mean, (int64_t)*mean, *mean - (double)(int64_t)*mean, INT64_MAX, mean};
}

OUT_OF_LINE int64_t reject_poisson(Stream *s, double mean) {
    Hat hat = hat_of_poisson(&mean);
    return reject(s, &hat, poisson_exponent);
}

static inline int64_t draw_lower_binomial(Stream *s, int64_t n, double p) {
    double mean = (double)n * p;
    return mean < SMALL_MEAN ? invert_binomial(s, n, p, mean) : reject_binomial(s, n, p);
}

/* How many of n happen that happen with chance p each. */
static inline int64_t draw_binomial(Stream *s, int64_t n, double p) {
    if (n <= 0 || !(p > 0.0))
        return 0;
    if (p > 0.5) /* 1 - p is exact */
        return p >= 1.0 ? n : n - draw_lower_binomial(s, n, 1.0 - p);
    return draw_lower_binomial(s, n, p);
}

/* Poisson number of a mean to 2^62. */
static inline int64_t draw_poisson(Stream *s, double mean) {
    if (!(mean > 0.0))
        return 0;
    return mean < SMALL_MEAN ? invert_poisson(s, mean) : reject_poisson(s, mean);
}
