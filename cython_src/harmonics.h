/* Members with phases of their own, rules of several harmonics: dphi/dt = omega + Re sum_k h^k(t) z^k, z = e^{i phi}.

   All members of a beable feel the same fields h^k. These follow from sums Z_m of z^m over others' members, which obey

       dZ_m/dt = i m ( omega Z_m + 1/2 sum_k [ h^k Z_{m+k} + conj(h^k) Z_{m-k} ] ),   Z_0 = n, Z_{-m} = conj Z_m,

   so that Z_1 .. Z_{(d+1) K}, K the largest k, at one instant give all fields as polynomials in time of degree d. */
#pragma once
#include "wide.h"

enum { PART = 256 }; /* members that are worked at together: all there is of them fits into the cache */

typedef struct {
    const int64_t *order; /* k of each harmonic, `count` of them */
    int count, top;       /* the largest k */
    int degree, sums;     /* of the polynomials; (degree + 1) top sums, 2 at least */
} Shape;

/* The next coefficients of a beable's sums, of t^(j+1), from those of sums and fields to t^j.
   z [degree + 1][sums + 1][2], h [degree + 1][count][2]. */
static inline void next_sums(const Shape *s, double *z, const double *h, int j, double omega) {
    const int width = 2 * (s->sums + 1);
    for (int m = 1; m <= (s->degree - j) * s->top; m++) {
        double re = omega * z[j * width + 2 * m], im = omega * z[j * width + 2 * m + 1];
        for (int q = 0; q < s->count; q++) {
            const int up = m + (int)s->order[q], down = m - (int)s->order[q], low = down < 0 ? -down : down;
            for (int i = 0; i <= j; i++) {
                const double hr = 0.5 * h[2 * (i * s->count + q)], hi = 0.5 * h[2 * (i * s->count + q) + 1];
                const double *there = z + (j - i) * width;
                const double ur = there[2 * up], ui = there[2 * up + 1];
                const double dr = there[2 * low], di = down < 0 ? -there[2 * low + 1] : there[2 * low + 1];
                re += hr * ur - hi * ui + hr * dr + hi * di;
                im += hr * ui + hi * ur + hr * di - hi * dr;
            }
        }
        z[(j + 1) * width + 2 * m] = -m * im / (j + 1);
        z[(j + 1) * width + 2 * m + 1] = m * re / (j + 1);
    }
    z[(j + 1) * width] = z[(j + 1) * width + 1] = 0.0;
}

/* The fields of a beable at the time t, c [top + 1][2], by k. */
static inline void fields_at(const Shape *s, const double *h, double t, double *c) {
    for (int k = 0; k < 2 * (s->top + 1); k++)
        c[k] = 0.0;
    for (int q = 0; q < s->count; q++) {
        double re = 0.0, im = 0.0;
        for (int j = s->degree; j >= 0; j--) {
            re = re * t + h[2 * (j * s->count + q)];
            im = im * t + h[2 * (j * s->count + q) + 1];
        }
        c[2 * s->order[q]] += re;
        c[2 * s->order[q] + 1] += im;
    }
}

/* dphi/dt of m members x + i y in the fields c. */
static inline __attribute__((always_inline)) void speeds(const double *x, const double *y, int m, const double *c,
                                                         int top, double omega, double *out) {
    double u[PART], v[PART];
    for (int i = 0; i < m; i++) {
        u[i] = c[2 * top];
        v[i] = c[2 * top + 1];
    }
    for (int k = top - 1; k >= 0; k--)
        for (int i = 0; i < m; i++) {
            const double r = u[i] * x[i] - v[i] * y[i] + c[2 * k];
            v[i] = u[i] * y[i] + v[i] * x[i] + c[2 * k + 1];
            u[i] = r;
        }
    for (int i = 0; i < m; i++)
        out[i] = omega + u[i];
}

/* Members x0 + i y0 turned by t rate: a Taylor polynomial, as angles are small, has the same bits on any machine. */
static inline __attribute__((always_inline)) void turn_by(const double *x0, const double *y0, int m, const double *rate,
                                                          double t, double *x, double *y) {
    for (int i = 0; i < m; i++) {
        const double a = t * rate[i], q = a * a, u = x0[i], v = y0[i];
        const double s = a * (1.0 + q * (-1.0 / 6 + q * (1.0 / 120 + q * (-1.0 / 5040 + q * (1.0 / 362880
                              - q / 39916800.0)))));
        const double c = 1.0 + q * (-0.5 + q * (1.0 / 24 + q * (-1.0 / 720 + q * (1.0 / 40320 + q * (-1.0 / 3628800
                                + q / 479001600.0)))));
        x[i] = u * c - v * s;
        y[i] = u * s + v * c;
    }
}

/* n members carried over a time t by Runge and Kutta's rule of fourth order; c [3][top + 1][2] fields at the start, the
   middle and the end. Members with one value keep one value: each goes through the same operations. */
COPYMPI_WIDE __attribute__((unused)) static void carry_members(double *x, double *y, int64_t n, const double *c,
                                                               int top, double omega, double t) {
    const double *middle = c + 2 * (top + 1), *end = c + 4 * (top + 1);
    double u[PART], v[PART], rate[PART], sum[PART];
    for (int64_t first = 0; first < n; first += PART) {
        double *x0 = x + first, *y0 = y + first;
        const int m = n - first < PART ? (int)(n - first) : PART;
        speeds(x0, y0, m, c, top, omega, sum);
        turn_by(x0, y0, m, sum, 0.5 * t, u, v);
        speeds(u, v, m, middle, top, omega, rate);
        for (int i = 0; i < m; i++)
            sum[i] += 2.0 * rate[i];
        turn_by(x0, y0, m, rate, 0.5 * t, u, v);
        speeds(u, v, m, middle, top, omega, rate);
        for (int i = 0; i < m; i++)
            sum[i] += 2.0 * rate[i];
        turn_by(x0, y0, m, rate, t, u, v);
        speeds(u, v, m, end, top, omega, rate);
        for (int i = 0; i < m; i++)
            sum[i] += rate[i];
        turn_by(x0, y0, m, sum, t / 6.0, u, v);
        for (int i = 0; i < m; i++) {
            const double over = 1.0 / sqrt(u[i] * u[i] + v[i] * v[i]);
            x0[i] = u[i] * over;
            y0[i] = v[i] * over;
        }
    }
}

/* Sums of z^1 .. z^count (re, im in turn) of n members as integers, in units of 1/scale: see phases.pyx. */
COPYMPI_WIDE __attribute__((unused)) static void sums_of_powers(const double *x, const double *y, int64_t n,
                                                                double scale, int count, int64_t *sums) {
    const double magic = 6755399441055744.0;
    double u[PART], v[PART];
    uint64_t offset;
    memcpy(&offset, &magic, 8);
    for (int64_t first = 0; first < n; first += PART) {
        const double *x0 = x + first, *y0 = y + first;
        const int m = n - first < PART ? (int)(n - first) : PART;
        memcpy(u, x0, m * sizeof(double));
        memcpy(v, y0, m * sizeof(double));
        for (int k = 0; k < count; k++) {
            uint64_t s = 0, t = 0;
            for (int i = 0; i < m; i++) {
                const double a = u[i] * scale + magic, b = v[i] * scale + magic, r = u[i] * x0[i] - v[i] * y0[i];
                uint64_t c, d;
                memcpy(&c, &a, 8);
                memcpy(&d, &b, 8);
                s += c;
                t += d;
                v[i] = u[i] * y0[i] + v[i] * x0[i];
                u[i] = r;
            }
            sums[2 * k] += (int64_t)(s - offset * (uint64_t)m);
            sums[2 * k + 1] += (int64_t)(t - offset * (uint64_t)m);
        }
    }
}

/* Which of `bins` parts of the circle x + i y is in: by a function that grows with the angle, the same anywhere. */
static inline int part_of_circle(double x, double y, int bins) {
    const double d = y / (fabs(x) + fabs(y)), t = x >= 0.0 ? d : y >= 0.0 ? 2.0 - d : -2.0 - d;
    const int i = (int)((t + 2.0) * (0.25 * bins));
    return i < 0 ? 0 : i < bins ? i : bins - 1;
}
