/* When within a stretch of time somebody moved, given how the flow went that took him along. */
#pragma once
#include <math.h>

/* Integral from 0 to x of the parabola p[0] + p[1] x + p[2] x^2. */
static inline double profile_area(const double *p, double x) {
    return x * (p[0] + x * (p[1] / 2.0 + x * p[2] / 3.0));
}

/* The moment, as a part of the stretch, in (0, 1], by inversion from luck in (0, 1]: its density is in proportion to
   the parabola through `start`, `middle` and `end`, where that is positive. Uniform where it nowhere is, as for members
   that the correction of a second draw moves against the flow. Sums, products and roots alone: all CPUs agree. */
static inline double profile_moment(double start, double middle, double end, double luck) {
    const double p[3] = {start, 4.0 * middle - 3.0 * start - end, 2.0 * (start + end) - 4.0 * middle};
    double edge[4] = {0.0, 1.0, 1.0, 1.0}, part[3], total = 0.0, low, high, rest, x;
    int pieces = 1, last = -1;
    const double d = p[1] * p[1] - 4.0 * p[2] * p[0];
    if (d > 0.0) { /* roots of either sign of p[1], without cancellation */
        const double q = -0.5 * (p[1] + (p[1] > 0.0 ? sqrt(d) : -sqrt(d)));
        double one = p[2] != 0.0 ? q / p[2] : -1.0, other = q != 0.0 ? p[0] / q : -1.0;
        if (one > other) {
            x = one;
            one = other;
            other = x;
        }
        if (one > 0.0 && one < 1.0)
            edge[pieces++] = one;
        if (other > 0.0 && other < 1.0)
            edge[pieces++] = other;
        edge[pieces] = 1.0;
    }
    for (int i = 0; i < pieces; i++) {
        part[i] = profile_area(p, edge[i + 1]) - profile_area(p, edge[i]);
        if (part[i] > 0.0)
            total += part[i];
    }
    if (!(total > 0.0))
        return luck;
    rest = luck * total;
    for (int i = 0; i < pieces; i++)
        if (part[i] > 0.0) {
            if (last >= 0)
                rest -= part[last];
            last = i;
            if (rest <= part[i])
                break;
        }
    low = edge[last];
    high = edge[last + 1];
    x = low + (high - low) * (rest < part[last] ? rest / part[last] : 1.0);
    rest += profile_area(p, low);
    for (int i = 0; i < 60 && high - low > 1e-15; i++) { /* Newton's steps, halving where one leads out */
        const double off = profile_area(p, x) - rest, slope = p[0] + x * (p[1] + x * p[2]);
        double next = slope > 0.0 ? x - off / slope : -1.0;
        if (off > 0.0)
            high = x;
        else
            low = x;
        if (!(next > low && next < high))
            next = 0.5 * (low + high);
        if (fabs(next - x) < 1e-14)
            return next;
        x = next;
    }
    return x;
}
