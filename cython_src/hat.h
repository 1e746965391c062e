/* Whole numbers by rejection from one hat for all laws made of cells (cells.h): Hoermann's transformed rejection, BTRS
(J. Stat. Comp. Sim. 46 (1993) 101), made to hang on the variance alone.

k = floor((2 a/(1/2 - |u|) + b) u + mean + 1/2) with u uniform in (-1/2, 1/2) is kept with the chance

    ratio = f(k) sqrt(2 pi variance)/const * (a/(1/2 - |u|)^2 + b) / alpha  <= 1,

shown numerically for binomial, Poisson and hypergeometric laws of means >= 20; tests/unit/test_draws.py looks again.
In each of 64 ranges of |u| the ratio lies between bounds that close in as 1/sigma, sigma^2 the variance; so 11 bits
that are left of the word which gave u decide in 19 of 20 cases (at a variance of 10^4), and f is worked out in the
others only.

The bounds come from scans of the ratio, 250 places a range, over two thousand laws of means 10 to 10^9: its extremes at
large sigma, and 1.1 times the largest distance from them times sigma. */
#pragma once
#include "cells.h"
#include "streams.h"

/* In units of 1/2048: ratio >= low - low_by/sigma and <= high + high_by/sigma, |u| in [i, i + 1)/128. */
typedef struct {
    int16_t low, low_by, high, high_by;
} Squeeze;

static const Squeeze squeeze[64] = {
    {2010, 843, 2020, 1}, {2015, 894, 2025, 1}, {2020, 944, 2029, 1}, {2024, 1024, 2032, 1},
    {2027, 1079, 2035, 1}, {2030, 1137, 2037, 1}, {2032, 1223, 2038, 1}, {2033, 1282, 2039, 1},
    {2034, 1363, 2039, 1}, {2033, 1457, 2039, 1}, {2032, 1493, 2038, 1}, {2030, 1597, 2037, 1},
    {2028, 1613, 2035, 1}, {2025, 1667, 2033, 1}, {2021, 1755, 2030, 1}, {2017, 1741, 2026, 1},
    {2013, 1892, 2023, 1}, {2008, 1898, 2018, 1}, {2003, 2005, 2013, 1}, {1997, 2115, 2008, 1},
    {1991, 2124, 2002, 1}, {1985, 2269, 1996, 1}, {1978, 2224, 1990, 1}, {1971, 2367, 1983, 1},
    {1964, 2444, 1976, 1}, {1957, 2443, 1969, 1}, {1950, 2624, 1962, 1}, {1943, 2540, 1955, 20},
    {1936, 2671, 1948, 1}, {1929, 2844, 1941, 1}, {1922, 2878, 1934, 1}, {1916, 2949, 1928, 2},
    {1910, 3014, 1921, 1}, {1905, 3148, 1915, 2}, {1900, 3259, 1910, 3}, {1896, 3260, 1905, 2},
    {1893, 3342, 1902, 1}, {1892, 3437, 1899, 1}, {1891, 3561, 1897, 1}, {1891, 3664, 1897, 1},
    {1892, 3709, 1899, 1}, {1894, 3765, 1903, 1}, {1898, 3874, 1909, 1}, {1904, 3989, 1917, 1},
    {1912, 4016, 1927, 1}, {1922, 4193, 1940, 1}, {1934, 4264, 1954, 1}, {1949, 4313, 1971, 1},
    {1966, 4463, 1989, 1}, {1984, 4425, 2008, 1}, {2002, 4646, 2025, 1}, {2020, 4688, 2038, 1},
    {2032, 4503, 2041, 1}, {2020, 4276, 2040, 1}, {1972, 4215, 2025, 1}, {1872, 4055, 1978, 57},
    {1689, 3742, 1878, 804}, {1388, 3197, 1695, 1728}, {948, 2209, 1393, 2965}, {434, 1166, 954, 3829},
    {70, 266, 439, 4075}, {0, 5, 75, 2771}, {0, 1, 3, 455}, {0, 1, 2, 2},
};

typedef struct {
    double variance;
    int64_t whole;   /* of the mean */
    double fraction; /* of the mean */
    int64_t last;    /* largest number there is */
    const void *law;
} Hat;

/* log of (scale const/f(k))^2 for a law of cells; x = k - mean. */
typedef double (*Exponent)(const void *law, int64_t k, double x, double scale);

enum { RETRY = 0, KEEP = 1, UNSURE = 2 };

/* What the bits at hand say of a word; level: floor(log2(sigma)), 1..11. */
static inline int glance(uint64_t w, int level) {
    int top = (int)(w >> 57), bits = (int)(w & 2047);
    /* [128 |u|]; a branch would be guessed wrong half the time */
    const Squeeze *q = squeeze + ((top ^ ((top >> 6) - 1)) & 63);
    if (bits < q->low - (q->low_by >> level))
        return KEEP;
    return bits < q->high + (q->high_by >> level) ? UNSURE : RETRY;
}

static inline int level_of(double variance) {
    int level = ((int)(bits_of(variance) >> 52) - 1023) >> 1;
    return level < 11 ? level : 11;
}

typedef struct {
    double spread, a, b;
} Shape;

static inline Shape shape_of(double variance) {
    double spread = sqrt(variance), b = 1.15 + 2.53 * spread;
    return (Shape){spread, 0.0248 * b - 0.0873, b};
}

/* Where a word points, relative to the whole part of the mean; edge: 1/2 - |u|. */
static inline double place_of(const Hat *h, Shape f, uint64_t w, double *edge) {
    double u = (double)(int64_t)(w >> 11) * 0x1p-53 - 0.5;
    *edge = 0.5 - fabs(u);
    return (2.0 * f.a / *edge + f.b) * u + (h->fraction + 0.5);
}

/* Whether a place is kept with this chance: chance <= ratio. *k: its number. */
static inline __attribute__((always_inline)) int keeps(const Hat *h, Shape f, Exponent exponent, double place,
                                                       double edge, double chance, int64_t *k) {
    int64_t off;
    if (!(fabs(place) < 0x1p61))
        return 0;
    off = floor_of(place);
    if (off < -h->whole || off > h->last - h->whole)
        return 0;
    *k = h->whole + off;
    chance *= (2.83 + 5.1 / f.b) * f.spread * edge * edge / (f.a + f.b * edge * edge);
    return exponent(h->law, *k, (double)off - h->fraction, chance) <= 0.0;
}

/* A number of the law; `exponent` is inlined. */
static inline __attribute__((always_inline)) int64_t reject(Stream *s, const Hat *h, Exponent exponent) {
    Shape f = shape_of(h->variance);
    int level = level_of(h->variance);
    for (;;) {
        uint64_t w = stream_next64(s);
        int first = glance(w, level);
        double place, edge;
        int64_t k;
        if (first == RETRY)
            continue;
        place = place_of(h, f, w, &edge);
        if (first == KEEP)
            return h->whole + floor_of(place);
        if (keeps(h, f, exponent, place, edge, ((double)(int64_t)(w & 2047) + stream_double(s)) * 0x1p-11, &k))
            return k;
    }
}

/* For tests: at how many of so many words a glance is wrong, or the ratio above 1. */
__attribute__((unused)) static int64_t mistakes(Stream *s, const Hat *h, Exponent exponent, int64_t count) {
    Shape f = shape_of(h->variance);
    int64_t wrong = 0, k;
    while (count-- > 0) {
        uint64_t w = stream_next64(s);
        double edge, place = place_of(h, f, w, &edge), bits = (double)(int64_t)(w & 2047);
        int first = glance(w, level_of(h->variance));
        wrong += (first == KEEP && !keeps(h, f, exponent, place, edge, (bits + 1.0) * 0x1p-11, &k)) ||
                 (first == RETRY && keeps(h, f, exponent, place, edge, (bits + 0x1p-53) * 0x1p-11, &k)) ||
                 keeps(h, f, exponent, place, edge, 1.0, &k);
    }
    return wrong;
}
