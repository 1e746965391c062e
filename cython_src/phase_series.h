/* The path of one beable's phases as Taylor series in time, from sums of powers of its members' values.

   Values z = e^{i phi} of a beable's members move by one map w = (alpha z + beta)/(conj(beta) z + conj(alpha)) since
   they were last written down. The sums Z_k = sum w^k obey
       dZ_k/dt = i k (omega Z_k + h Z_{k+1}/2 + conj(h) Z_{k-1}/2),
   and the map since t = 0 of the series
       d alpha/dt = i (omega alpha + conj(h beta))/2,    d beta/dt = i (omega beta + conj(h alpha))/2.
   h is the field of all other beables, whose series are found at the same time, power by power. */
#pragma once
#include <stdint.h>
#include <string.h>
#include "pair.h"
#include "wide.h"

enum { DEGREE = 5, LENGTH = DEGREE + 2, LANES = 8, PIECE = 256 }; /* DEGREE: the largest, of fields in t */

/* |beta/alpha|^2 of a map above which values are written down anew: up to there POWERS sums give Z_k to 1e-13. */
static const double STRAY = 0.004;
static const double SERIES_ERROR = 1e-26; /* the square of 1e-13 */

typedef struct {
    double re, im;
} Number;

typedef struct {
    Number z[LENGTH][LENGTH]; /* z[k][m]: of t^m in Z_k; Z_0 is n */
    Number h[LENGTH];
    Number alpha[LENGTH], beta[LENGTH];
} Series;

/* Of rho^l in what sum z^j adds to Z_k, beside g^(k-j) or q^(j-k); see moments_of. */
static double share[LENGTH][POWERS + 1][LENGTH];

static inline double choose(int n, int k) {
    double out = 1.0;
    for (int i = 1; i <= k; i++)
        out = out * (double)(n - k + i) / (double)i;
    return out;
}

static inline void fill_shares(void) {
    for (int k = 1; k < LENGTH; k++)
        for (int j = 0; j <= POWERS; j++) {
            int t = j < k ? j : k;
            for (int l = 0; l <= t; l++)
                share[k][j][l] = (l % 2 ? -1.0 : 1.0) * choose(k, t - l) * choose(j - t + l + k - 1, k - 1);
        }
}

static inline Number times(Number a, Number b) {
    return (Number){a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}

/* a += b c, and a += conj(b) c. */
static inline void add_times(Number *a, Number b, Number c) {
    a->re += b.re * c.re - b.im * c.im;
    a->im += b.re * c.im + b.im * c.re;
}

static inline void add_conjugate_times(Number *a, Number b, Number c) {
    a->re += b.re * c.re + b.im * c.im;
    a->im += b.re * c.im - b.im * c.re;
}

/* Z_1 .. Z_{degree+1} at t = 0, from n and sums of powers (re, im in turn) of values, and their map, m, m + P, ...

   With u = alpha/conj(alpha), g = beta/alpha, q = -conj(g), rho = |g|^2: w = u (z + g)/(1 - q z), and w^k expanded in z
   has g^(k-j) (j < k) or q^(j-k) times a polynomial of rho at z^j. A series of h to t^degree is wanted to one and the
   same error, so Z_k, which enters at t^(k-1), may be the coarser the higher k. */
static inline void moments_of(Series *x, double n, const double *power, const double *m, int64_t P, int degree) {
    const double over = 1.0 / (m[0] * m[0] + m[P] * m[P]);
    const Number u = {(m[0] * m[0] - m[P] * m[P]) * over, 2.0 * m[0] * m[P] * over};
    const Number g = {(m[2 * P] * m[0] + m[3 * P] * m[P]) * over, (m[3 * P] * m[0] - m[2 * P] * m[P]) * over};
    const double rho = g.re * g.re + g.im * g.im;
    Number gs[POWERS + 1], turn = {1.0, 0.0};
    int reach = 0;
    gs[0] = turn;
    for (double left = 1.0; left > SERIES_ERROR && reach < POWERS - 1; left *= rho)
        reach++;
    for (int k = 1; k <= POWERS; k++)
        gs[k] = times(gs[k - 1], g);
    for (int k = 1; k <= degree + 1; k++) {
        const int far = 1 + (reach * (degree + 2 - k) + degree) / (degree + 1), last = k - 1 + far;
        Number sum = {0.0, 0.0};
        for (int j = k > far ? k - far : 0; j <= last && j <= POWERS; j++) {
            const int t = j < k ? j : k, off = j < k ? k - j : j - k;
            const Number S = j ? (Number){power[2 * j - 2], power[2 * j - 1]} : (Number){n, 0.0};
            double p = share[k][j][t];
            Number f = gs[off];
            for (int l = t - 1; l >= 0; l--)
                p = p * rho + share[k][j][l];
            if (j > k) /* q^off */
                f = off % 2 ? (Number){-f.re, f.im} : (Number){f.re, -f.im};
            add_times(&sum, (Number){p * f.re, p * f.im}, S);
        }
        turn = times(turn, u);
        x->z[k][0] = times(turn, sum);
    }
    x->z[0][0] = (Number){n, 0.0};
}

/* What is known at t = 0 of the map from there on: nothing has moved. */
static inline void begin_series(Series *x) {
    for (int m = 1; m < LENGTH; m++)
        x->z[0][m] = (Number){0.0, 0.0};
    x->alpha[0] = (Number){1.0, 0.0};
    x->beta[0] = (Number){0.0, 0.0};
}

/* The coefficients of t^(m+1), from h to t^m: of Z_1 .. Z_{degree-m}, alpha and beta. */
static inline void next_term(Series *x, double omega, int m, int degree) {
    const double over = 0.5 / (double)(m + 1);
    for (int k = 1; k <= degree - m; k++) {
        Number a = {0.0, 0.0};
        for (int j = 0; j <= m; j++) {
            add_times(&a, x->h[j], x->z[k + 1][m - j]);
            if (k > 1 || j == m)
                add_conjugate_times(&a, x->h[j], x->z[k - 1][m - j]);
        }
        a.re = (double)k * over * (a.re + 2.0 * omega * x->z[k][m].re);
        a.im = (double)k * over * (a.im + 2.0 * omega * x->z[k][m].im);
        x->z[k][m + 1] = (Number){-a.im, a.re};
    }
    Number a = {0.0, 0.0}, b = {0.0, 0.0}; /* conjugates of sum conj(h) conj(beta), conj(h) conj(alpha) */
    for (int j = 0; j <= m; j++) {
        add_times(&a, x->h[j], x->beta[m - j]);
        add_times(&b, x->h[j], x->alpha[m - j]);
    }
    a = (Number){over * (a.re + omega * x->alpha[m].re), over * (omega * x->alpha[m].im - a.im)};
    b = (Number){over * (b.re + omega * x->beta[m].re), over * (omega * x->beta[m].im - b.im)};
    x->alpha[m + 1] = (Number){-a.im, a.re};
    x->beta[m + 1] = (Number){-b.im, b.re};
}

static inline double size_of(Number a) { return fabs(a.re) + fabs(a.im); }

/* How large the term of t^m of the map is, without t^m. */
static inline double term(const Series *x, int m) { return size_of(x->alpha[m]) + size_of(x->beta[m]); }

/* The map from t = 0 to t, four numbers. */
static inline void map_at(const Series *x, int degree, double t, double *out) {
    Number a = x->alpha[degree + 1], b = x->beta[degree + 1];
    for (int m = degree; m >= 0; m--) {
        a = (Number){a.re * t + x->alpha[m].re, a.im * t + x->alpha[m].im};
        b = (Number){b.re * t + x->beta[m].re, b.im * t + x->beta[m].im};
    }
    out[0] = a.re, out[1] = a.im, out[2] = b.re, out[3] = b.im;
}

/* m becomes f after m, of determinant 1. */
static inline void compose(const double *f, double *m, int64_t P) {
    const double a = m[0], b = m[P], c = m[2 * P], d = m[3 * P];
    const double cr = f[0] * a - f[1] * b + f[2] * c + f[3] * d, ci = f[0] * b + f[1] * a + f[3] * c - f[2] * d;
    const double dr = f[0] * c - f[1] * d + f[2] * a + f[3] * b, di = f[0] * d + f[1] * c + f[3] * a - f[2] * b;
    const double r = 1.0 / sqrt(cr * cr + ci * ci - dr * dr - di * di);
    m[0] = r * cr, m[P] = r * ci, m[2 * P] = r * dr, m[3 * P] = r * di;
}

/* Add `sign` times the powers of one value to sums. */
static inline void add_value(double x, double y, double sign, double *power) {
    double u = x, v = y;
    for (int k = 0; k < POWERS; k++) {
        const double r = u * x - v * y;
        power[2 * k] += sign * u;
        power[2 * k + 1] += sign * v;
        v = u * y + v * x;
        u = r;
    }
}

/* Map n values by m, put them back on the unit circle, and add up their powers, each `weight` (NULL: 1) times. Sums run
   in so many lanes on every machine, so that their bits do not depend on its vectors. */
COPYMPI_WIDE __attribute__((unused))
static void write_down(double *x, double *y, int64_t n, const double *m, int64_t P, const double *weight,
                       double *power) {
    const double ar = m[0], ai = m[P], br = m[2 * P], bi = m[3 * P];
    double u[PIECE], v[PIECE], lane[2][LANES];
    memset(power, 0, 2 * POWERS * sizeof(double));
    for (int64_t first = 0; first < n; first += PIECE) {
        const int count = n - first < PIECE ? (int)(n - first) : PIECE, whole = (count + LANES - 1) / LANES * LANES;
        double *const a = x + first, *const b = y + first;
        for (int i = 0; i < count; i++) {
            double wr, wi, over;
            mapped_by(ar, ai, br, bi, a[i], b[i], &wr, &wi);
            over = 1.0 / sqrt(wr * wr + wi * wi);
            a[i] = wr * over, b[i] = wi * over;
        }
        for (int i = 0; i < count; i++) {
            const double w = weight ? weight[first + i] : 1.0;
            u[i] = w * a[i], v[i] = w * b[i];
        }
        for (int i = count; i < whole; i++)
            u[i] = v[i] = 0.0;
        for (int k = 0; k < POWERS; k++) {
            memset(lane, 0, sizeof lane);
            for (int i = 0; i < whole; i += LANES)
                for (int l = 0; l < LANES; l++)
                    lane[0][l] += u[i + l], lane[1][l] += v[i + l];
            for (int l = 0; l < LANES; l++)
                power[2 * k] += lane[0][l], power[2 * k + 1] += lane[1][l];
            for (int i = 0; i < count; i++) {
                const double r = u[i] * a[i] - v[i] * b[i];
                v[i] = u[i] * b[i] + v[i] * a[i];
                u[i] = r;
            }
        }
    }
}
