/* Individual systems where flows are known pair by pair: places of whole numbers, and places of so many members that
   what moves is a real number, with Gaussian noise.

   In a time, a window, `go` members leave a place by each of its ways. Where numbers are whole they were drawn out of
   the `movable`: each set of them is as likely as any other, all moves are simultaneous, and who is followed goes by a
   hypergeometric draw, as in tracker.h. Where they are real a member leaves at the rate flow/movable all the time:
   within the window with the chance 1 - exp(-sum of go/movable), and who arrives in it goes on for what is left of it.
   So members pass within one window through places that turn over faster, and stay as long as they should. How many of
   those who are followed go is drawn without putting back, too; beyond 2^62 each goes by itself.

   Draws are keyed by place, those of who goes on by member: nothing hangs on the order in which places are asked. */
#pragma once
#include "fdlibm.h"
#include "flow_lists.h"

#define COUNTABLE_TO 0x1p62 /* members, below which they are drawn without putting back */
#define SURE_GAUSSIAN 64.0  /* mean from which a Gaussian number of members is as good as never negative */

/* Fill in what leaves a place in the window. */
typedef void (*Asked)(void *of, int64_t place, Ways *ways);

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
        double above = 0.5 * erfc_of(z * M_SQRT1_2);
        while (rest > above && k < 400.0) {
            term *= mean / ++k;
            rest -= term;
        }
        return k;
    }
    for (double below = 0.5 * erfc_of(-z * M_SQRT1_2); sum < below && k < 400.0; sum += term)
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
    uint64_t key = t->first_replica + (uint64_t)t->replica;
    stream_open(s, t->seed, t->purpose[which], key, block | f->piece << 32, f->step);
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
            part = smaller_of(1.0, -log_of(larger_of(1.0 - u * p, 1e-17)) / theta);
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

static int flight_before(const void *x, const void *y) {
    return ((const Flight *)x)->who < ((const Flight *)y)->who ? -1 : 1;
}

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
