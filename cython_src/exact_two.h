/* One pair of beables alone: the steps of exact.h, operation by operation, with all numbers at hand. */
#pragma once
#include "exact.h"

/* As exact_look, exact_expand, exact_draw and exact_turn: the time of the next copy, and who copies whom; or of the
   horizon, *from = -1; or a negative number where the horizon is below `smallest`. */
static double exact_two(Exact *k, Stream *s, double time_left, double smallest, int64_t *from, int64_t *to) {
    const double x = k->cx[0], y = k->cy[0], u = k->cx[1], w = k->cy[1], over[2] = {k->over[0], k->over[1]};
    const double re = x * u + y * w, im = x * w - y * u, weight = 2.0 * larger(k->free[0], k->free[1]);
    const double size = k->strength[0] * (k->root[0] * k->root[1]);
    double zx[ORDERS], zy[ORDERS], g[ORDERS], v[2][ORDERS], hazard, slope, fastest, stiffest, rate, ahead, bound, t = 0.0;
    double sine, cosine, unit;
    int order = 0;
    zx[0] = k->wr[0] * re - k->wi[0] * im;
    zy[0] = k->wr[0] * im + k->wi[0] * re;
    v[0][0] = k->omega[0] + zx[0] * over[0];
    v[1][0] = k->omega[1] + zx[0] * over[1];
    g[0] = v[0][0] - v[1][0];
    hazard = weight * fabs(zy[0]);
    slope = weight * size;
    fastest = fabs(g[0]);
    stiffest = size * over[0] + size * over[1];
    rate = (hazard + sqrt(hazard * hazard + 4.0 * WAITS * slope * fastest)) / (2.0 * WAITS);
    rate = larger(rate, 2.0 * stiffest + fastest);
    ahead = unit = rate * time_left > 1.0 ? 1.0 / rate : time_left;
    if (!(ahead >= smallest) && ahead < time_left)
        return -1.0;
    const double turn = ahead * (stiffest + fastest);
    double term = 0.0;
    for (order = 1;; order++) {
        const double part = ahead / (double)order, whole = part * g[0];
        double ex = -whole * zy[order - 1], ey = whole * zx[order - 1], last = term, error, value, rest;
        for (int j = 1; j < order; j++) {
            ex -= part * g[j] * zy[order - 1 - j];
            ey += part * g[j] * zx[order - 1 - j];
        }
        zx[order] = ex;
        zy[order] = ey;
        v[0][order] = ex * over[0];
        v[1][order] = ex * over[1];
        g[order] = v[0][order] - v[1][order];
        term = ahead * larger(fabs(v[0][order]), fabs(v[1][order])) * inverse_of[order];
        error = larger(term, last * turn * inverse_of[order]);
        if (order >= LEAST_ORDER && error <= PHASE_ERROR)
            break;
        if (order == MOST_ORDER) {
            exp_of(log_of(PHASE_ERROR / error) / (double)(order + 1), &value, &rest);
            ahead *= value;
            break;
        }
    }
    const double reach = ahead * fastest / (1.0 - stiffest * ahead), most = weight * (fabs(zy[0]) + reach * size);
    bound = hazard + reach * slope;
    *from = -1;
    for (;;) {
        double part, luck, inward, d, e;
        if (bound > 0.0)
            t -= log_of(1.0 - stream_double(s)) / bound;
        if (!(bound > 0.0 && t < ahead))
            t = ahead;
        part = t / unit;
        d = exact_angle(v[0], 1, order, t, part);
        e = exact_angle(v[1], 1, order, t, part);
        if (t < ahead) {
            luck = stream_double(s) * bound;
            if (!(luck < most))
                continue;
            any_turn(d - e, &sine, &cosine);
            inward = zy[0] * cosine + zx[0] * sine;
            *to = inward > 0.0 ? 0 : 1;
            if (!(luck < 2.0 * k->free[1 - *to] * fabs(inward)))
                continue;
            *from = 1 - *to;
        }
        any_turn(d, &sine, &cosine);
        k->turn[0] += d;
        k->cx[0] = x * cosine + y * sine;
        k->cy[0] = y * cosine - x * sine;
        any_turn(e, &sine, &cosine);
        k->turn[1] += e;
        k->cx[1] = u * cosine + w * sine;
        k->cy[1] = w * cosine - u * sine;
        return t;
    }
}
