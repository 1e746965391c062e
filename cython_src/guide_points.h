/* Psi, and what flows, at several times of a step at once: a lane for each time, and in each the same operations in the
   same order as if it were alone. Arrays (.., lanes) have the lanes of a row side by side. */
#pragma once
#include "pair.h"
#include "wide.h"
#include <stdint.h>
#include <string.h>

enum { MOST_LANES = 12 };

typedef struct { /* P beables, and pairs (b, a, entry of b -> a, entry of a -> b) */
    int64_t P, pairs, nnz, terms;
    const int64_t *pair;
    const double *re, *im, *strength; /* (nnz,), (nnz,), (pairs,) */
    const double *over;               /* (P,) */
    const double *series;             /* (terms, 2 P) */
    double mixing;
} Guided;

/* c (2 P, lanes): sum_k series[k] t^k. */
static inline void psi_in_lanes(const Guided *g, const double *t, double *c, const int lanes) {
    const int64_t width = 2 * g->P;
    for (int64_t a = 0; a < width; a++) {
        const double *term = g->series + (g->terms - 1) * width + a;
        double sum[MOST_LANES];
        for (int j = 0; j < lanes; j++)
            sum[j] = *term;
        for (int64_t k = 1; k < g->terms; k++) {
            term -= width;
            for (int j = 0; j < lanes; j++)
                sum[j] = sum[j] * t[j] + *term;
        }
        for (int j = 0; j < lanes; j++)
            c[a * lanes + j] = sum[j];
    }
}

/* size (P, lanes): |Psi_a|. */
static inline void sizes_in_lanes(const Guided *g, const double *c, double *size, const int lanes) {
    const double *y = c + g->P * lanes;
    for (int64_t i = 0; i < g->P * lanes; i++)
        size[i] = sqrt(c[i] * c[i] + y[i] * y[i]);
}

static inline double net_of(const Guided *g, int64_t e, const double *b, const double *a, int64_t imaginary) {
    return -2.0 * pair_turn(g->re[e], g->im[e], b[0], b[imaginary], a[0], a[imaginary]);
}

/* What flows: each lane's times its weight is added up along couplings, in flow (2, nnz), the first half of the lanes in
   the first row; and sums (3, P, lanes) are what leaves each beable, comes to it, and comes in shares `over`. */
static inline void flows_in_lanes(const Guided *g, const double *c, const double *size, const double *weight,
                                  double *flow, double *sums, const int lanes) {
    const int64_t row = g->P * lanes;
    double *leaving = sums, *coming = sums + row, *hurry = sums + 2 * row;
    memset(sums, 0, 3 * row * sizeof(double));
    for (int64_t p = 0; p < g->pairs; p++) {
        const int64_t *pair = g->pair + 4 * p, b = pair[0] * lanes, a = pair[1] * lanes;
        const double over_a = g->over[pair[1]], over_b = g->over[pair[0]];
        double gone[MOST_LANES], back[MOST_LANES];
        for (int j = 0; j < lanes; j++) {
            const double net = net_of(g, pair[2], c + b + j, c + a + j, row);
            gone[j] = net > 0.0 ? net : 0.0;
            back[j] = net < 0.0 ? -net : 0.0;
        }
        if (g->mixing > 0.0) {
            const double strength = 2.0 * g->mixing * g->strength[p];
            for (int j = 0; j < lanes; j++) {
                const double both = strength * size[a + j] * size[b + j];
                gone[j] += both;
                back[j] += both;
            }
        }
        for (int j = 0; j < lanes; j++) {
            leaving[b + j] += gone[j];
            coming[a + j] += gone[j];
            leaving[a + j] += back[j];
            coming[b + j] += back[j];
            hurry[a + j] += gone[j] * over_b;
            hurry[b + j] += back[j] * over_a;
        }
        for (int half = 0; half < 2; half++) {
            double forth = 0.0, home = 0.0;
            for (int j = half * lanes / 2; j < (half + 1) * lanes / 2; j++) {
                forth += weight[j] * gone[j];
                home += weight[j] * back[j];
            }
            flow[half * g->nnz + pair[2]] = forth;
            flow[half * g->nnz + pair[3]] = home;
        }
    }
}

static inline void points_in_lanes(const Guided *g, const double *t, const double *weight, double *flow, double *work,
                                   const int lanes) {
    double *size = work + 2 * g->P * lanes;
    psi_in_lanes(g, t, work, lanes);
    sizes_in_lanes(g, work, size, lanes);
    flows_in_lanes(g, work, size, weight, flow, size + g->P * lanes, lanes);
}

/* At 6, 8 or 12 times (2 points): c, size, sums as above, one after the other in work (6, P, 2 points). */
COPYMPI_WIDE __attribute__((unused)) static void look_at_points(const Guided *g, int points, const double *t,
                                                                const double *weight, double *flow, double *work) {
    if (points == 3)
        points_in_lanes(g, t, weight, flow, work, 6);
    else if (points == 4)
        points_in_lanes(g, t, weight, flow, work, 8);
    else
        points_in_lanes(g, t, weight, flow, work, 12);
}

/* At a step's start, middle and end: |Psi_a|^2, rho (3, P), and the net flows of all pairs, net (3, pairs); end (2 P,) is
   Psi at its end. */
COPYMPI_WIDE __attribute__((unused)) static void look_at_ends(const Guided *g, double h, double *rho, double *net,
                                                              double *end, double *work) {
    const double t[4] = {0.0, 0.5 * h, h, 0.0};
    double *size = work + 8 * g->P;
    psi_in_lanes(g, t, work, 4);
    sizes_in_lanes(g, work, size, 4);
    for (int64_t a = 0; a < 2 * g->P; a++)
        end[a] = work[4 * a + 2];
    for (int k = 0; k < 3; k++) {
        for (int64_t a = 0; a < g->P; a++)
            rho[k * g->P + a] = size[4 * a + k] * size[4 * a + k];
        for (int64_t p = 0; p < g->pairs; p++) {
            const int64_t *pair = g->pair + 4 * p;
            net[k * g->pairs + p] = net_of(g, pair[2], work + 4 * pair[0] + k, work + 4 * pair[1] + k, 4 * g->P);
        }
    }
}
