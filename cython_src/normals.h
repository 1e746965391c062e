/* Standard normals from a stream: Box and Muller's pairs, one word each.

The upper 40 bits of a word give the radius, which so ends at 7.5 standard deviations, the lower 24 the angle. */
#pragma once
#include "elementary.h"
#include "streams.h"
#include "wide.h"

enum { BATCH = 256 }; /* words whose normals are worked out together; the order of the normals hangs on it */

/* Two normals from one word. The angle in (-pi/4, pi/4) is turned by pi/4 into the first quadrant, r (cos - sin, cos +
sin)/sqrt(2); two bits choose the signs. sin and cos with fdlibm's coefficients; all of it vectorises. */
static inline void pair_of(uint64_t w, double *first, double *second) {
    double radius = sqrt(-log_of(of_bits((w >> 24 << 12) | 0x3ff0000000000800u) - 1.0)); /* without its sqrt(2) */
    double x = (of_bits((w & 0x3fffffu) << 30 | 0x3ff0000020000000u) - 1.5) * 0x1.921fb54442d18p+0;
    double z = x * x;
    double sine = x + x * z * (-1.66666666666666324348e-01 + z * (8.33333333332248946124e-03 +
                  z * (-1.98412698298579493134e-04 + z * (2.75573137070700676789e-06 +
                  z * (-2.50507602534068634195e-08 + z * 1.58969099521155010221e-10)))));
    double cosine = 1.0 - 0.5 * z + z * z * (4.16666666666666019037e-02 + z * (-1.38888888888741095749e-03 +
                    z * (2.48015872894767294178e-05 + z * (-2.75573143513906633035e-07 +
                    z * (2.08757232129817482790e-09 + z * -1.13596475577881948265e-11)))));
    *first = of_bits(bits_of(radius * (cosine - sine)) ^ ((w & 0x400000u) << 41));
    *second = of_bits(bits_of(radius * (cosine + sine)) ^ ((w & 0x800000u) << 40));
}

COPYMPI_WIDE __attribute__((unused)) static void pairs_of(int64_t count, const uint64_t *restrict word,
                                                          double *restrict first, double *restrict second) {
    for (int64_t i = 0; i < count; i++)
        pair_of(word[i], first + i, second + i);
}

/* `count` standard normals: as many words as pairs are begun. */
__attribute__((unused)) static void draw_normals(Stream *s, int64_t count, double *out) {
    uint64_t word[BATCH];
    while (count > 1) {
        int64_t pairs = count < 2 * BATCH ? count / 2 : BATCH;
        stream_fill(s, pairs, word);
        pairs_of(pairs, word, out, out + pairs);
        out += 2 * pairs;
        count -= 2 * pairs;
    }
    if (count) {
        double other;
        pair_of(stream_next64(s), out, &other);
    }
}

/* One standard normal; the other of its pair is kept for the next call. */
static inline double draw_normal(Stream *s) {
    double drawn;
    if (s->has_normal) {
        s->has_normal = 0;
        return s->normal;
    }
    pair_of(stream_next64(s), &drawn, &s->normal);
    s->has_normal = 1;
    return drawn;
}
