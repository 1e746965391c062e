/* Logarithm, exponential and their like from +, -, *, /, square roots and integers alone: the same bits on every
machine, unlike libm's. No kernel calls libm but for what is exact (tests/unit/test_elementary.py).

Right to about 1e-16, relative. Compile with -ffp-contract=off. */
#pragma once
#include <math.h>
#include <stdint.h>
#include <string.h>

#define MAYBE_UNUSED __attribute__((unused)) static

static inline uint64_t bits_of(double x) {
    uint64_t w;
    memcpy(&w, &x, sizeof w);
    return w;
}

static inline double of_bits(uint64_t w) {
    double x;
    memcpy(&x, &w, sizeof x);
    return x;
}

/* Largest whole number not above x, |x| < 2^63. */
static inline int64_t floor_of(double x) {
    int64_t k = (int64_t)x;
    return k - (x < (double)k);
}

/* The larger, and the smaller, of two numbers; of a number and NaN the number. Libraries differ in what they give of 0
and -0: here it is the second. */
static inline double larger_of(double x, double y) { return y != y || x > y ? x : y; }

static inline double smaller_of(double x, double y) { return y != y || x < y ? x : y; }

/* a b, rounded, and *rest, what the rounding took off, to 1e-32 of a b: halves of 26 and 27 bits have exact products. */
static inline double two_product(double a, double b, double *rest) {
    const double product = a * b, a1 = of_bits(bits_of(a) & 0xfffffffff8000000u), a2 = a - a1;
    const double b1 = of_bits(bits_of(b) & 0xfffffffff8000000u), b2 = b - b1;
    *rest = (((a1 * b1 - product) + a1 * b2) + a2 * b1) + a2 * b2;
    return product;
}

/* sqrt(x^2 + y^2), h, less (h^2 - x^2 - y^2)/(2h), what it errs by, worked out so that little cancels (Borges,
arXiv:1904.09481); where x^2 or y^2 cannot be had both are scaled. */
static inline double length_of(double x, double y) {
    const double u = fabs(x), w = fabs(y), most = u > w ? u : w, least = u > w ? w : u;
    if (!(most > 0.0 && most < (double)INFINITY && least == least) || least <= most * 0x1p-54)
        return u + w;
    const double by = most > 0x1p+500 ? 0x1p-600 : least < 0x1p-400 ? 0x1p+600 : 1.0, a = most * by, b = least * by;
    double h = sqrt(a * a + b * b), more, off;
    if (h <= 2.0 * b) {
        more = h - b;
        off = a * (2.0 * more - a) + (more - 2.0 * (a - b)) * more;
    } else {
        more = h - a;
        off = 2.0 * more * (a - 2.0 * b) + ((4.0 * more - b) * b + more * more);
    }
    h -= off / (2.0 * h);
    return by == 1.0 ? h : h / by;
}

/* log of a positive normal number: x = 2^e (1 + f), s = f/(2 + f), log(1 + f) = 2 atanh(s).

Coefficients of fdlibm (Sun Microsystems, 1993); the loop over many of them vectorises. */
static inline double log_of(double x) {
    uint64_t w = bits_of(x), above = w - 0x3fe6a09e667f3bcdu; /* sqrt(1/2) */
    double m = of_bits(w - (above & 0xfff0000000000000u));
    /* the exponent as a double, by way of 2^52: no conversion of 64-bit integers */
    double e = of_bits(((above + 0x4000000000000000u) >> 52) | 0x4330000000000000u) - (0x1p52 + 0x1p10);
    double f = m - 1.0, s = f / (2.0 + f), z = s * s, y = z * z, h = 0.5 * f * f;
    double odd = z * (6.666666666666735130e-01 +
                      y * (2.857142874366239149e-01 + y * (1.818357216161805012e-01 + y * 1.479819860511658591e-01)));
    double even = y * (3.999999999940941908e-01 + y * (2.222219843214978396e-01 + y * 1.531383769920937332e-01));
    return e * 0x1.62e42fec00000p-1 - ((h - (s * (h + (odd + even)) + e * 0x1.d1cf79abc9e3bp-32)) - f);
}

/* log(1 - p), 0 <= p < 1, to 14 digits and, where p is small, to the last. */
static inline double log_rest(double p) {
    double z = p * p;
    if (p > 0.01)
        return log_of(1.0 - p);
    return -p * (((1.0 + p * (1.0 / 2.0)) + z * (1.0 / 3.0 + p * (1.0 / 4.0))) +
                 z * z * ((1.0 / 5.0 + p * (1.0 / 6.0)) + z * (1.0 / 7.0 + p * (1.0 / 8.0))));
}

static const double root_of_2[32] = { /* 2^(j/32) */
    0x1.0000000000000p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0,
    0x1.172b83c7d517bp+0, 0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0,
    0x1.306fe0a31b715p+0, 0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0,
    0x1.4bfdad5362a27p+0, 0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0,
    0x1.6a09e667f3bcdp+0, 0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0,
    0x1.8ace5422aa0dbp+0, 0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0,
    0x1.ae89f995ad3adp+0, 0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0,
    0x1.d5818dcfba487p+0, 0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0,
};

/* exp(x) and 1 - exp(x), |x| < 700, each to its last digits. */
static inline void exp_of(double x, double *value, double *rest) {
    double shifted = x * 0x1.71547652b82fep+5 + 0x1.8p52, k = shifted - 0x1.8p52; /* the nearest whole number */
    uint64_t w = bits_of(shifted);
    double r = (x - k * 0x1.62e42fee00000p-6) - k * 0x1.a39ef35793c76p-38, z = r * r;
    double more = r + z * ((0.5 + r * (1.0 / 6.0)) + z * ((1.0 / 24.0 + r * (1.0 / 120.0)) + z * (1.0 / 720.0)));
    double t = of_bits(bits_of(root_of_2[w & 31]) + (w >> 5 << 52)); /* 2^(k/32) */
    *value = t + t * more;
    *rest = (1.0 - t) - t * more;
}
