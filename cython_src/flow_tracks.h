/* Individual systems where flows are known pair by pair: places of whole numbers, and places of so many members that what
moves is a real number, of Gaussian noise.

In a time, a window, `go` members leave a place by each of its ways. Where numbers are whole they were drawn out of the
`movable`: any set of them is as likely as any other, all moves are simultaneous, and who is followed goes by a
hypergeometric draw (tracker.h). Where they are real a member leaves at the rate (flow)/(movable) all the time: within the
window with the chance 1 - exp(-sum of go/movable), who arrives in it goes on for what is left of it, so that members pass
in one window through places that turn over faster. Followed ones are that part of movable members, drawn without
putting back (beyond 2^62: each by itself).

Draws are keyed by place, those of who goes on by member: nothing hangs on the order in which places are asked. A step may
be left unfinished: `flow_rewind` shows all as at its start, `flow_redo` goes on. */
#pragma once
#include "tracker.h"

#define COUNTABLE_TO 0x1p62 /* members, below which they are drawn without putting back */
#define SURE_GAUSSIAN 64.0  /* mean from which a Gaussian number of members is as good as never negative */

typedef struct { /* out of a place */
    int64_t target;
    double go;       /* members that go, not negative */
    double flow[2];  /* the flow at the window's begin and end, in any unit; counts where positive */
    int64_t leave;   /* those who are followed of them */
} Way;

typedef struct {
    double movable; /* members of the place that can move */
    int whole;      /* whether they, and those who go, are whole numbers drawn at once */
    int64_t count;
    Way *way;
} Ways;

/* Fill in what leaves a place in the window. */
typedef void (*Asked)(void *of, int64_t place, Ways *ways);

typedef struct { /* a change of a list: who was number `index` of a place and left; or came, index -1 */
    int32_t who, place;
    int64_t index;
} Change;

typedef struct {
    int32_t who, place; /* where it will be at the window's end */
    double time;        /* when it came there */
} Flight;

typedef struct {
    Tracks *t;
    int32_t *occupied, *seat; /* (replicas, places): where somebody is followed; a place's number among these, or -1 */
    int64_t *occupants;       /* (replicas,): how many such places there are */
    double *last;             /* (replicas, followed): when each jumped last */
    double begin, end;        /* of the window */
    double step_end;          /* of the step it belongs to */
    uint64_t piece;           /* the window's number among those of one key */
    uint64_t step;            /* the key */
    Ways ways;                /* room for the ways out of a place */
    Change *change;           /* in this step */
    int64_t changes, change_room;
    Flight *flight; /* in this window */
    int64_t flights, flight_room;
    Jump *held; /* jumps of an unfinished step, while it is rewound */
    int64_t committed, held_jumps;
    int rewound;
} FlowTracks;

static inline int64_t flow_row(const FlowTracks *f) { return f->t->replica * f->t->places; }
static inline Bucket *flow_bucket(const FlowTracks *f, int64_t place) { return f->t->bucket + flow_row(f) + place; }
static inline int64_t flow_size(const FlowTracks *f, int64_t place) { return flow_bucket(f, place)->size; }

/* `room` for one more of a growing row. */
static void *flow_grown(FlowTracks *f, void *row, int64_t count, int64_t *room, size_t size) {
    if (count < *room)
        return row;
    void *new = tracker_grown(f->t, row, 2 * *room + 64, size);
    if (!new)
        return row;
    *room = 2 * *room + 64;
    return new;
}

/* A place has got its first, or lost its last, of those who are followed. */
static void flow_seat(FlowTracks *f, int64_t place) {
    int32_t *occupied = f->occupied + flow_row(f), *seat = f->seat + flow_row(f);
    int64_t *count = f->occupants + f->t->replica;
    if (flow_size(f, place)) {
        seat[place] = (int32_t)*count;
        occupied[(*count)++] = (int32_t)place;
    } else {
        int32_t other = occupied[--*count];
        occupied[seat[place]] = other;
        seat[other] = seat[place];
        seat[place] = -1;
    }
}

static void flow_note(FlowTracks *f, int32_t who, int64_t place, int64_t index) {
    f->change = flow_grown(f, f->change, f->changes, &f->change_room, sizeof *f->change);
    if (f->changes < f->change_room)
        f->change[f->changes++] = (Change){who, (int32_t)place, index};
}

static int32_t flow_take_out(FlowTracks *f, int64_t place, int64_t index) {
    int32_t who = bucket_remove(flow_bucket(f, place), index);
    if (!flow_size(f, place))
        flow_seat(f, place);
    return who;
}

static void flow_put_in(FlowTracks *f, int64_t place, int32_t who) {
    if (!bucket_add(f->t, flow_bucket(f, place), who))
        return;
    f->t->place[f->t->replica * f->t->followed + who] = (int32_t)place;
    if (flow_size(f, place) == 1)
        flow_seat(f, place);
}

static void flow_undo(FlowTracks *f, Change c) {
    Bucket *b = flow_bucket(f, c.place);
    if (c.index < 0) {
        b->size--;
        if (!b->size)
            flow_seat(f, c.place);
        return;
    }
    b->who[b->size] = b->who[c.index < b->size ? c.index : b->size]; /* there was room for it */
    b->who[c.index] = c.who;
    f->t->place[f->t->replica * f->t->followed + c.who] = c.place;
    if (++b->size == 1)
        flow_seat(f, c.place);
}

/* Show all as it was before the step that is not finished. */
MAYBE_UNUSED void flow_rewind(FlowTracks *f) {
    Tracks *t = f->t;
    if (f->rewound || !f->changes)
        return;
    f->held_jumps = t->jumps - f->committed;
    f->held = tracker_grown(t, f->held, f->held_jumps + 1, sizeof *f->held);
    if (!f->held)
        return;
    memcpy(f->held, t->jump + f->committed, (size_t)f->held_jumps * sizeof *f->held);
    t->jumps = f->committed;
    for (int64_t i = f->changes; i-- > 0;)
        flow_undo(f, f->change[i]);
    f->rewound = 1;
}

/* And go on from where it is. */
MAYBE_UNUSED void flow_redo(FlowTracks *f) {
    Tracks *t = f->t;
    f->committed = f->rewound || !f->changes ? t->jumps : f->committed;
    if (!f->rewound || !tracker_room(t, f->held_jumps))
        return;
    for (int64_t i = 0; i < f->changes; i++) {
        Change c = f->change[i];
        if (c.index < 0)
            flow_put_in(f, c.place, c.who);
        else
            flow_take_out(f, c.place, c.index);
    }
    memcpy(t->jump + t->jumps, f->held, (size_t)f->held_jumps * sizeof *f->held);
    t->jumps += f->held_jumps;
    f->rewound = 0;
}

/* A step is finished: there is no way back. */
MAYBE_UNUSED void flow_commit(FlowTracks *f) {
    for (int64_t i = 0; i < f->changes; i++)
        if (f->change[i].index >= 0)
            bucket_trim(flow_bucket(f, f->change[i].place));
    f->changes = 0;
    f->committed = f->t->jumps;
}

/* The part of a linear flow (linear_share) that has gone by the part x of its time. */
static inline double linear_gone(double x, double f, double g) {
    if (!(f > 0.0) && !(g > 0.0))
        return x;
    if (f < 0.0) {
        x = (x * (f - g) - f) / -g;
        return x > 0.0 ? x * x : 0.0;
    }
    if (g < 0.0) {
        x *= (f - g) / f;
        return x < 1.0 ? x * (2.0 - x) : 1.0;
    }
    return x * (2.0 * f + (g - f) * x) / (f + g);
}

/* How many members went where `mean` were expected and z standard deviations more did. Where they are few: what number
of Poisson's law is as far up as z is in Gauss's, which has the right mean, also where most are 0. */
MAYBE_UNUSED double members_of_noise(double mean, double z) {
    double rest, term, sum, k = 0.0;
    if (!(mean > 0.0))
        return 0.0;
    if (mean >= SURE_GAUSSIAN) {
        double most = mean + sqrt(mean) * z;
        return most > 0.0 ? most : 0.0;
    }
    exp_of(-mean, &term, &rest);
    sum = term;
    if (z > 0.0) { /* from above, where what is left of 1 is small */
        double above = 0.5 * erfc(z * M_SQRT1_2);
        while (rest > above && k < 400.0) {
            term *= mean / ++k;
            rest -= term;
        }
        return k;
    }
    for (double below = 0.5 * erfc(-z * M_SQRT1_2); sum < below && k < 400.0; sum += term)
        term *= mean / ++k;
    return k;
}

/* A jump at a time, or right after the one before; by who moves on it is where `flight` says. */
static void flow_jump(FlowTracks *f, int64_t from, Flight *flight, int64_t to, double time) {
    Tracks *t = f->t;
    double *last = f->last + t->replica * t->followed + flight->who;
    if (!(time > *last))
        time = nextafter(*last, INFINITY);
    if (!tracker_room(t, 1))
        return;
    t->jump[t->jumps++] = (Jump){time, 0.0, t->replica, flight->who, (int32_t)from, (int32_t)to};
    *flight = (Flight){flight->who, (int32_t)to, *last = time};
}

static inline void flow_open(FlowTracks *f, Stream *s, int which, uint64_t block) {
    const Tracks *t = f->t;
    stream_open(s, t->seed, t->purpose[which], t->first_replica + (uint64_t)t->replica, block | f->piece << 32, f->step);
}

/* How many of the `size` who are followed leave by each way; out of `movable`, of whom the part p leaves. */
static void flow_draw(Tracks *t, Ways *ways, int64_t size, double total, double p) {
    int64_t pool = 0, all = 0, gone;
    double rest = 1.0;
    if (ways->movable >= COUNTABLE_TO) {
        for (int64_t i = 0; i < ways->count; i++) {
            double chance = p * ways->way[i].go / total;
            ways->way[i].leave = chance > 0.0 ? draw_binomial(&t->luck, size, chance < rest ? chance / rest : 1.0) : 0;
            rest -= chance;
            size -= ways->way[i].leave;
        }
        return;
    }
    pool = ways->movable > (double)size ? (int64_t)ways->movable : size;
    for (int64_t i = 0; i < ways->count; i++) {
        double leave = ways->way[i].go;
        if (!ways->whole)
            leave = floor((double)pool * p * (leave / total) + stream_double(&t->luck));
        all += ways->way[i].leave = (int64_t)leave;
    }
    gone = draw_hypergeometric(&t->luck, size, pool - size, all);
    for (int64_t i = 0; i < ways->count; i++) {
        int64_t leave = ways->way[i].leave;
        ways->way[i].leave = gone ? draw_hypergeometric(&t->luck, leave, all - leave, gone) : 0;
        all -= leave;
        gone -= ways->way[i].leave;
    }
}

/* Those who are followed leave by way w. Of who so leaves a place where each does at a constant rate, theta times a
window, the part p does so in it. */
static void flow_send(FlowTracks *f, int64_t place, const Way *w, double p, double theta) {
    Tracks *t = f->t;
    for (int64_t go = w->leave; go > 0; go--) {
        int64_t index = (int64_t)stream_below(&t->luck, (uint32_t)flow_size(f, place));
        double u = 1.0 - stream_double(&t->clock), part = u, last, time;
        Flight *one;
        f->flight = flow_grown(f, f->flight, f->flights, &f->flight_room, sizeof *f->flight);
        if (f->flights == f->flight_room)
            return;
        one = f->flight + f->flights++;
        *one = (Flight){flow_take_out(f, place, index), (int32_t)place, 0.0};
        flow_note(f, one->who, place, index);
        last = f->last[t->replica * t->followed + one->who];
        if (theta > 1e-6)
            part = fmin(1.0, -log_of(fmax(1.0 - u * p, 1e-17)) / theta);
        time = f->begin + (f->end - f->begin) * linear_share(part, w->flow[0], w->flow[1]);
        if (!(time > last)) {
            if (!f->ways.whole) /* it was not here yet */
                continue;
            time = last + (f->step_end - last) * u;
        }
        flow_jump(f, place, one, w->target, time);
    }
}

/* Who came to a place in this window may go on in it, where members leave all the time. */
static void flow_go_on(FlowTracks *f, Asked asked, void *of, Flight *one) {
    Stream s;
    int opened = 0;
    for (;;) {
        double total = 0.0, left = 0.0, span = f->end - f->begin, x = (one->time - f->begin) / span, luck, pick;
        const Way *w = f->ways.way;
        int64_t i = 0, from = one->place;
        if (x >= 1.0)
            return;
        f->ways.count = 0;
        asked(of, from, &f->ways);
        if (f->ways.whole || !f->ways.count)
            return;
        for (i = 0; i < f->ways.count; i++)
            left += w[i].go * (1.0 - linear_gone(x > 0.0 ? x : 0.0, w[i].flow[0], w[i].flow[1]));
        if (!(left > 0.0))
            return;
        if (!opened)
            flow_open(f, &s, 0, (uint64_t)one->who | 0x80000000u);
        opened = 1;
        total = f->ways.movable > 0.0 ? left / f->ways.movable : INFINITY;
        luck = -log_of(1.0 - stream_double(&s));
        if (luck >= total)
            return;
        pick = left * stream_double(&s);
        for (i = 0; i < f->ways.count - 1; i++) {
            pick -= w[i].go * (1.0 - linear_gone(x > 0.0 ? x : 0.0, w[i].flow[0], w[i].flow[1]));
            if (pick < 0.0)
                break;
        }
        left = linear_gone(x > 0.0 ? x : 0.0, w[i].flow[0], w[i].flow[1]);
        flow_jump(f, from, one, w[i].target,
                  f->begin + span * linear_share(left + (1.0 - left) * luck / total, w[i].flow[0], w[i].flow[1]));
    }
}

/* Let those who are followed leave a place in this window, and go on where they come to. */
MAYBE_UNUSED void flow_ask(FlowTracks *f, Asked asked, void *of, int64_t place) {
    Tracks *t = f->t;
    int64_t size = flow_size(f, place), first = f->flights;
    double total = 0.0, theta = 0.0, p = 1.0, stay;
    if (!size)
        return;
    f->ways.count = 0;
    asked(of, place, &f->ways);
    for (int64_t i = 0; i < f->ways.count; i++)
        total += f->ways.way[i].go;
    if (!(total > 0.0))
        return;
    if (!f->ways.whole) {
        theta = f->ways.movable > 0.0 ? total / f->ways.movable : INFINITY;
        if (theta < 600.0)
            exp_of(-theta, &stay, &p);
    }
    flow_open(f, &t->luck, 0, (uint64_t)place);
    flow_open(f, &t->clock, 1, (uint64_t)place);
    flow_draw(t, &f->ways, size, total, p);
    for (int64_t i = 0; i < f->ways.count; i++)
        flow_send(f, place, f->ways.way + i, p, theta);
    for (int64_t i = first; i < f->flights; i++)
        if (f->flight[i].place != place)
            flow_go_on(f, asked, of, f->flight + i);
}

/* The same of all places. */
MAYBE_UNUSED void flow_ask_all(FlowTracks *f, Asked asked, void *of) {
    for (int64_t i = f->occupants[f->t->replica]; i-- > 0;)
        flow_ask(f, asked, of, f->occupied[flow_row(f) + i]);
}

static int flight_before(const void *x, const void *y) { return ((const Flight *)x)->who < ((const Flight *)y)->who ? -1 : 1; }

/* The window is over: who left arrives, in order of their numbers. */
MAYBE_UNUSED void flow_land(FlowTracks *f) {
    if (f->flights > 1)
        qsort(f->flight, (size_t)f->flights, sizeof *f->flight, flight_before);
    for (int64_t i = 0; i < f->flights; i++) {
        flow_put_in(f, f->flight[i].place, f->flight[i].who);
        flow_note(f, f->flight[i].who, f->flight[i].place, -1);
    }
    f->flights = 0;
}
