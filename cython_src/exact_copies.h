/* What a copy changes: counts, amplitudes, and who stands in which bucket. */
#pragma once
#include "buckets.h"
#include "exact.h"
#include "marks.h"

typedef struct { /* one replica, as the caller holds it */
    int64_t *n;
    double *phase, *time_left, *events;
    int64_t *step;
    double *death;         /* (P,) or NULL: how much time was left when a beable died */
    int64_t *smallest;     /* (P,) or NULL */
    const int64_t *floor;  /* (P,) or NULL */
    Names names;
    int stopped;           /* at a floor */
} Path;

/* A member of beable b is now one of a; returns whether b died of it, or stands at its floor. */
static int exact_copy(Exact *k, Path *r, int64_t from, int64_t to) {
    const int64_t b = k->who[from], a = k->who[to];
    double from_was = k->root[from] * k->over[from], to_was = k->root[to] * k->over[to]; /* 1/sqrt(n) */
    r->n[b]--;
    r->n[a]++;
    *r->events += 1.0;
    if (r->smallest && r->n[b] < r->smallest[b])
        r->smallest[b] = r->n[b];
    if (r->floor && r->n[b] <= r->floor[b])
        r->stopped = 1;
    exact_weigh(k, to, r->n[a]);
    to_was *= k->root[to];
    k->cx[to] *= to_was;
    k->cy[to] *= to_was;
    if (r->n[b] == 0) {
        if (r->death)
            r->death[b] = *r->time_left;
        return 1;
    }
    exact_weigh(k, from, r->n[b]);
    from_was *= k->root[from];
    k->cx[from] *= from_was;
    k->cy[from] *= from_was;
    return r->stopped;
}
