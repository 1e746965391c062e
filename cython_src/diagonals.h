/* Passes over beables coupled along diagonals of H: pairs (b, b + offset) in runs, a weight each. */
#pragma once
#include "wide.h"

typedef struct {
    int64_t first, offset, length, start; /* pairs (first + k, first + k + offset), weight start + k, k < length */
} Run;

typedef struct {
    int64_t P, runs, bonds;
    const Run *run;
    const double *re, *im; /* (bonds,) H_b,b+offset / hbar */
    const double *omega;   /* (P,) H_aa/hbar, less the energy that turns all phases alike */
    int has_im;            /* whether some im differs from 0 */
    double norm;           /* bound on the norm of H/hbar */
} Diagonals;

enum { TILE = 2048 }; /* beables whose sums stay in the first-level cache */

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* x += w y and, for the pairs' other ends, x += conj(w) y */
static inline void couple(int64_t n, int has_im, double sign, const double *restrict re, const double *restrict im,
                          const double *restrict yr, const double *restrict yi, double *restrict xr,
                          double *restrict xi) {
    for (int64_t k = 0; k < n; k++) {
        xr[k] += re[k] * yr[k];
        xi[k] += re[k] * yi[k];
    }
    if (has_im)
        for (int64_t k = 0; k < n; k++) {
            xr[k] -= sign * im[k] * yi[k];
            xi[k] += sign * im[k] * yr[k];
        }
}

/* new = -i over (H/hbar) old. Where alive is 0, new = -other: the sum of both stays 0 at empty beables. */
COPYMPI_WIDE static void stage(const Diagonals *d, const double *restrict alive, const double *restrict old,
                               double over, double *restrict new, const double *restrict other) {
    double sr[TILE], si[TILE];
    const int64_t P = d->P;
    for (int64_t t = 0; t < P; t += TILE) {
        const int64_t u = least(P, t + TILE);
        for (int64_t a = t; a < u; a++) {
            sr[a - t] = d->omega[a] * old[a];
            si[a - t] = d->omega[a] * old[P + a];
        }
        for (int64_t r = 0; r < d->runs; r++) {
            const Run run = d->run[r];
            int64_t k = most(0, t - run.first), end = least(run.length, u - run.first);
            int64_t b = run.first + k, w = run.start + k;
            if (k < end)
                couple(end - k, d->has_im, 1.0, d->re + w, d->im + w, old + b + run.offset, old + P + b + run.offset,
                       sr + b - t, si + b - t);
            k = most(0, t - run.first - run.offset);
            end = least(run.length, u - run.first - run.offset);
            b = run.first + k;
            w = run.start + k;
            if (k < end)
                couple(end - k, d->has_im, -1.0, d->re + w, d->im + w, old + b, old + P + b, sr + b + run.offset - t,
                       si + b + run.offset - t);
        }
        if (!alive)
            for (int64_t a = t; a < u; a++) {
                new[a] = over * si[a - t];
                new[P + a] = -over * sr[a - t];
            }
        else if (other)
            for (int64_t a = t; a < u; a++) {
                new[a] = alive[a] != 0.0 ? over * si[a - t] : -other[a];
                new[P + a] = alive[a] != 0.0 ? -over * sr[a - t] : -other[P + a];
            }
        else
            for (int64_t a = t; a < u; a++) {
                new[a] = alive[a] * (over * si[a - t]);
                new[P + a] = alive[a] * (-over * sr[a - t]);
            }
    }
}

/* c(t) from Taylor coefficients v (5, 2, P), as polynomials of P2 = 2 P components */
COPYMPI_WIDE static void horner(int64_t P2, const double *restrict v, double t, double *restrict c) {
    for (int64_t a = 0; a < P2; a++)
        c[a] = v[a] + t * (v[P2 + a] + t * (v[2 * P2 + a] + t * (v[3 * P2 + a] + t * v[4 * P2 + a])));
}

COPYMPI_WIDE static void add_up(int64_t n, const double *restrict x, const double *restrict y, double *restrict sum) {
    for (int64_t a = 0; a < n; a++) sum[a] = x[a] + y[a];
}

/* rate[e]: members from b to b + offset in unit time, -2 Im(conj(c_b) w_b,b+offset c_b+offset) */
COPYMPI_WIDE static void flow_rates(const Diagonals *d, const double *restrict c, double *restrict rate) {
    const double *x = c, *y = c + d->P;
    for (int64_t r = 0; r < d->runs; r++) {
        const Run run = d->run[r];
        const double *restrict re = d->re + run.start, *restrict im = d->im + run.start;
        const double *xb = x + run.first, *yb = y + run.first, *xc = xb + run.offset, *yc = yb + run.offset;
        double *restrict out = rate + run.start;
        if (d->has_im)
            for (int64_t k = 0; k < run.length; k++)
                out[k] = -2.0 * (re[k] * (xb[k] * yc[k] - yb[k] * xc[k]) + im[k] * (xb[k] * xc[k] + yb[k] * yc[k]));
        else
            for (int64_t k = 0; k < run.length; k++) out[k] = -2.0 * re[k] * (xb[k] * yc[k] - yb[k] * xc[k]);
    }
}

/* Simpson's rule over h: net[e] and gross[e] flow of each pair; both from rates at start, middle and end. */
COPYMPI_WIDE static void integrate(int64_t bonds, double h, const double *restrict start, const double *restrict mid,
                                   const double *restrict end, double *restrict net, double *restrict gross) {
    const double w = h / 6.0;
    for (int64_t e = 0; e < bonds; e++) {
        net[e] = w * (start[e] + 4.0 * mid[e] + end[e]);
        gross[e] = w * (fabs(start[e]) + 4.0 * fabs(mid[e]) + fabs(end[e]));
    }
}

/* out[a]: members that the flows take from a, gross */
COPYMPI_WIDE static void outflows(const Diagonals *d, const double *restrict net, const double *restrict gross,
                                  double *restrict out) {
    memset(out, 0, d->P * sizeof(double));
    for (int64_t r = 0; r < d->runs; r++) {
        const Run run = d->run[r];
        const double *restrict f = net + run.start, *restrict g = gross + run.start;
        double *b = out + run.first, *c = out + run.first + run.offset;
        for (int64_t k = 0; k < run.length; k++) b[k] += 0.5 * (g[k] + f[k]);
        for (int64_t k = 0; k < run.length; k++) c[k] += 0.5 * (g[k] - f[k]);
    }
}

/* n[b] -= moved, n[b + offset] += moved */
COPYMPI_WIDE static void move_counts(const Diagonals *d, const int64_t *restrict moved, int64_t *restrict n) {
    for (int64_t r = 0; r < d->runs; r++) {
        const Run run = d->run[r];
        const int64_t *restrict m = moved + run.start;
        int64_t *b = n + run.first, *c = n + run.first + run.offset;
        for (int64_t k = 0; k < run.length; k++) b[k] -= m[k];
        for (int64_t k = 0; k < run.length; k++) c[k] += m[k];
    }
}

/* c as `pred`, with |c|^2 = n; alive says where that is not 0. A pred of 0 gives way to `before`. */
COPYMPI_WIDE static void rescale(int64_t P, const int64_t *restrict n, const double *restrict pred,
                                 const double *restrict before, double *restrict c, double *restrict alive) {
    for (int64_t a = 0; a < P; a++) {
        double x = pred[a], y = pred[P + a], m = x * x + y * y, k = (double)n[a], r;
        x = m > 0.0 ? x : before[a];
        y = m > 0.0 ? y : before[P + a];
        m = m > 0.0 ? m : x * x + y * y;
        r = m > 0.0 ? sqrt(k / m) : 0.0;
        c[a] = r * x;
        c[P + a] = r * y;
        alive[a] = k > 0.0 ? 1.0 : 0.0;
    }
}

/* Sum of squares, or of sizes, in an order that does not depend on how wide vectors are. */
static double sum_of(int64_t n, const double *restrict x, int squares) {
    double s[8] = {0};
    int64_t a = 0;
    for (; a + 8 <= n; a += 8)
        for (int j = 0; j < 8; j++) s[j] += squares ? x[a + j] * x[a + j] : fabs(x[a + j]);
    for (; a < n; a++) s[0] += squares ? x[a] * x[a] : fabs(x[a]);
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}
