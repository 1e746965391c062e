/* Angles of long turns, less whole turns. */
#pragma once
#include <math.h>

static const double TWO_PI = 6.283185307179586;
static const double TWO_PI_REST = 2.4492935982947064e-16; /* what is left of 2 pi beyond that double */

/* rate t less the nearest multiple of 2 pi, to rounding of the result and not of rate t, up to about 1e16 rad. */
static inline double turned(double rate, double t) {
    const double angle = rate * t, lost = fma(rate, t, -angle), turns = rint(angle / TWO_PI);
    if (!isfinite(angle))
        return 0.0;
    return fma(-turns, TWO_PI_REST, fma(-turns, TWO_PI, angle)) + lost;
}
