/* Copies one by one: counts jump, phases flow. Aligned members, any H.

   Between two copies the counts stand still and so do the sizes of the amplitudes c_a = sqrt(n_a) e^{-i phi_a}. With
   z = conj(c_b) w_ba c_a for every pair, sums over partners give the speeds of phases, v_a = omega_a + sum Re z/n_a, and
   members go from a to b at the rate 2 Im z, from b to a where it is negative. As z' = i (v_b - v_a) z, Taylor's series of
   all phases follow order by order. They are used up to a horizon; until then 2 |Im z| stays below a bound, copies are
   proposed at that bound and accepted at the true rate: exact but for the error of the phases. docs/exact.md. */
#pragma once
#include "buckets.h"
#include "circle.h"
#include "streams.h"

enum { LEAST_ORDER = 2, MOST_ORDER = 10, ORDERS = MOST_ORDER + 1 };

static const double PHASE_ERROR = 1e-10; /* of the angle that phases can turn by on the way to the horizon */
static const double WAITS = 3.0;         /* proposals until the horizon, on average */
static const double SMALL_TURN = 0.0625; /* rad: up to here sine and cosine are sums of five terms */

static const double inverse_of[ORDERS] = { /* 1/(order + 1) */
    1.0, 1.0 / 2, 1.0 / 3, 1.0 / 4, 1.0 / 5, 1.0 / 6, 1.0 / 7, 1.0 / 8, 1.0 / 9, 1.0 / 10, 1.0 / 11,
};

typedef struct {
    int64_t P, all;      /* beables, and pairs, of the system */
    const int64_t *pair; /* (all, 4), as in couplings.pxd */
    const double *re, *im, *level;
    int64_t spectators;
    /* what takes part: bound beables, those with a partner that has members too, and their pairs, compact */
    int64_t bound, pairs;
    int64_t *place;                              /* (P,) where a beable stands among the bound ones; -1: nowhere */
    int64_t *who;                                /* (P,) and which beable stands there */
    int64_t *row;                                /* (P + 1,) where the pairs of a place as their first begin */
    int64_t *first, *second;                     /* (all,) places b, a of a pair, b < a, in order of b */
    double *wr, *wi, *strength;                  /* (all,) w_ba and its size */
    double *omega, *cx, *cy, *root, *over, *free; /* (P,) level - shift, c, sqrt(n), 1/n, the part that may leave */
    double *turn;                                /* (P,) rad, since the chunk began */
    double *stiff;                               /* (P,) sum of R sqrt(n_b/n_a): how fast v can change, a radian */
    double *size;                                /* (all,) R sqrt(n_a n_b) */
    double *zx, *zy, *g;                         /* (ORDERS, all) series of z and of v_b - v_a */
    double *v;                                   /* (ORDERS, P) series of the phases' speeds */
    double shift;
    /* of one horizon */
    int order;
    double unit;                 /* of time, in which series are */
    double hazard, slope;        /* sums of rates, and of the largest that they can be */
    double stiffest, fastest;    /* bounds on how angles of pairs speed up, a radian, and on their speeds, at the start */
    double reach;                /* how far angles of pairs may turn until the horizon */
} Exact;

/* Without libm's call: no argument is ever NaN. */
static inline double larger(double x, double y) { return x > y ? x : y; }

/* Which beables take part, from counts alone, and the middle of their levels. */
static void exact_bind(Exact *k, const int64_t *n) {
    double low = 0.0, high = 0.0;
    k->bound = k->pairs = 0;
    for (int64_t a = 0; a < k->P; a++)
        k->place[a] = -1;
    for (int64_t p = 0; p < k->all; p++) {
        const int64_t b = k->pair[4 * p], a = k->pair[4 * p + 1];
        if (n[b] > 0 && n[a] > 0)
            k->place[b] = k->place[a] = 0;
    }
    for (int64_t a = 0; a < k->P; a++)
        if (k->place[a] == 0) {
            low = k->bound ? (k->level[a] < low ? k->level[a] : low) : k->level[a];
            high = k->bound ? larger(k->level[a], high) : k->level[a];
            k->place[a] = k->bound;
            k->who[k->bound++] = a;
        }
    k->shift = 0.5 * (low + high);
    for (int64_t p = 0; p < k->all; p++) {
        const int64_t b = k->pair[4 * p], a = k->pair[4 * p + 1], e = k->pair[4 * p + 2], i = k->pairs;
        if (n[b] > 0 && n[a] > 0) {
            for (int64_t rows = i ? k->first[i - 1] : -1; rows < k->place[b]; rows++)
                k->row[rows + 1] = i;
            k->first[i] = k->place[b];
            k->second[i] = k->place[a];
            k->wr[i] = k->re[e];
            k->wi[i] = k->im[e];
            k->strength[i] = sqrt(k->re[e] * k->re[e] + k->im[e] * k->im[e]);
            k->pairs++;
        }
    }
    for (int64_t rows = k->pairs ? k->first[k->pairs - 1] : -1; rows < k->bound; rows++)
        k->row[rows + 1] = k->pairs;
}

/* Of n members those who are no spectators; a filter may have sent all away, these too. */
static inline int64_t exact_movable(const Exact *k, int64_t n) { return movable(n, k->spectators); }

static inline void exact_weigh(Exact *k, int64_t i, int64_t n) {
    k->root[i] = sqrt((double)n);
    k->over[i] = 1.0 / (double)n;
    k->free[i] = k->spectators ? (double)(n - k->spectators) * k->over[i] : 1.0;
}

/* Amplitudes anew, from counts and phases. */
static void exact_fill(Exact *k, const int64_t *n, const double *phase) {
    for (int64_t i = 0; i < k->bound; i++) {
        const int64_t a = k->who[i];
        double sine, cosine;
        exact_weigh(k, i, n[a]);
        k->omega[i] = k->level[a] - k->shift;
        sin_cos_of(phase[a], &sine, &cosine);
        k->cx[i] = k->root[i] * cosine;
        k->cy[i] = -k->root[i] * sine;
        k->turn[i] = 0.0;
    }
}

/* Speeds of order `order` from the sums over partners of its Re z, and g of the same order; returns the largest. */
static double exact_speeds(Exact *k, int order) {
    const int64_t bound = k->bound, *row = k->row, *second = k->second;
    const double *zx = k->zx + order * k->all, *over = k->over;
    double *v = k->v + order * k->P, *g = k->g + order * k->all, most = 0.0;
    for (int64_t b = 0; b < bound; b++)
        v[b] = 0.0;
    for (int64_t b = 0; b < bound; b++) {
        double sum = 0.0;
        for (int64_t p = row[b]; p < row[b + 1]; p++) {
            sum += zx[p];
            v[second[p]] += zx[p];
        }
        v[b] += sum;
    }
    for (int64_t b = 0; b < bound; b++) {
        v[b] = (order == 0 ? k->omega[b] : 0.0) + v[b] * over[b];
        most = larger(most, fabs(v[b]));
    }
    for (int64_t b = 0; b < bound; b++) {
        const double own = v[b];
        for (int64_t p = row[b]; p < row[b + 1]; p++)
            g[p] = own - v[second[p]];
    }
    return most;
}

/* z of all pairs, and the sums of what they are and of what they can be. */
static void exact_pairs(Exact *k) {
    const int64_t bound = k->bound, *row = k->row, *second = k->second;
    const double *cx = k->cx, *cy = k->cy, *root = k->root, *free = k->free;
    const double *wr = k->wr, *wi = k->wi, *strength = k->strength;
    double *zx = k->zx, *zy = k->zy, *size = k->size, *stiff = k->stiff, hazard = 0.0, slope = 0.0;
    for (int64_t b = 0; b < bound; b++)
        stiff[b] = 0.0;
    for (int64_t b = 0; b < bound; b++) {
        const double x = cx[b], y = cy[b], own = root[b], part = free[b];
        double sum = 0.0;
        for (int64_t p = row[b]; p < row[b + 1]; p++) {
            const int64_t a = second[p];
            const double re = x * cx[a] + y * cy[a], im = x * cy[a] - y * cx[a], weight = 2.0 * larger(part, free[a]);
            zx[p] = wr[p] * re - wi[p] * im;
            zy[p] = wr[p] * im + wi[p] * re;
            size[p] = strength[p] * (own * root[a]);
            stiff[a] += size[p];
            sum += size[p];
            hazard += weight * fabs(zy[p]);
            slope += weight * size[p];
        }
        stiff[b] += sum;
    }
    k->hazard = hazard;
    k->slope = slope;
}

/* z of all pairs, what is bounded by them, and the horizon that this alone allows, at most `time_left`. */
static double exact_look(Exact *k, double time_left) {
    const double *stiff = k->stiff, *g = k->g;
    double stiffest = 0.0, fastest = 0.0, rate;
    exact_pairs(k);
    exact_speeds(k, 0);
    for (int64_t b = 0; b < k->bound; b++)
        k->stiff[b] *= k->over[b];
    for (int64_t b = 0; b < k->bound; b++)
        for (int64_t p = k->row[b]; p < k->row[b + 1]; p++) {
            stiffest = larger(stiffest, stiff[b] + stiff[k->second[p]]);
            fastest = larger(fastest, fabs(g[p]));
        }
    k->stiffest = stiffest;
    k->fastest = fastest;
    /* so that hazard h + slope fastest h^2, about the proposals until h, are WAITS; angles of pairs turn by 1 at most */
    rate = (k->hazard + sqrt(k->hazard * k->hazard + 4.0 * WAITS * k->slope * fastest)) / (2.0 * WAITS);
    rate = larger(rate, 2.0 * stiffest + fastest);
    return rate * time_left > 1.0 ? 1.0 / rate : time_left;
}

/* The series, to as many orders as they take to be good until `ahead`; where all are too few, to less. */
static double exact_expand(Exact *k, double ahead) {
    const double turn = ahead * (k->stiffest + k->fastest);
    double term = 0.0;
    k->unit = ahead;
    for (k->order = 1;; k->order++) {
        const int o = k->order;
        const double part = ahead / (double)o;
        double *zx = k->zx + o * k->all, *zy = k->zy + o * k->all, last = term, error, value, rest;
        for (int64_t p = 0; p < k->pairs; p++) {
            const double whole = part * k->g[p];
            zx[p] = -whole * zy[p - k->all];
            zy[p] = whole * zx[p - k->all];
        }
        for (int j = 1; j < o; j++) {
            const double *g = k->g + j * k->all, *x = k->zx + (o - 1 - j) * k->all, *y = k->zy + (o - 1 - j) * k->all;
            for (int64_t p = 0; p < k->pairs; p++) {
                zx[p] -= part * g[p] * y[p];
                zy[p] += part * g[p] * x[p];
            }
        }
        term = ahead * exact_speeds(k, o) * inverse_of[o];
        /* every second order is 0 where H is real and phases are 0 or pi: never the last one's word alone */
        error = larger(term, last * turn * inverse_of[o]);
        if (o >= LEAST_ORDER && error <= PHASE_ERROR)
            break;
        if (o == MOST_ORDER) {
            exp_of(log_of(PHASE_ERROR / error) / (double)(o + 1), &value, &rest);
            ahead *= value;
            break;
        }
    }
    k->reach = ahead * k->fastest / (1.0 - k->stiffest * ahead);
    return ahead;
}

/* By how much the phase at place i has turned at time t, part = t/unit. */
static inline double exact_angle(const double *v, int64_t P, int order, double t, double part) {
    double angle = 0.0;
    for (int o = order; o > 0; o--)
        angle = (angle + v[o * P] * inverse_of[o]) * part;
    return (angle + v[0]) * t;
}

/* For |d| <= SMALL_TURN. */
static inline void small_turn(double d, double *sine, double *cosine) {
    const double z = d * d;
    *sine = d - d * z * (1.0 / 6.0 - z * (1.0 / 120.0 - z * (1.0 / 5040.0 - z * (1.0 / 362880.0))));
    *cosine = 1.0 - z * (0.5 - z * (1.0 / 24.0 - z * (1.0 / 720.0 - z * (1.0 / 40320.0))));
}

static inline void any_turn(double d, double *sine, double *cosine) {
    if (fabs(d) <= SMALL_TURN) {
        small_turn(d, sine, cosine);
        return;
    }
    sin_cos_of(d, sine, cosine);
}

/* All phases go on to time t. */
static void exact_turn(Exact *k, double t) {
    const int64_t bound = k->bound, P = k->P;
    const int order = k->order;
    const double part = t / k->unit, *v = k->v;
    double *restrict cx = k->cx, *restrict cy = k->cy, *restrict turn = k->turn;
    for (int64_t i = 0; i < bound; i++) {
        const double d = exact_angle(v + i, P, order, t, part), x = cx[i], y = cy[i];
        double sine, cosine;
        any_turn(d, &sine, &cosine);
        turn[i] += d;
        cx[i] = x * cosine + y * sine;
        cy[i] = y * cosine - x * sine;
    }
}

/* The next copy before the horizon `ahead`: the time, and places of who copies and of whom; or `ahead`, *from = -1. */
static double exact_draw(const Exact *k, Stream *s, double ahead, int64_t *from, int64_t *to) {
    const int64_t *first = k->first, *second = k->second;
    const double *zy = k->zy, *size = k->size, *free = k->free, reach = k->reach;
    const double bound = k->hazard + reach * k->slope;
    double t = 0.0, sine, cosine;
    *from = -1;
    if (!(bound > 0.0))
        return ahead;
    for (;;) {
        double luck;
        int64_t p = 0;
        t -= log_of(1.0 - stream_double(s)) / bound;
        if (!(t < ahead))
            return ahead;
        luck = stream_double(s) * bound;
        for (; p < k->pairs; p++) {
            const double weight = 2.0 * larger(free[first[p]], free[second[p]]);
            const double most = weight * (fabs(zy[p]) + reach * size[p]);
            if (luck < most)
                break;
            luck -= most;
        }
        if (p == k->pairs) /* by rounding */
            continue;
        const int64_t b = first[p], a = second[p];
        const double part = t / k->unit;
        any_turn(exact_angle(k->v + b, k->P, k->order, t, part) - exact_angle(k->v + a, k->P, k->order, t, part),
                 &sine, &cosine);
        const double inward = zy[p] * cosine + k->zx[p] * sine;
        *from = inward > 0.0 ? a : b;
        *to = inward > 0.0 ? b : a;
        if (luck < 2.0 * free[*from] * fabs(inward))
            return t;
        *from = -1;
    }
}
