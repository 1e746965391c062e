/* Passes over an H without zeros off its diagonal: rows of P - 1 couplings in order of columns, pairs b < a in order.

   What is added up is added up in the order in which the loops over couplings of any H do it (flows.pyx,
   step_lengths.pyx, predictor.pyx), so all bits are theirs; here loops are such that vectors can be used. GROUP rows go
   at a time: sums over a row each wait for the one before, but rows do not wait for each other. */
#pragma once
#include "pair.h"
#include "wide.h"

#define PASS COPYMPI_WIDE __attribute__((unused)) static
#define INLINE static inline __attribute__((always_inline))

enum { GROUP = 8, CHUNK = 64 };

typedef struct {
    int64_t P;
    const double *re, *im; /* (P, P - 1): entry b->a at place a - (a > b) of row b */
    double *forth, *back;  /* (P (P - 1)/2,): flow b->a and a->b of each pair */
} Dense;

typedef struct {          /* flows of pairs (b, a) with b in a group of rows and a > b: by row, then by a */
    int64_t P, b, n;      /* rows b .. b + n - 1 */
    double *f[GROUP], *g[GROUP];
} Rows;

typedef struct {          /* a half step of length t from amplitudes `early` to `late`, each (2, P), at its Gauss points */
    double t;
    const double *early, *late;
    const double *part;   /* (P,) share of members who can move; NULL: all */
} Span;

INLINE double positive(double x) { return x > 0.0 ? x : 0.0; }

/* So much before the number of a pair b < a stands that of a itself. */
INLINE int64_t pair_row(int64_t P, int64_t b) { return b * (2 * P - b - 1) / 2 - b - 1; }

INLINE int64_t fewer(int64_t a, int64_t b) { return a < b ? a : b; }

/* x + i y += conj(w) z, w the rows b .. b + n - 1 of couplings from column `from` to `to`, which are all on one side */
INLINE void add_rows(const Dense *h, int64_t b, int64_t n, int64_t from, int64_t to, int64_t before, const double *z,
                     double *restrict x, double *restrict y) {
    const int64_t P = h->P;
    const double *re = h->re + b * (P - 1) - before, *im = h->im + b * (P - 1) - before;
    if (n == GROUP) {
        double u[GROUP], v[GROUP];
        for (int j = 0; j < GROUP; j++) u[j] = z[b + j], v[j] = z[P + b + j];
        for (int64_t a = from; a < to; a++) {
            double s = x[a], q = y[a];
#pragma GCC unroll 8
            for (int j = 0; j < GROUP; j++) {
                const double r = re[j * (P - 1) + a], i = im[j * (P - 1) + a];
                s += r * u[j] + i * v[j];
                q += r * v[j] - i * u[j];
            }
            x[a] = s;
            y[a] = q;
        }
        return;
    }
    for (int64_t j = 0; j < n; j++)
        for (int64_t a = from; a < to; a++) {
            const double r = re[j * (P - 1) + a], i = im[j * (P - 1) + a];
            x[a] += r * z[b + j] + i * z[P + b + j];
            y[a] += r * z[P + b + j] - i * z[b + j];
        }
}

/* new = -i over (H/hbar - shift) old; `omega`: its diagonal. Where alive (2, P) is 0 so is new. */
PASS void dense_apply(const Dense *h, const double *omega, const double *alive, const double *old, double over,
                      double *new) {
    const int64_t P = h->P;
    double *x = new + P, *y = new;
    for (int64_t a = 0; a < P; a++) {
        x[a] = omega[a] * old[a];
        y[a] = omega[a] * old[P + a];
    }
    for (int64_t b = 0; b < P; b += GROUP) {
        const int64_t n = fewer(GROUP, P - b);
        add_rows(h, b, n, 0, b, 0, old, x, y);
        for (int64_t j = b; j < b + n; j++) {
            add_rows(h, j, 1, b, j, 0, old, x, y);
            add_rows(h, j, 1, j + 1, b + n, 1, old, x, y);
        }
        add_rows(h, b, n, b + n, P, 1, old, x, y);
    }
    for (int64_t a = 0; a < P; a++) {
        const int there = alive[a] != 0.0 || alive[P + a] != 0.0;
        const double s = x[a], q = y[a];
        new[a] = there ? q * over : 0.0;
        new[P + a] = there ? -s * over : -0.0;
    }
}

/* Flows of row b over a half step */
INLINE void flows_of_row(const Dense *h, const Span *span, int64_t b, double *restrict f, double *restrict g) {
    const int64_t P = h->P;
    const double *re = h->re + b * (P - 1) - 1, *im = h->im + b * (P - 1) - 1, t = span->t;
    const double *c = span->early, *d = span->late, *part = span->part;
    const double xc = c[b], yc = c[P + b], xd = d[b], yd = d[P + b];
    for (int64_t a = b + 1; a < P; a++) {
        const double early = -t * pair_turn(re[a], im[a], xc, yc, c[a], c[P + a]);
        const double late = -t * pair_turn(re[a], im[a], xd, yd, d[a], d[P + a]);
        f[a] = positive(early) + positive(late);
        g[a] = positive(-early) + positive(-late);
    }
    if (part)
        for (int64_t a = b + 1; a < P; a++) {
            f[a] *= part[b];
            g[a] *= part[a];
        }
}

/* Flows of the next rows, into forth and back; where they are not kept each group takes the place of the one before. */
INLINE Rows next_rows(const Dense *h, const Span *span, int64_t b, int kept) {
    Rows rows = {h->P, b, fewer(GROUP, h->P - b), {0}, {0}};
    for (int64_t j = 0; j < rows.n; j++) {
        const int64_t at = kept ? pair_row(h->P, b + j) : j * h->P;
        rows.f[j] = h->forth + at;
        rows.g[j] = h->back + at;
        flows_of_row(h, span, b + j, rows.f[j], rows.g[j]);
    }
    return rows;
}

/* x_b += f_ba, x_a += g_ba of all pairs of these rows; net: x_b -= f_ba - g_ba, x_a += f_ba - g_ba. */
INLINE void gather(const Rows *rows, double *const *f, double *const *g, int net, double *restrict x) {
    const int64_t b = rows->b, n = rows->n, end = b + n, P = rows->P;
    for (int64_t j = 0; j < n; j++)
        for (int64_t a = b + j + 1; a < end; a++) {
            x[b + j] += net ? -(f[j][a] - g[j][a]) : f[j][a];
            x[a] += net ? f[j][a] - g[j][a] : g[j][a];
        }
    if (end == P)
        return;
    for (int64_t a = end; a < P; a++) {
        double s = x[a];
#pragma GCC unroll 8
        for (int j = 0; j < GROUP; j++) s += net ? f[j][a] - g[j][a] : g[j][a];
        x[a] = s;
    }
    double sum[GROUP];
    for (int j = 0; j < GROUP; j++) sum[j] = x[b + j];
    for (int64_t a = end; a < P; a++)
#pragma GCC unroll 8
        for (int j = 0; j < GROUP; j++) sum[j] += net ? -(f[j][a] - g[j][a]) : f[j][a];
    for (int j = 0; j < GROUP; j++) x[b + j] = sum[j];
}

/* Flows of all pairs over a half step, into forth and back. */
PASS void dense_flows(const Dense *h, const Span *span) {
    for (int64_t b = 0; b < h->P; b += GROUP) next_rows(h, span, b, 1);
}

/* What leaves each beable over a half step, and what comes, is added to `leaving` and `coming` (P,). */
PASS void dense_outflow(const Dense *h, const Span *span, double *leaving, double *coming) {
    for (int64_t b = 0; b < h->P; b += GROUP) {
        const Rows rows = next_rows(h, span, b, 0);
        gather(&rows, rows.f, rows.g, 0, leaving);
        gather(&rows, rows.g, rows.f, 0, coming);
    }
}

/* Entries a->b, a from `from` to `to`, of the rows of a group, k of each: what stands in q by row is put by column. */
INLINE void turn_over(const Rows *rows, int64_t from, int64_t to, double (*q)[CHUNK], double *entries) {
    const int64_t P = rows->P, b = rows->b, n = rows->n;
    for (int64_t a = from; a < to; a++) {
        double *restrict to_b = entries + a * (P - 1) + b;
        const int64_t k = fewer(n, a - b);
        if (k == GROUP)
            for (int j = 0; j < GROUP; j++) to_b[j] = q[j][a - from];
        else
            for (int64_t j = 0; j < k; j++) to_b[j] = q[j][a - from];
    }
}

/* First half of a step: flows, kept, and what they do to mid_n and out (P,); chance of every entry, for a member of
   each beable, of whom `free` (P,) can leave, or infinitely many where none can. */
PASS void dense_first(const Dense *h, const Span *span, const double *free, double *mid_n, double *out,
                      double *chance) {
    const int64_t P = h->P;
    double q[GROUP][CHUNK];
    for (int64_t b = 0; b < P; b += GROUP) {
        const Rows rows = next_rows(h, span, b, 1);
        gather(&rows, rows.f, rows.g, 1, mid_n);
        gather(&rows, rows.f, rows.g, 0, out);
        for (int64_t j = 0; j < rows.n; j++) {
            double *restrict row = chance + (b + j) * (P - 1) - 1;
            const double *f = rows.f[j], of = free[b + j];
            for (int64_t a = b + j + 1; a < P; a++) row[a] = f[a] / of;
        }
        for (int64_t from = b + 1; from < P; from += CHUNK) {
            const int64_t to = fewer(from + CHUNK, P);
            for (int64_t j = 0; j < rows.n; j++)
                for (int64_t a = from > b + j ? from : b + j + 1; a < to; a++) q[j][a - from] = rows.g[j][a] / free[a];
            turn_over(&rows, from, to, q, chance);
        }
    }
}

typedef struct {         /* what the chances of the second draw depend on, each (P,) */
    const double *free;  /* members who can leave, or infinitely many where none can */
    const double *mid;   /* the same as they were predicted for the middle */
    const double *more;  /* how many more than predicted left in the first half */
    const double *there; /* 1, or 0 where nobody is */
    const double *forth; /* (pairs,) flows predicted for the second half */
    const double *back;
} Second;

/* A chance of the second draw, from the flow and the flow predicted out of the beable b whose numbers these are. */
INLINE double second_chance(double flow, double predicted, double mid, double more, double free, double there) {
    const double x = 2.0 * flow - predicted + predicted / mid * more;
    return positive(x) * there / free;
}

/* Sums of the rows b .. b + n - 1 of entries */
INLINE void row_sums(int64_t P, int64_t b, int64_t n, const double *entries, double *total) {
    const double *row = entries + b * (P - 1);
    double sum[GROUP] = {0};
    if (n == GROUP)
        for (int64_t e = 0; e < P - 1; e++)
#pragma GCC unroll 8
            for (int j = 0; j < GROUP; j++) sum[j] += row[j * (P - 1) + e];
    else
        for (int64_t j = 0; j < n; j++)
            for (int64_t e = 0; e < P - 1; e++) sum[j] += row[j * (P - 1) + e];
    for (int64_t j = 0; j < n; j++) total[j] = sum[j];
}

PASS void dense_sums(int64_t P, const double *entries, double *total) {
    for (int64_t b = 0; b < P; b += GROUP) row_sums(P, b, fewer(GROUP, P - b), entries, total + b);
}

/* Where a member of some beable would leave with more than certainty, its chances are cut. */
INLINE void cap_rows(int64_t P, int64_t b, int64_t n, double *chance) {
    double total[GROUP];
    row_sums(P, b, n, chance, total);
    for (int64_t j = 0; j < n; j++)
        if (total[j] > 1.0)
            for (int64_t e = 0; e < P - 1; e++) chance[(b + j) * (P - 1) + e] /= total[j];
}

/* Of n (P,) members go leave (P, P - 1), and so many do from each beable: out (P,). */
PASS void dense_apply_leavers(int64_t P, const int64_t *restrict leave, int64_t *restrict n, int64_t *restrict out) {
    for (int64_t b = 0; b < P; b++) {
        const int64_t *row = leave + b * (P - 1);
        int64_t gone = 0;
        for (int64_t e = 0; e < P - 1; e++) gone += row[e];
        for (int64_t a = 0; a < b; a++) n[a] += row[a];
        for (int64_t a = b + 1; a < P; a++) n[a] += row[a - 1];
        n[b] -= gone;
        out[b] = gone;
    }
}

/* Chances of the second draw: see second_chances in predictor.pyx. */
PASS void dense_second(const Dense *h, const Span *span, const Second *x, double *chance) {
    const int64_t P = h->P;
    double q[GROUP][CHUNK];
    for (int64_t b = 0; b < P; b += GROUP) {
        const Rows rows = next_rows(h, span, b, 0);
        for (int64_t j = 0; j < rows.n; j++) {
            const int64_t i = b + j;
            double *restrict row = chance + i * (P - 1) - 1;
            const double *f = rows.f[j], *old = x->forth + pair_row(P, i);
            const double mid = x->mid[i], more = x->more[i], free = x->free[i];
            for (int64_t a = i + 1; a < P; a++) row[a] = second_chance(f[a], old[a], mid, more, free, x->there[a]);
        }
        for (int64_t from = b + 1; from < P; from += CHUNK) {
            const int64_t to = fewer(from + CHUNK, P);
            for (int64_t j = 0; j < rows.n; j++) {
                const double *g = rows.g[j], *old = x->back + pair_row(P, b + j), there = x->there[b + j];
                for (int64_t a = from > b + j ? from : b + j + 1; a < to; a++)
                    q[j][a - from] = second_chance(g[a], old[a], x->mid[a], x->more[a], x->free[a], there);
            }
            turn_over(&rows, from, to, q, chance);
        }
        cap_rows(P, b, rows.n, chance);
    }
}
