/* Whole numbers drawn from a stream: binomial, Poisson, hypergeometric, exact for counts to 2^63 - 1.

All three have the form f(k) = const * product over cells of exp(-mu g(x/mu)) / (sqrt(c) exp(delta(c))), where a cell of
mean mu holds c = mu + x and g(t) = (1 + t) log(1 + t) - t (Loader, "Fast and accurate computation of binomial
probabilities", 2000). A binomial has two cells, n p and n (1 - p), a Poisson number one, a hypergeometric one the four
of its table. No logarithms of factorials are subtracted, and x = k - mean is exact, so f keeps 13 digits at any n.
Means below 10 are inverted; from there on numbers are rejected from a hat whose set-up is one square root. */
#pragma once
#include "elementary.h"
#include "streams.h"

#define OUT_OF_LINE __attribute__((noinline, unused)) static

enum { INVERSES = 64 };
static const double SMALL_MEAN = 10.0;

static const double inverse[INVERSES] = {
    0.0,      1.0,      1.0 / 2,  1.0 / 3,  1.0 / 4,  1.0 / 5,  1.0 / 6,  1.0 / 7,  1.0 / 8,  1.0 / 9,  1.0 / 10,
    1.0 / 11, 1.0 / 12, 1.0 / 13, 1.0 / 14, 1.0 / 15, 1.0 / 16, 1.0 / 17, 1.0 / 18, 1.0 / 19, 1.0 / 20, 1.0 / 21,
    1.0 / 22, 1.0 / 23, 1.0 / 24, 1.0 / 25, 1.0 / 26, 1.0 / 27, 1.0 / 28, 1.0 / 29, 1.0 / 30, 1.0 / 31, 1.0 / 32,
    1.0 / 33, 1.0 / 34, 1.0 / 35, 1.0 / 36, 1.0 / 37, 1.0 / 38, 1.0 / 39, 1.0 / 40, 1.0 / 41, 1.0 / 42, 1.0 / 43,
    1.0 / 44, 1.0 / 45, 1.0 / 46, 1.0 / 47, 1.0 / 48, 1.0 / 49, 1.0 / 50, 1.0 / 51, 1.0 / 52, 1.0 / 53, 1.0 / 54,
    1.0 / 55, 1.0 / 56, 1.0 / 57, 1.0 / 58, 1.0 / 59, 1.0 / 60, 1.0 / 61, 1.0 / 62, 1.0 / 63,
};

/* delta(c) = log(c! / (sqrt(2 pi c) (c/e)^c)), Stirling's rest; 0 for c = 0, see `filled`. */
static inline double stirling(double c) {
    static const double few[16] = {
        0.0, 0.08106146679532726, 0.0413406959554093, 0.02767792568499834, 0.020790672103765093, 0.016644691189821193,
        0.013876128823070748, 0.01189670994589177, 0.010411265261972096, 0.009255462182712733, 0.00833056343336287,
        0.007573675487951841, 0.00694284010720953, 0.006408994188004207, 0.0059513701127588475, 0.005554733551962801,
    };
    double r, z;
    if (c < 16.0)
        return few[(int)c];
    r = 1.0 / c;
    z = r * r;
    return r * (1.0 / 12.0 - z * (1.0 / 360.0 - z * (1.0 / 1260.0 - z * (1.0 / 1680.0 - z * (1.0 / 1188.0)))));
}

/* c, or what stands for 0 in sqrt(2 pi c): 0! is 1. */
static inline double filled(double c) { return c > 0.0 ? c : 0.15915494309189535; }

/* mu g(x/mu): what a deviation x costs a cell of mean mu. With s = x/(2 mu + x) it is s x (1 + (1 + s)(atanh(s)/s - 1)/s). */
static inline double deviance(double mu, double x) {
    double c = mu + x, s = x / (mu + c), z = s * s;
    if (z < 0.01)
        return s * x * (1.0 + (1.0 + s) * s * (inverse[3] + z * (inverse[5] + z * (inverse[7] + z * (inverse[9] +
               z * (inverse[11] + z * (inverse[13] + z * (inverse[15] + z * inverse[17]))))))));
    return c > 0.0 ? c * log_of(c / mu) - x : -x;
}

/* The whole part of n p, exactly, and what is left, in [0, 1); n p >= 1. */
static inline int64_t split_mean(int64_t n, double p, double *fraction) {
    uint64_t w = bits_of(p);
    wide_t product = (wide_t)((w & 0xfffffffffffffu) | 0x10000000000000u) * (uint64_t)n;
    int shift = 1075 - (int)(w >> 52); /* p = mantissa 2^-shift; n p >= 1, so 53 <= shift < 116 */
    uint64_t part = (uint64_t)((product << (128 - shift)) >> 64);
    *fraction = (double)(int64_t)(part >> 11) * 0x1p-53;
    return (int64_t)(product >> shift);
}

/* The number of k >= 1 with u < P(at least k), where P(0) = term and P(at least 1) = tail; P(k) = P(k-1) over[k]. */
#define INVERT(over)                                                                                                   \
    while (u < tail && k < last) {                                                                                     \
        k++;                                                                                                           \
        term *= (over) * inverse[k];                                                                                   \
        tail -= term;                                                                                                  \
    }

/* Beyond so many, at mean < 10, lies less than what doubles resolve of P(at least 1). */
static inline int64_t last_of(double mean, int64_t n) {
    int64_t last = 16 + (int64_t)(4.0 * mean);
    return n < last ? n : last;
}

OUT_OF_LINE int64_t invert_binomial(double u, int64_t n, double p) {
    double term, tail, left = (double)n, ratio = p / (1.0 - p);
    int64_t k = 0, last = last_of(left * p, n);
    exp_of(left * log_rest(p), &term, &tail);
    left += 1.0;
    INVERT(ratio * (left - (double)k))
    return k;
}

/* log of f without the factor const / sqrt(product of cells): two cells */
static inline double binomial_exponent(double mean, double other, double k, double rest, double x) {
    return deviance(mean, x) + deviance(other, -x) + (stirling(k) + stirling(rest));
}

/* Whether a draw k = whole + j from BTRS's hat is kept, where that is not clear at once: test * f(k of the mode) <= f(k). */
OUT_OF_LINE int keep_binomial(int64_t n, double p, int64_t whole, double fraction, int64_t k, double test) {
    double mean = (double)n * p, other = (double)n - mean;
    int up = fraction + p >= 1.0; /* the mode is floor((n + 1) p) */
    double mode = (double)(whole + up), beyond = (double)(n - whole - up);
    double here = (double)k, rest = (double)(n - k);
    double gain = binomial_exponent(mean, other, mode, beyond, up - fraction) -
                  binomial_exponent(mean, other, here, rest, (double)(k - whole) - fraction);
    return log_of(test * test * filled(here) * filled(rest) / (mode * beyond)) <= 2.0 * gain;
}

/* Hoermann's BTRS (J. Stat. Comp. Sim. 46 (1993) 101), n p >= 10, p <= 1/2.

The 53 high bits of a word choose k, the 11 low ones begin the number that decides: as a rule they are enough. */
OUT_OF_LINE int64_t reject_binomial(Stream *s, int64_t n, double p) {
    double fraction, mean = (double)n * p, spread = sqrt(mean * (1.0 - p));
    int64_t whole = split_mean(n, p, &fraction);
    double b = 1.15 + 2.53 * spread, a = -0.0873 + 0.0248 * b + 0.01 * p;
    double sure = 1884.16 - 8601.6 / b; /* 2048 (0.92 - 4.2/b) */
    for (;;) {
        uint64_t w = stream_next64(s);
        double u = (double)(int64_t)(w >> 11) * 0x1p-53 - 0.5, us = 0.5 - fabs(u);
        double at = (2.0 * a / us + b) * u + (fraction + 0.5), coarse = (double)(int)(w & 2047);
        int64_t k;
        if (us >= 0.07 && coarse + 1.0 <= sure)
            return whole + floor_of(at);
        if (!(fabs(at) < 0x1p62))
            continue;
        k = floor_of(at);
        if (k < -whole || k > n - whole)
            continue;
        k += whole;
        if (keep_binomial(n, p, whole, fraction, k, (coarse + stream_double(s)) * 0x1p-11 *
                          ((2.83 + 5.1 / b) * spread) * us * us / (a + b * us * us)))
            return k;
    }
}

/* Binomial(n, p), p <= 1/2. Where few are drawn, one number says as a rule that there are none: P(not 0) <= n p. */
static inline int64_t draw_lower_binomial(Stream *s, int64_t n, double p) {
    double mean = (double)n * p, u;
    if (mean >= SMALL_MEAN)
        return reject_binomial(s, n, p);
    u = stream_fine(s);
    if (u >= mean)
        return 0;
    return n == 1 ? 1 : invert_binomial(u, n, p);
}

/* How many of n happen that happen with chance p each, any n. */
static inline int64_t draw_binomial(Stream *s, int64_t n, double p) {
    if (n <= 0 || !(p > 0.0))
        return 0;
    if (p > 0.5)
        return p >= 1.0 ? n : n - draw_lower_binomial(s, n, 1.0 - p);
    return draw_lower_binomial(s, n, p);
}

OUT_OF_LINE int64_t invert_poisson(double u, double mean) {
    double term, tail;
    int64_t k = 0, last = last_of(mean, INT64_MAX);
    exp_of(-mean, &term, &tail);
    INVERT(mean)
    return k;
}

/* As reject_binomial where n is endless: p = 0. */
OUT_OF_LINE int64_t reject_poisson(Stream *s, double mean) {
    double spread = sqrt(mean), b = 1.15 + 2.53 * spread, a = -0.0873 + 0.0248 * b;
    double sure = 1884.16 - 8601.6 / b, fraction;
    int64_t whole = (int64_t)mean;
    fraction = mean - (double)whole;
    for (;;) {
        uint64_t w = stream_next64(s);
        double u = (double)(int64_t)(w >> 11) * 0x1p-53 - 0.5, us = 0.5 - fabs(u);
        double at = (2.0 * a / us + b) * u + (fraction + 0.5), coarse = (double)(int)(w & 2047), test, gain, here;
        int64_t k;
        if (us >= 0.07 && coarse + 1.0 <= sure)
            return whole + floor_of(at);
        if (!(fabs(at) < 0x1p62))
            continue;
        k = floor_of(at);
        if (k < -whole)
            continue;
        here = (double)(whole + k);
        test = (coarse + stream_double(s)) * 0x1p-11 * ((2.83 + 5.1 / b) * spread) * us * us / (a + b * us * us);
        gain = deviance(mean, -fraction) + stirling((double)whole) - deviance(mean, (double)k - fraction) - stirling(here);
        if (log_of(test * test * filled(here) / (double)whole) <= 2.0 * gain)
            return whole + k;
    }
}

/* Poisson number of any mean to 2^62. */
static inline int64_t draw_poisson(Stream *s, double mean) {
    double u;
    if (!(mean > 0.0))
        return 0;
    if (mean >= SMALL_MEAN)
        return reject_poisson(s, mean);
    u = stream_fine(s);
    return u >= mean ? 0 : invert_poisson(u, mean);
}
