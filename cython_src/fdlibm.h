/* log(1 + x) and erfc(x) as in fdlibm, from +, -, *, / and integers alone: the same bits on every machine.

Copyright (C) 1993 by Sun Microsystems, Inc. All rights reserved. Developed at SunSoft, a Sun Microsystems business.
Permission to use, copy, modify, and distribute this software is freely granted, provided that this notice is preserved.

Right to about 1 unit of the last place. Compile with -ffp-contract=off. */
#pragma once
#include "elementary.h"

/* log(1 + x), x > -1, with 1 + x = 2^k (1 + f): in the order of glibc's log1p, whose bits these are. */
static inline double log1p_of(double x) {
    double f = x, u, c = 0.0, k = 0.0, half, s, z, z2, z4, even;
    if (fabs(x) < 0x1p-29)
        return fabs(x) < 0x1p-54 ? x : x - x * x * 0.5;
    if (!(x > -1.0 && x < 0x1p+53))
        return x == -1.0 ? -(double)INFINITY : x > -1.0 ? (x < (double)INFINITY ? log_of(x) : x) : x + (x - x) / 0.0;
    /* bounds of the high word: sqrt(2) - 1 and sqrt(1/2) - 1 */
    if (!(bits_of(x) >> 32 < 0x3fda827au || (x < 0.0 && bits_of(x) >> 32 <= 0xbfd2bec3u))) {
        uint64_t w;
        int64_t e;
        u = 1.0 + x;
        w = bits_of(u);
        e = (int64_t)(w >> 52) - 1023;
        c = (e > 0 ? 1.0 - (u - x) : x - (u - 1.0)) / u; /* what rounding took off 1 + x */
        w &= 0xfffffffffffffu;
        if (w >> 32 < 0x6a09eu)
            w |= 0x3ff0000000000000u;
        else {
            w |= 0x3fe0000000000000u;
            e++;
        }
        f = of_bits(w) - 1.0;
        k = (double)e;
        half = 0.5 * f * f;
        if ((w >> 32 & 0xfffffu) == 0 || (w >> 32 & 0xfffffu) == 0xfffffu) { /* |f| < 2^-20 */
            const double lost = half * (1.0 - 0.66666666666666666 * f);
            return f == 0.0 ? k * 6.93147180369123816490e-01 + (c + k * 1.90821492927058770002e-10)
                            : k * 6.93147180369123816490e-01 - ((lost - (k * 1.90821492927058770002e-10 + c)) - f);
        }
    }
    half = 0.5 * f * f;
    s = f / (2.0 + f);
    z = s * s;
    z2 = z * z;
    z4 = z2 * z2;
    even = z * 6.666666666666735130e-01 + z2 * (3.999999999940941908e-01 + z * 2.857142874366239149e-01) +
           z4 * (2.222219843214978396e-01 + z * 1.818357216161805012e-01) +
           (z4 * z2) * (1.531383769920937332e-01 + z * 1.479819860510658591e-01);
    if (k == 0.0)
        return f - (half - s * (half + even));
    return k * 6.93147180369123816490e-01 - ((half - (s * (half + even) + (k * 1.90821492927058770002e-10 + c))) - f);
}

/* c[0] + c[1] x + ... + c[n - 1] x^(n-1) */
static inline double series_at(double x, const double *c, int n) {
    double sum = c[n - 1];
    for (int i = n - 2; i >= 0; i--)
        sum = c[i] + x * sum;
    return sum;
}

/* Quotients of polynomials, numerators and denominators, on [0, 0.84), [0.84, 1.25), [1.25, 1/0.35) and beyond. */
static const double erfc_terms[4][2][9] = {
    {{1.28379167095512558561e-01, -3.25042107247001499370e-01, -2.84817495755985104766e-02,
      -5.77027029648944159157e-03, -2.37630166566501626084e-05},
     {1.0, 3.97917223959155352819e-01, 6.50222499887672944485e-02, 5.08130628187576562776e-03,
      1.32494738004321644526e-04, -3.96022827877536812320e-06}},
    {{-2.36211856075265944077e-03, 4.14856118683748331666e-01, -3.72207876035701323847e-01,
      3.18346619901161753674e-01, -1.10894694282396677476e-01, 3.54783043256182359371e-02,
      -2.16637559486879084300e-03},
     {1.0, 1.06420880400844228286e-01, 5.40397917702171048937e-01, 7.18286544141962662868e-02,
      1.26171219808761642112e-01, 1.36370839120290507362e-02, 1.19844998467991074170e-02}},
    {{-9.86494403484714822705e-03, -6.93858572707181764372e-01, -1.05586262253232909814e+01,
      -6.23753324503260060396e+01, -1.62396669462573470355e+02, -1.84605092906711035994e+02,
      -8.12874355063065934246e+01, -9.81432934416914548592e+00},
     {1.0, 1.96512716674392571292e+01, 1.37657754143519042600e+02, 4.34565877475229228821e+02,
      6.45387271733267880336e+02, 4.29008140027567833386e+02, 1.08635005541779435134e+02,
      6.57024977031928170135e+00, -6.04244152148580987438e-02}},
    {{-9.86494292470009928597e-03, -7.99283237680523006574e-01, -1.77579549177547519889e+01,
      -1.60636384855821916062e+02, -6.37566443368389627722e+02, -1.02509513161107724954e+03,
      -4.83519191608651397019e+02},
     {1.0, 3.03380607434824582924e+01, 3.25792512996573918826e+02, 1.53672958608443695994e+03,
      3.19985821950859553908e+03, 2.55305040643316442583e+03, 4.74528541206955367215e+02,
      -2.24409524465858183362e+01}},
};

/* What of Gauss's curve, 2/sqrt(pi) exp(-t^2), lies beyond x >= 0. */
static inline double erfc_of(double x) {
    const int part = x < 0.84375 ? 0 : x < 1.25 ? 1 : x < 1.0 / 0.35 ? 2 : 3;
    const double s = part == 0 ? x * x : part == 1 ? x - 1.0 : 1.0 / (x * x);
    double near, first, second, rest, ratio;
    if (!(x < 26.0))
        return x != x ? x : 0.0; /* below 1e-295 */
    ratio = series_at(s, erfc_terms[part][0], 9) / series_at(s, erfc_terms[part][1], 9);
    if (part == 0)
        return x < 0.25 ? 1.0 - (x + x * ratio) : 0.5 - (x - 0.5 + x * ratio);
    if (part == 1)
        return 1.0 - 8.45062911510467529297e-01 - ratio;
    near = of_bits(bits_of(x) & 0xffffffff00000000u); /* its square is exact */
    exp_of(-near * near - 0.5625, &first, &rest);
    exp_of((near - x) * (near + x) + ratio, &second, &rest);
    return first * second / x;
}
