/* Copies one by one: counts jump, phases flow. Aligned members, any H.

   Between two copies the counts stand still and so do the sizes of the amplitudes c_a = sqrt(n_a) e^{-i phi_a}. With
   z = conj(c_b) w_ba c_a for every pair, sums over partners give the speeds of phases, v_a = omega_a + sum Re z/n_a, and
   members go from a to b at the rate 2 Im z, from b to a where it is negative. As z' = i (v_b - v_a) z, Taylor's series of
   all phases follow order by order. They are used up to a horizon; until then 2 |Im z| stays below a bound, copies are
   proposed at that bound and accepted at the true rate: exact but for the error of the phases. docs/exact.md. */
#pragma once
#include "elementary.h"
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
    int64_t *first, *second;                     /* (all,) places b, a of a pair */
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

typedef struct { /* one replica, as the caller holds it */
    int64_t *n;
    double *phase, *time_left, *events;
    int64_t *step;
    double *death;         /* (P,) or NULL: how much time was left when a beable died */
    int64_t *smallest;     /* (P,) or NULL */
    const int64_t *floor;  /* (P,) or NULL */
    uint32_t *ids;         /* members who are no spectators, bucketed by beable, or NULL */
    int64_t *start;        /* (P,) where buckets begin */
    int stopped;           /* at a floor */
} Path;

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
            k->first[i] = k->place[b];
            k->second[i] = k->place[a];
            k->wr[i] = k->re[e];
            k->wi[i] = k->im[e];
            k->strength[i] = sqrt(k->re[e] * k->re[e] + k->im[e] * k->im[e]);
            k->pairs++;
        }
    }
}

static inline void exact_weigh(Exact *k, int64_t i, int64_t n) {
    k->root[i] = sqrt((double)n);
    k->over[i] = 1.0 / (double)n;
    k->free[i] = (double)(n - k->spectators) * k->over[i];
}

/* Amplitudes anew, from counts and phases. */
static void exact_fill(Exact *k, const int64_t *n, const double *phase) {
    for (int64_t i = 0; i < k->bound; i++) {
        const int64_t a = k->who[i];
        exact_weigh(k, i, n[a]);
        k->omega[i] = k->level[a] - k->shift;
        k->cx[i] = k->root[i] * cos(phase[a]);
        k->cy[i] = -k->root[i] * sin(phase[a]);
        k->turn[i] = 0.0;
    }
}

/* Speeds of order `order` from the sums over partners of its Re z; g of the same order, and its largest. */
static double exact_speeds(Exact *k, int order) {
    const double *zx = k->zx + order * k->all;
    double *v = k->v + order * k->P, *g = k->g + order * k->all, most = 0.0;
    for (int64_t i = 0; i < k->bound; i++)
        v[i] = 0.0;
    for (int64_t p = 0; p < k->pairs; p++) {
        v[k->first[p]] += zx[p];
        v[k->second[p]] += zx[p];
    }
    for (int64_t i = 0; i < k->bound; i++)
        v[i] = (order == 0 ? k->omega[i] : 0.0) + v[i] * k->over[i];
    for (int64_t p = 0; p < k->pairs; p++)
        g[p] = v[k->first[p]] - v[k->second[p]];
    for (int64_t i = 0; i < k->bound; i++)
        most = larger(most, fabs(v[i]));
    return most;
}

/* z of all pairs, what is bounded by them, and the horizon that this alone allows, at most `time_left`. */
static double exact_look(Exact *k, double time_left) {
    const double *cx = k->cx, *cy = k->cy;
    double stiff = 0.0, fastest = 0.0, hazard = 0.0, slope = 0.0, rate;
    for (int64_t i = 0; i < k->bound; i++)
        k->stiff[i] = 0.0;
    for (int64_t p = 0; p < k->pairs; p++) {
        const int64_t b = k->first[p], a = k->second[p];
        const double re = cx[b] * cx[a] + cy[b] * cy[a], im = cx[b] * cy[a] - cy[b] * cx[a];
        const double weight = 2.0 * larger(k->free[b], k->free[a]);
        k->zx[p] = k->wr[p] * re - k->wi[p] * im;
        k->zy[p] = k->wr[p] * im + k->wi[p] * re;
        k->size[p] = k->strength[p] * (k->root[b] * k->root[a]);
        k->stiff[b] += k->size[p];
        k->stiff[a] += k->size[p];
        hazard += weight * fabs(k->zy[p]);
        slope += weight * k->size[p];
    }
    exact_speeds(k, 0);
    for (int64_t i = 0; i < k->bound; i++)
        k->stiff[i] *= k->over[i];
    for (int64_t p = 0; p < k->pairs; p++) {
        stiff = larger(stiff, k->stiff[k->first[p]] + k->stiff[k->second[p]]);
        fastest = larger(fastest, fabs(k->g[p]));
    }
    k->hazard = hazard;
    k->slope = slope;
    k->stiffest = stiff;
    k->fastest = fastest;
    /* so that hazard h + slope fastest h^2, about the proposals until h, are WAITS; angles of pairs turn by 1 at most */
    rate = (hazard + sqrt(hazard * hazard + 4.0 * WAITS * slope * fastest)) / (2.0 * WAITS);
    rate = larger(rate, 2.0 * stiff + fastest);
    return rate * time_left > 1.0 ? 1.0 / rate : time_left;
}

/* The series, to as many orders as they take to be good until `ahead`; where all are too few, to less. */
static double exact_expand(Exact *k, double ahead) {
    k->unit = ahead;
    for (k->order = 1;; k->order++) {
        const int o = k->order;
        const double part = ahead / (double)o;
        double *zx = k->zx + o * k->all, *zy = k->zy + o * k->all, error, value, rest;
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
        error = ahead * exact_speeds(k, o) / (double)(o + 1);
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

/* By how much the phase at place i has turned at time t. */
static inline double exact_angle(const Exact *k, int64_t i, double t) {
    const double part = t / k->unit;
    double angle = 0.0;
    for (int o = k->order; o > 0; o--)
        angle = (angle + k->v[o * k->P + i] * inverse_of[o]) * part;
    return (angle + k->v[i]) * t;
}

static inline void sine_cosine(double d, double *sine, double *cosine) {
    const double z = d * d;
    if (z > SMALL_TURN * SMALL_TURN) {
        *sine = sin(d);
        *cosine = cos(d);
        return;
    }
    *sine = d - d * z * (1.0 / 6.0 - z * (1.0 / 120.0 - z * (1.0 / 5040.0 - z * (1.0 / 362880.0))));
    *cosine = 1.0 - z * (0.5 - z * (1.0 / 24.0 - z * (1.0 / 720.0 - z * (1.0 / 40320.0))));
}

/* All phases go on to time t. */
static void exact_turn(Exact *k, double t) {
    for (int64_t i = 0; i < k->bound; i++) {
        const double d = exact_angle(k, i, t), x = k->cx[i], y = k->cy[i];
        double sine, cosine;
        sine_cosine(d, &sine, &cosine);
        k->turn[i] += d;
        k->cx[i] = x * cosine + y * sine;
        k->cy[i] = y * cosine - x * sine;
    }
}

/* The next copy before the horizon `ahead`: the time, and places of who copies and of whom; or `ahead`, *from = -1. */
static double exact_draw(const Exact *k, Stream *s, double ahead, int64_t *from, int64_t *to) {
    const double bound = k->hazard + k->reach * k->slope;
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
            const double weight = 2.0 * larger(k->free[k->first[p]], k->free[k->second[p]]);
            const double most = weight * (fabs(k->zy[p]) + k->reach * k->size[p]);
            if (luck < most)
                break;
            luck -= most;
        }
        if (p == k->pairs) /* by rounding */
            continue;
        const int64_t b = k->first[p], a = k->second[p];
        sine_cosine(exact_angle(k, b, t) - exact_angle(k, a, t), &sine, &cosine);
        const double inward = k->zy[p] * cosine + k->zx[p] * sine;
        *from = inward > 0.0 ? a : b;
        *to = inward > 0.0 ? b : a;
        if (luck < 2.0 * k->free[*from] * fabs(inward))
            return t;
        *from = -1;
    }
}

/* Who copies, drawn among the free members of b, goes from bucket b to bucket a; n as it was before. */
static void exact_move(const Exact *k, Path *r, Stream *s, int64_t b, int64_t a) {
    uint32_t *ids = r->ids;
    int64_t *start = r->start, i = start[b] + (int64_t)stream_below64(s, (uint64_t)(r->n[b] - k->spectators));
    const uint32_t name = ids[i];
    if (b < a) {
        int64_t gap = start[b] + r->n[b] - k->spectators - 1;
        ids[i] = ids[gap];
        for (int64_t c = b + 1; c < a; c++) { /* the last of each bucket between goes to its front */
            const int64_t last = start[c] + r->n[c] - k->spectators - 1;
            start[c]--;
            ids[gap] = ids[last];
            gap = last;
        }
        start[a]--;
        ids[gap] = name;
        return;
    }
    int64_t gap = start[b];
    ids[i] = ids[gap];
    for (int64_t c = b; c > a; c--) {
        const int64_t front = start[c];
        start[c]++;
        ids[gap] = ids[front];
        gap = front;
    }
    ids[gap] = name;
}

/* A member of beable b is now one of a; returns whether b died of it, or stands at its floor. */
static int exact_copy(Exact *k, Path *r, int64_t from, int64_t to) {
    const int64_t b = k->who[from], a = k->who[to];
    const double root_b = k->root[from], root_a = k->root[to];
    r->n[b]--;
    r->n[a]++;
    *r->events += 1.0;
    if (r->smallest && r->n[b] < r->smallest[b])
        r->smallest[b] = r->n[b];
    if (r->floor && r->n[b] <= r->floor[b])
        r->stopped = 1;
    exact_weigh(k, to, r->n[a]);
    k->cx[to] *= k->root[to] / root_a;
    k->cy[to] *= k->root[to] / root_a;
    if (r->n[b] == 0) {
        if (r->death)
            r->death[b] = *r->time_left;
        return 1;
    }
    exact_weigh(k, from, r->n[b]);
    k->cx[from] *= k->root[from] / root_b;
    k->cy[from] *= k->root[from] / root_b;
    return r->stopped;
}
