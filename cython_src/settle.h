/* The end of a step beyond N = 2^63, tile by tile where no beable has a whole number of members: loops of one kind each,
   which compilers make vectors of. */
#pragma once
#include "diagonals.h"

/* Mean and deviation of one part (re or im) of n beables, scaled; grow: relative change of their sum by spectators. */
static inline void scale_both(int64_t n, const double *restrict mean, const double *restrict deviation,
                              const double *restrict grow, double norm, double norm_of_c, double *restrict c,
                              double *restrict scaled) {
    const double off = norm_of_c - norm;
    for (int64_t a = 0; a < n; a++) {
        c[a] = norm_of_c * (deviation[a] + grow[a] * (mean[a] + deviation[a])) + off * mean[a];
        scaled[a] = norm * mean[a];
    }
}

/* Mean and deviation (2, P) of a tile at the step's end, scaled to c and `scaled`, if all its beables are calm, need no
   whole number (n < 0) and have `fewest` members or more, with `last` added. Returns whether they do. */
PASS int settle_many(const Diagonals *d, int64_t tile, const double *restrict calm, const int64_t *restrict n,
                     const double *restrict mean, const double *restrict deviation, const double *restrict last,
                     double fewest, double norm, double norm_of_c, double *restrict c, double *restrict scaled) {
    const int64_t P = d->P, t = tile * TILE, some = least(TILE, P - t);
    double grow[TILE];
    int64_t few = 0;
    for (int64_t a = 0; a < some; a++) {
        const double x = mean[t + a] + deviation[t + a], y = mean[P + t + a] + deviation[P + t + a];
        const double m = x * x + y * y, more = last[t + a];
        grow[a] = m > 0.0 ? stretch(more / m) : 0.0;
        few += m + more >= fewest ? 0 : 1;
        few += n[t + a] < 0 ? 0 : 1;
        few += calm[t + a] != 0.0 ? 0 : 1;
    }
    if (few)
        return 0;
    scale_both(some, mean + t, deviation + t, grow, norm, norm_of_c, c + t, scaled + t);
    scale_both(some, mean + P + t, deviation + P + t, grow, norm, norm_of_c, c + P + t, scaled + P + t);
    return 1;
}
