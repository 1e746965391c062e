/* Which members are tracked, a bit each, and the copies that they have made. */
#pragma once
#include "buckets.h"
#include "circle.h"
#include "streams.h"
#include <math.h>
#include <stdlib.h>

typedef struct {
    double time, phase; /* after the copy, rad; 0 where members have none of their own */
    int64_t who;        /* number among this rank's tracked members */
    int32_t source, target;
} Copied;

typedef struct {
    const uint64_t *bits;  /* of the ids of each unit, in words of 64 */
    const int64_t *before; /* (words,) tracked members before each word */
    const int64_t *first;  /* (units,) where its words begin */
    int32_t *beable;       /* (tracked,) as it is now */
    Copied *copied;        /* grows */
    int64_t copies, room;
    int lost;              /* whether there was no memory for one */
    double stop;           /* time of the next stop, and */
    double shift, turn;     /* what all phases turn by besides: `turn` at time `since`, */
    double since;           /* from then on `shift` in unit time */
    uint64_t seed, purpose; /* of the times of copies that are drawn at once */
    const int64_t *step;    /* (replicas,) steps since t = 0 */
} Marked;

static inline int is_marked(const Marked *m, int64_t unit, uint32_t id) {
    return (int)(m->bits[m->first[unit] + (id >> 6)] >> (id & 63)) & 1;
}

/* Its number among this rank's tracked members. */
static inline int64_t number_of(const Marked *m, int64_t unit, uint32_t id) {
    const int64_t word = m->first[unit] + (id >> 6);
    return m->before[word] + __builtin_popcountll(m->bits[word] & (((uint64_t)1 << (id & 63)) - 1));
}

/* A tracked member copies at a time `left` before the next stop, and is of `target` from then on. */
static inline void mark_copy(Marked *m, int64_t unit, uint32_t id, int64_t source, int64_t target, double left,
                             double phase) {
    const int64_t who = number_of(m, unit, id);
    m->beable[who] = (int32_t)target;
    if (m->copies == m->room) {
        const int64_t room = m->room ? 2 * m->room : 1024;
        Copied *more = (Copied *)realloc(m->copied, (size_t)room * sizeof(Copied));
        if (!more) {
            m->lost = 1;
            return;
        }
        m->copied = more;
        m->room = room;
    }
    m->copied[m->copies++] = (Copied){m->stop - (left > 0.0 ? left : 0.0), phase, who, (int32_t)source,
                                      (int32_t)target};
}

typedef struct { /* members of a replica who copy one by one */
    uint32_t *ids;  /* bucketed by beable, without spectators; NULL: they have none */
    int64_t *start; /* (P,) where buckets begin */
    Marked *marked; /* who is tracked, by `unit` and id, or NULL */
    int64_t unit;
} Names;

/* Who copies, drawn among the free members of b, goes from bucket b to bucket a, `left` before the next stop; n (P,):
   as it was before. */
static inline void move_named(const Names *names, const int64_t *n, int64_t spectators, Stream *s, int64_t b, int64_t a,
                              double left) {
    if (names->ids) {
        const uint32_t id = move_one(names->ids, names->start, n, spectators, s, b, a);
        if (names->marked && is_marked(names->marked, names->unit, id))
            mark_copy(names->marked, names->unit, id, b, a, left, 0.0);
    }
}

/* A number in (0, 1] for a tracked member who copies in a step of which all copies are drawn at once: a function of the
   member and the step, whoever else is tracked. `half`: 0 or 1, where a step is drawn in two halves. */
static inline double mark_luck(const Marked *m, int64_t replica, int64_t block, int half, uint32_t id) {
    Stream s;
    stream_open(&s, m->seed, m->purpose, (uint64_t)replica, (uint64_t)block, 2 * (uint64_t)m->step[replica] + half);
    s.counter[0] = id;
    return 1.0 - stream_double(&s);
}

/* The phase, rad in (-pi, pi], of z = x + i y at a time `left` before the next stop. */
static inline double mark_phase(const Marked *m, double x, double y, double left) {
    static const double pi = 3.14159265358979323846;
    const double phase = angle_of(y, x) + m->turn + m->shift * (m->stop - left - m->since);
    const double around = phase - 2.0 * pi * rint(phase / (2.0 * pi));
    return around > -pi ? around : around + 2.0 * pi;
}
