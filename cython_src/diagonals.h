/* Passes over beables coupled along diagonals of H: pairs (b, b + offset) in runs, a weight each. */
#pragma once
#include "wide.h"

#define PASS COPYMPI_WIDE __attribute__((unused)) static

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
PASS void stage(const Diagonals *d, const double *restrict alive, const double *restrict old,
                double over, double *new, const double *restrict other) {
    double near[2 * TILE];
    const int64_t P = d->P, tile = d->runs * (P / TILE) > d->bonds / 4 ? P : TILE; /* many short runs: look at each once */
    double *sr = tile > TILE ? new : near, *si = tile > TILE ? new + P : near + TILE;
    for (int64_t t = 0; t < P; t += tile) {
        const int64_t u = least(P, t + tile);
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
                const double x = sr[a - t], y = si[a - t];
                new[a] = over * y;
                new[P + a] = -over * x;
            }
        else if (other)
            for (int64_t a = t; a < u; a++) {
                const double x = sr[a - t], y = si[a - t];
                new[a] = alive[a] != 0.0 ? over * y : -other[a];
                new[P + a] = alive[a] != 0.0 ? -over * x : -other[P + a];
            }
        else
            for (int64_t a = t; a < u; a++) {
                const double x = sr[a - t], y = si[a - t];
                new[a] = alive[a] * (over * y);
                new[P + a] = alive[a] * (-over * x);
            }
    }
}

/* c in the middle and at the end of a step of length t, from Taylor coefficients v (5, 2, P), P2 = 2 P */
PASS void carry(int64_t P2, const double *restrict v, double t, double *restrict mid,
                double *restrict end) {
    const double u = 0.5 * t;
    for (int64_t a = 0; a < P2; a++) {
        const double v0 = v[a], v1 = v[P2 + a], v2 = v[2 * P2 + a], v3 = v[3 * P2 + a], v4 = v[4 * P2 + a];
        mid[a] = v0 + u * (v1 + u * (v2 + u * (v3 + u * v4)));
        end[a] = v0 + t * (v1 + t * (v2 + t * (v3 + t * v4)));
    }
}

PASS void add_up(int64_t n, const double *x, const double *y, double *sum) {
    for (int64_t a = 0; a < n; a++) sum[a] = x[a] + y[a];
}

/* rate: members from b to b + offset in unit time, -2 Im(conj(c_b) w c_b+offset), of n pairs from c on */
static inline void rates(int64_t n, int has_im, const double *restrict re, const double *restrict im, const double *c,
                         int64_t P, int64_t offset, double *restrict rate) {
    const double *xb = c, *yb = c + P, *xc = c + offset, *yc = c + P + offset;
    if (has_im)
        for (int64_t k = 0; k < n; k++)
            rate[k] = -2.0 * (re[k] * (xb[k] * yc[k] - yb[k] * xc[k]) + im[k] * (xb[k] * xc[k] + yb[k] * yc[k]));
    else
        for (int64_t k = 0; k < n; k++) rate[k] = -2.0 * re[k] * (xb[k] * yc[k] - yb[k] * xc[k]);
}

PASS void flow_rates(const Diagonals *d, const double *c, double *restrict rate) {
    for (int64_t r = 0; r < d->runs; r++) {
        const Run run = d->run[r];
        rates(run.length, d->has_im, d->re + run.start, d->im + run.start, c + run.first, d->P, run.offset,
              rate + run.start);
    }
}

/* Flow of each pair over h by Simpson's rule, net and gross, from the rates at its start and the amplitudes in its
   middle and at its end; and the rate at the end. */
PASS void integrate(const Diagonals *d, double h, const double *restrict start, const double *mid,
                    const double *end, double *restrict end_rate, double *restrict net,
                    double *restrict gross) {
    enum { CHUNK = 1024 };
    double middle[CHUNK], late[CHUNK];
    const double w = h / 6.0;
    for (int64_t r = 0; r < d->runs; r++) {
        const Run run = d->run[r];
        for (int64_t k = 0; k < run.length; k += CHUNK) {
            const int64_t n = least(CHUNK, run.length - k), e = run.start + k;
            rates(n, d->has_im, d->re + e, d->im + e, mid + run.first + k, d->P, run.offset, middle);
            rates(n, d->has_im, d->re + e, d->im + e, end + run.first + k, d->P, run.offset, late);
            for (int64_t j = 0; j < n; j++) {
                end_rate[e + j] = late[j];
                net[e + j] = w * (start[e + j] + 4.0 * middle[j] + late[j]);
                gross[e + j] = w * (fabs(start[e + j]) + 4.0 * fabs(middle[j]) + fabs(late[j]));
            }
        }
    }
}

/* out[a]: members that the flows take from a, gross */
PASS void outflows(const Diagonals *d, const double *restrict net, const double *restrict gross,
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
PASS void move_counts(const Diagonals *d, const int64_t *restrict moved, int64_t *restrict n) {
    for (int64_t r = 0; r < d->runs; r++) {
        const Run run = d->run[r];
        const int64_t *restrict m = moved + run.start;
        int64_t *b = n + run.first, *c = n + run.first + run.offset;
        for (int64_t k = 0; k < run.length; k++) b[k] -= m[k];
        for (int64_t k = 0; k < run.length; k++) c[k] += m[k];
    }
}

/* c as `pred`, with |c|^2 = n; alive says where that is not 0. A pred of 0 gives way to `before`. */
PASS void rescale(int64_t P, const int64_t *restrict n, const double *restrict pred,
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
__attribute__((unused)) static double sum_of(int64_t n, const double *restrict x, int squares) {
    double s[8] = {0};
    int64_t a = 0;
    for (; a + 8 <= n; a += 8)
        for (int j = 0; j < 8; j++) s[j] += squares ? x[a + j] * x[a + j] : fabs(x[a + j]);
    for (; a < n; a++) s[0] += squares ? x[a] * x[a] : fabs(x[a]);
    return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7]));
}
