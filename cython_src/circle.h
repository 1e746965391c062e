/* Sine, cosine and the angle of a point, from +, -, *, / and integers alone: the same bits on every machine.

Each is the double nearest to the true value but in one case of some thousands, where it is the next one (0.502 units
of the last place, tests/unit/test_elementary.py). Compile with -ffp-contract=off. */
#pragma once
#include "elementary.h"

/* sin(j pi/128) as a sum of two doubles. The first has 27 bits, so that its products with 26 bits are exact. */
static const double sine_at[65][2] = {
    {0.0, 0.0}, {0x1.92155f8000000p-6, -0x1.7266081b1d631p-36},
    {0x1.91f65f0000000p-5, 0x1.0dd813e6ed42fp-33}, {0x1.2d52094000000p-4, -0x1.31e60a3341115p-32},
    {0x1.917a6bc000000p-4, 0x1.4da15f0ec7397p-35}, {0x1.f564e58000000p-4, -0x1.568cf1cbb1f72p-32},
    {0x1.2c81070000000p-3, -0x1.719ec5dd9ffebp-31}, {0x1.5e21444000000p-3, 0x1.167f8ca98ffbcp-32},
    {0x1.8f8b83c000000p-3, 0x1.a6982ad92e646p-33}, {0x1.c0b826c000000p-3, -0x1.81b09d035e287p-31},
    {0x1.f19f97c000000p-3, -0x1.bd41caa16f779p-32}, {0x1.111d264000000p-2, -0x1.4e09889f6cf7dp-30},
    {0x1.2940630000000p-2, -0x1.2a60fa574a369p-30}, {0x1.4135c94000000p-2, 0x1.766014325f12cp-34},
    {0x1.58f9a74000000p-2, 0x1.ab1fdcfe1023fp-30}, {0x1.7088530000000p-2, 0x1.f48b3d5da7310p-31},
    {0x1.87de2a8000000p-2, -0x1.51569d2e59dbap-30}, {0x1.9ef7944000000p-2, -0x1.5c49d7492bf6bp-32},
    {0x1.b5d1008000000p-2, 0x1.e15cc02b66c59p-30}, {0x1.cc66e98000000p-2, 0x1.31c45e16850e6p-30},
    {0x1.e2b5d38000000p-2, 0x1.bd8ec78362475p-36}, {0x1.f8ba4dc000000p-2, -0x1.d951812ec1fc2p-36},
    {0x1.0738798000000p-1, 0x1.22ffed9697fafp-29}, {0x1.11eb354000000p-1, 0x1.b4b2284371259p-33},
    {0x1.1c73b38000000p-1, 0x1.ae68c86c9774ap-29}, {0x1.26d054c000000p-1, 0x1.ba25bd512c5e1p-30},
    {0x1.30ff7fc000000p-1, 0x1.c2e069c20673bp-30}, {0x1.3affa28000000p-1, 0x1.2050b93c7c4bcp-29},
    {0x1.44cf324000000p-1, 0x1.091dd618076a3p-29}, {0x1.4e6cabc000000p-1, -0x1.c1a16ec3d6c12p-33},
    {0x1.57d6934000000p-1, 0x1.19d93f4546fb3p-30}, {0x1.610b754000000p-1, 0x1.1d2cdedb5c996p-29},
    {0x1.6a09e68000000p-1, -0x1.80c4336f74d05p-29}, {0x1.72d0838000000p-1, -0x1.00069bcac43c4p-33},
    {0x1.7b5df24000000p-1, -0x1.95505121ea6f6p-29}, {0x1.83b0e0c000000p-1, -0x1.a248b7a107c75p-39},
    {0x1.8bc806c000000p-1, -0x1.d5d17e962f097p-30}, {0x1.93a2248000000p-1, 0x1.9263fb4f5066ap-29},
    {0x1.9b3e048000000p-1, -0x1.8f17e98771434p-34}, {0x1.a29a7a0000000p-1, 0x1.189e0776ba27fp-31},
    {0x1.a9b6628000000p-1, 0x1.0ea1a3033ec62p-29}, {0x1.b090a58000000p-1, 0x1.501ff9b649740p-33},
    {0x1.b728344000000p-1, 0x1.196e3d90e5833p-29}, {0x1.bd7c0ac000000p-1, 0x1.be54a67da58cdp-31},
    {0x1.c38b2f0000000p-1, 0x1.80bdb0d23e9d1p-29}, {0x1.c954b20000000p-1, 0x1.3411f4f68244fp-29},
    {0x1.ced7af4000000p-1, 0x1.e63b978612513p-32}, {0x1.d4134d0000000p-1, 0x1.4dc939ac42b5bp-29},
    {0x1.d906bd0000000p-1, -0x1.9ae573aea067cp-30}, {0x1.ddb13b8000000p-1, -0x1.333dc39f0f20ep-29},
    {0x1.e212104000000p-1, 0x1.ed0dc97f59c4ap-30}, {0x1.e6288ec000000p-1, 0x1.238447ba52a43p-31},
    {0x1.e9f4158000000p-1, -0x1.39d225a27d387p-29}, {0x1.ed740e8000000p-1, -0x1.2f6d3985f4e1cp-30},
    {0x1.f0a7efc000000p-1, -0x1.b73ca3569c292p-31}, {0x1.f38f3ac000000p-1, 0x1.9396231422825p-31},
    {0x1.f6297d0000000p-1, -0x1.1469faa77a357p-34}, {0x1.f8764fc000000p-1, -0x1.8eb456ca9b531p-29},
    {0x1.fa75580000000p-1, -0x1.eeb5d2bd05465p-30}, {0x1.fc26470000000p-1, 0x1.c33fa68f64334p-30},
    {0x1.fd88da4000000p-1, -0x1.76d6d30fbec6fp-32}, {0x1.fe9cdac000000p-1, 0x1.01883a1521ecdp-29},
    {0x1.ff621e4000000p-1, -0x1.0d250438af786p-30}, {0x1.ffd8860000000p-1, 0x1.099a19765595dp-30},
    {0x1.0000000000000p+0, 0.0},
};

static const uint64_t two_over_pi[20] = { /* the first 1280 bits of 2/pi */
    0xa2f9836e4e441529u, 0xfc2757d1f534ddc0u, 0xdb6295993c439041u, 0xfe5163abdebbc561u, 0xb7246e3a424dd2e0u,
    0x06492eea09d1921cu, 0xfe1deb1cb129a73eu, 0xe88235f52ebb4484u, 0xe99c7026b45f7e41u, 0x3991d639835339f4u,
    0x9c845f8bbdf9283bu, 0x1ff897ffde05980fu, 0xef2f118b5a0a6d1fu, 0x6d367ecf27cb09b7u, 0x4f463f669e5fea2du,
    0x7527bac7ebe5f17bu, 0x3d0739f78a5292eau, 0x6bfb5fb11f8d5d08u, 0x56033046fc7b6babu, 0xf0cfbc209af4361du,
};

/* 64 bits of a number of five words, lowest first, from the bit `from` upwards; beyond the number all are 0. */
static uint64_t bits_from(const uint64_t *number, int64_t from) {
    const int64_t word = from >= 0 ? from >> 6 : -((63 - from) >> 6), shift = from & 63;
    const uint64_t low = word >= 0 && word < 5 ? number[word] : 0, high = word >= -1 && word < 4 ? number[word + 1] : 0;
    return shift ? low >> shift | high << (64 - shift) : low;
}

/* x > 2^-40 as k pi/128 + *r + *rest: the way for large x, and where x lies so near to k pi/128 that little is left. */
MAYBE_UNUSED __attribute__((noinline)) uint64_t long_way_round(double x, double *r, double *rest) {
    const uint64_t m = (bits_of(x) & 0xfffffffffffffu) | 0x10000000000000u;
    const int64_t e = (int64_t)(bits_of(x) >> 52) - 1075, first = e < 2 ? 0 : (e - 2) >> 6;
    const int64_t point = 64 * (first + 4) - (e + 6); /* the bit of m 2/pi that is worth 1/64 quarter turn */
    uint64_t product[5] = {0}, part[3], k, negative;
    for (int64_t i = 0; i < 4; i++) { /* what is left out above is worth whole turns */
        const unsigned __int128 sum = (unsigned __int128)two_over_pi[first + 3 - i] * m + product[i];
        product[i] = (uint64_t)sum;
        product[i + 1] = (uint64_t)(sum >> 64);
    }
    k = bits_from(product, point);
    for (int i = 0; i < 3; i++)
        part[i] = bits_from(product, point - 64 * (i + 1));
    negative = part[0] >> 63; /* nearer to the next k */
    if (negative) {
        k++;
        for (int i = 0; i < 3; i++)
            part[i] = ~part[i];
    }
    double scale = 1.0;
    while (!(part[0] >> 63)) {
        part[0] = part[0] << 1 | part[1] >> 63;
        part[1] = part[1] << 1 | part[2] >> 63;
        part[2] <<= 1;
        scale *= 0.5;
    }
    /* 106 bits in two doubles, times pi/128 */
    const double a = (double)(int64_t)(part[0] >> 11) * 0x1p-53;
    const double b = (double)(int64_t)((part[0] & 0x7ffu) << 42 | part[1] >> 22) * 0x1p-106;
    const double unit = 0x1.921fb54442d18p-6, more = 0x1.1a62633145c07p-60;
    double lost;
    *r = two_product(a, unit, &lost);
    *rest = (lost + (a * more + b * unit)) * scale;
    *r *= scale;
    if (negative) {
        *r = -*r;
        *rest = -*rest;
    }
    return k;
}

/* Sine and cosine of k pi/128 + r + rest, |r| <= pi/256 and a little. */
static inline void on_circle(uint64_t k, double r, double rest, double *sine, double *cosine) {
    const double *at = sine_at[k & 63], *across = sine_at[64 - (k & 63)];
    const double s1 = at[0], s2 = at[1], c1 = across[0], c2 = across[1], s = s1 + s2, c = c1 + c2;
    const double r1 = of_bits(bits_of(r) & 0xfffffffff8000000u), r2 = (r - r1) + rest, q = r * r;
    const double bent = r * q * (-1.0 / 6.0 + q * (1.0 / 120.0 - q * (1.0 / 5040.0))); /* sin r - r, cos r - 1 */
    const double short_by = q * (-0.5 + q * (1.0 / 24.0 - q * (1.0 / 720.0)));
    const double up = c1 * r1, down = -(s1 * r1), y = s1 + up, x = c1 + down; /* up and down are exact */
    const double sin_r = y + (((s1 - y) + up) + ((s2 + (c1 * r2 + c2 * r)) + (s * short_by + c * bent)));
    const double cos_r = x + (((c1 - x) + down) + ((c2 - (s1 * r2 + s2 * r)) + (c * short_by - s * bent)));
    const uint64_t quarter = k >> 6;
    *sine = of_bits(bits_of(quarter & 1 ? cos_r : sin_r) ^ (quarter & 2) << 62);
    *cosine = of_bits(bits_of(quarter & 1 ? sin_r : cos_r) ^ ((quarter + 1) & 2) << 62);
}

/* Arguments that the short way does not suit: large ones, tiny ones, near multiples of pi/128, NaN and infinity. */
MAYBE_UNUSED __attribute__((noinline)) void sin_cos_of_odd(double x, double *sine, double *cosine) {
    const double size = fabs(x);
    double r, rest;
    if (size < 0x1p-40) {
        *sine = x;
        *cosine = 1.0;
    } else if (!(size < (double)INFINITY)) {
        *sine = *cosine = x - x;
    } else {
        const uint64_t k = long_way_round(size, &r, &rest);
        on_circle(k, r, rest, sine, cosine);
        *sine = x < 0.0 ? -*sine : *sine;
    }
}

/* Both at once, of any angle x, rad. */
static inline void sin_cos_of(double x, double *sine, double *cosine) {
    const double shifted = x * 0x1.45f306dc9c883p+5 + 0x1.8p52, k = shifted - 0x1.8p52; /* the nearest whole number */
    const double near = x - k * 0x1.921fb54400000p-6, step = k * 0x1.0b4611a600000p-40, r = near - step; /* exact */
    const double back = near - r, rest = ((back - step) + (near - (r + back))) - k * 0x1.3198a2e037073p-75;
    if (!(fabs(x) < 25000.0) || fabs(r) < 0x1p-40)
        sin_cos_of_odd(x, sine, cosine);
    else
        on_circle(bits_of(shifted), r, rest, sine, cosine);
}

static inline double sin_of(double x) {
    double sine, cosine;
    sin_cos_of(x, &sine, &cosine);
    return sine;
}

static inline double cos_of(double x) {
    double sine, cosine;
    sin_cos_of(x, &sine, &cosine);
    return cosine;
}

static const double arc_at[65][2] = { /* arctan(j/64) as a sum of two doubles */
    {0.0, 0.0}, {0x1.fff555bbb729bp-7, -0x1.220c39d4dff50p-61},
    {0x1.ffd55bba97625p-6, -0x1.5ec431444912cp-60}, {0x1.7fb818430da2ap-5, -0x1.86ef8f794f105p-63},
    {0x1.ff55bb72cfdeap-5, -0x1.c934d86d23f1dp-60}, {0x1.3f59f0e7c559dp-4, 0x1.ac4ce285df847p-58},
    {0x1.7ee182602f10fp-4, -0x1.cfb654c0c3d98p-58}, {0x1.be39ebe6f07c3p-4, 0x1.f7b8f29a05987p-58},
    {0x1.fd5ba9aac2f6ep-4, -0x1.cd37686760c17p-59}, {0x1.1e1fafb043727p-3, -0x1.b485914dacf8cp-59},
    {0x1.3d6eee8c6626cp-3, 0x1.61a3b0ce9281bp-57}, {0x1.5c9811e3ec26ap-3, -0x1.054ab2c010f3dp-58},
    {0x1.7b97b4bce5b02p-3, 0x1.347b0b4f881cap-58}, {0x1.9a6a8e96c8626p-3, 0x1.cf601e7b4348ep-59},
    {0x1.b90d7529260a2p-3, 0x1.17b10d2e0e5abp-61}, {0x1.d77d5df205736p-3, 0x1.c648d1534597ep-57},
    {0x1.f5b75f92c80ddp-3, 0x1.8ab6e3cf7afbdp-57}, {0x1.09dc597d86362p-2, 0x1.62e47390cb865p-56},
    {0x1.18bf5a30bf178p-2, 0x1.30ca4748b1bf9p-57}, {0x1.278372057ef46p-2, -0x1.077cdd36dfc81p-56},
    {0x1.362773707ebccp-2, -0x1.963a544b672d8p-57}, {0x1.44aa436c2af0ap-2, -0x1.5d5e43c55b3bap-56},
    {0x1.530ad9951cd4ap-2, -0x1.2566480884082p-57}, {0x1.614840309cfe2p-2, -0x1.a725715711f00p-56},
    {0x1.6f61941e4def1p-2, -0x1.c63aae6f6e918p-56}, {0x1.7d5604b63b3f7p-2, 0x1.69c885c2b249ap-56},
    {0x1.8b24d394a1b25p-2, 0x1.b6d0ba3748fa8p-56}, {0x1.98cd5454d6b18p-2, 0x1.9e6c988fd0a77p-56},
    {0x1.a64eec3cc23fdp-2, -0x1.24dec1b50b7ffp-56}, {0x1.b3a911da65c6cp-2, 0x1.ae187b1ca5040p-56},
    {0x1.c0db4c94ec9f0p-2, -0x1.cc1ce70934c34p-56}, {0x1.cde53432c1351p-2, -0x1.a2cfa4418f1adp-56},
    {0x1.dac670561bb4fp-2, 0x1.a2b7f222f65e2p-56}, {0x1.e77eb7f175a34p-2, 0x1.0e53dc1bf3435p-56},
    {0x1.f40dd0b541418p-2, -0x1.a3992dc382a23p-57}, {0x1.0039c73c1a40cp-1, -0x1.b32c949c9d593p-55},
    {0x1.0657e94db30d0p-1, -0x1.d5b495f6349e6p-56}, {0x1.0c6145b5b43dap-1, 0x1.974fa13b5404fp-58},
    {0x1.1255d9bfbd2a9p-1, -0x1.2bdaee1c0ee35p-58}, {0x1.1835a88be7c13p-1, 0x1.c621cec00c301p-55},
    {0x1.1e00babdefeb4p-1, -0x1.928df287a668fp-58}, {0x1.23b71e2cc9e6ap-1, 0x1.c421c9f38224ep-57},
    {0x1.2958e59308e31p-1, -0x1.09e73b0c6c087p-56}, {0x1.2ee628406cbcap-1, 0x1.c5d5e9ff0cf8dp-55},
    {0x1.345f01cce37bbp-1, 0x1.1021137c71102p-55}, {0x1.39c391cd4171ap-1, -0x1.2304331d8bf46p-55},
    {0x1.3f13fb89e96f4p-1, 0x1.ecf8b492644f0p-56}, {0x1.445065b795b56p-1, -0x1.f76d0163f79c8p-56},
    {0x1.4978fa3269ee1p-1, 0x1.2419a87f2a458p-56}, {0x1.4e8de5bb6ec04p-1, 0x1.4a33dbeb3796cp-55},
    {0x1.538f57b89061fp-1, -0x1.1bb74abda520cp-55}, {0x1.587d81f732fbbp-1, -0x1.5e5c9d8c5a950p-56},
    {0x1.5d58987169b18p-1, 0x1.0028e4bc5e7cap-57}, {0x1.6220d115d7b8ep-1, -0x1.2b785350ee8c1p-57},
    {0x1.66d663923e087p-1, -0x1.6ea6febe8bbbap-56}, {0x1.6b798920b3d99p-1, -0x1.a80386188c50ep-55},
    {0x1.700a7c5784634p-1, -0x1.8c34d25aadef6p-56}, {0x1.748978fba8e0fp-1, 0x1.7b2a6165884a1p-59},
    {0x1.78f6bbd5d315ep-1, 0x1.406a089803740p-55}, {0x1.7d528289fa093p-1, 0x1.560821e2f3aa9p-55},
    {0x1.819d0b7158a4dp-1, -0x1.bf76229d3b917p-56}, {0x1.85d69576cc2c5p-1, 0x1.6b66e7fc8b8c3p-57},
    {0x1.89ff5ff57f1f8p-1, -0x1.55b9a5e177a1bp-55}, {0x1.8e17aa99cc05ep-1, -0x1.ec182ab042f61p-56},
    {0x1.921fb54442d18p-1, 0x1.1a62633145c07p-55},
};

static double angle_of(double y, double x);

/* Where one of x, y is 0, infinite or no number, or so large or small that squares and halves of it cannot be had. */
MAYBE_UNUSED __attribute__((noinline)) double angle_of_odd(double y, double x) {
    const double u = fabs(x), w = fabs(y), most = u > w ? u : w, by = most < 1.0 ? 0x1p+600 : 0x1p-600;
    if (x != x || y != y)
        return x + y;
    if (most == 0.0)
        return copysign(signbit(x) ? 0x1.921fb54442d18p+1 : 0.0, y);
    if (most > 0x1.fffffffffffffp+1023)
        return angle_of(copysign(w == most ? 1.0 : 0.0, y), copysign(u == most ? 1.0 : 0.0, x));
    if (w < u * 0x1p-60 && x > 0.0)
        return y / x;
    return angle_of(y * by, x * by);
}

/* The angle of the point (x, y), rad in [-pi, pi], as atan2(y, x). */
static double angle_of(double y, double x) {
    const double u = fabs(x), w = fabs(y), b = w > u ? w : u, a = w > u ? u : w;
    if (!(b < 0x1p+400 && b > 0x1p-400) || (a < 0x1p-900 && a > 0.0 && w < u && x > 0.0))
        return angle_of_odd(y, x); /* what rounding took off a would be below the least number there is */
    /* arctan(a/b) = arctan(t) + arctan((a - t b)/(b + t a)), t = j/64 */
    const double shifted = 64.0 * (a / b) + 0x1.8p52, t = (shifted - 0x1.8p52) * 0x1p-6;
    const double *at = arc_at[bits_of(shifted) & 127];
    const double b1 = of_bits(bits_of(b) & 0xffffffffffffe000u), a1 = of_bits(bits_of(a) & 0xffffffffffffe000u);
    const double n1 = a - t * b1, n2 = -(t * (b - b1)), n = n1 + n2, n_rest = (n1 - n) + n2;
    const double d1 = t * a1, d = b + d1, d_rest = ((b - d) + d1) + t * (a - a1), over = 1.0 / d;
    double v = n * over, lost, product = two_product(v, d, &lost);
    const double rest = (((n - product) - lost) + (n_rest - v * d_rest)) * over, z = v * v;
    const double bent = v * z * (-1.0 / 3.0 + z * (1.0 / 5.0 - z * (1.0 / 7.0 - z * (1.0 / 9.0))));
    /* in the other eighths of the circle */
    const int steep = w > u, left = signbit(x) != 0;
    const double whole = steep ? 0x1.921fb54442d18p+0 : left ? 0x1.921fb54442d18p+1 : 0.0;
    const double more = steep ? 0x1.1a62633145c07p-54 : left ? 0x1.1a62633145c07p-53 : 0.0;
    const double sign = steep != left ? -1.0 : 1.0, arc = sign * at[0], turn = sign * v;
    const double e = whole + arc, f = e + turn;
    const double small = ((whole - e) + arc) + (more + sign * (at[1] + (rest + bent)));
    return copysign(f + (((e - f) + turn) + small), y);
}
