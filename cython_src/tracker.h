/* Individual systems among many of which only numbers are known: who of those that are followed moves, and when.

Given that K_e of the E members of a place that can move go to place e, each set of them is as likely as any other. So how
many of m that are followed go at all is hypergeometric, who they are a uniform draw, and where they go once more
hypergeometric among the K_e. Exact, whatever the law of the K_e. Moves of one half step are simultaneous: who goes
arrives when all are made (tracker_land), and so goes once. Single copies (tracker_one) take place at once.

A half step: tracker_open; tracker_leave for each place that members leave; tracker_times; tracker_land. */
#pragma once
#include "hypergeometric.h"
#include "streams.h"
#include <stdlib.h>

typedef struct { /* those who are followed of one place */
    int32_t *who;
    int64_t size, room;
} Bucket;

typedef struct {
    double time, phase;
    int32_t replica, who, from, to; /* replica of this rank, number among those who are followed, places */
} Jump;

typedef struct {
    int64_t places, followed, replicas; /* per replica: places, and members that are followed */
    Bucket *bucket;                     /* (replicas, places) */
    int32_t *place;                     /* (replicas, followed); -1: has left */
    Jump *jump;                         /* not yet taken */
    void *spare;                        /* bytes to work with */
    int64_t jumps, room, spare_room;
    int64_t begin, flying; /* jumps of this half step begin there, and those who have not arrived yet */
    uint64_t seed, purpose[2], first_replica;
    int32_t replica; /* that is being moved, and its streams: who, and when */
    int failed;      /* no memory */
    Stream luck, clock;
} Tracks;

/* What flows at the start and at the end of a time in which members move, in any unit: positive from `from` to `to`. */
typedef void (*Profile)(void *of, int64_t from, int64_t to, double *ends);

static inline void *tracker_grown(Tracks *t, void *old, int64_t count, size_t size) {
    void *new = realloc(old, (size_t)count * size);
    if (!new)
        t->failed = 1;
    return new;
}

#define MAYBE_UNUSED __attribute__((unused)) static

MAYBE_UNUSED int bucket_add(Tracks *t, Bucket *b, int32_t who) {
    if (b->size == b->room) {
        int64_t room = b->room < 4 ? 4 : b->room + b->room / 2;
        int32_t *new = tracker_grown(t, b->who, room, sizeof *new);
        if (!new)
            return 0;
        b->who = new;
        b->room = room;
    }
    b->who[b->size++] = who;
    return 1;
}

/* Take number i out of a place: the last one stands there then. */
static inline int32_t bucket_remove(Bucket *b, int64_t i) {
    int32_t who = b->who[i];
    b->who[i] = b->who[--b->size];
    return who;
}

MAYBE_UNUSED void bucket_trim(Bucket *b) {
    if (b->room > 64 && 4 * b->size < b->room) {
        int64_t room = 2 * b->size < 4 ? 4 : 2 * b->size;
        int32_t *new = realloc(b->who, (size_t)room * sizeof *new);
        if (new) {
            b->who = new;
            b->room = room;
        }
    }
}

/* Room for `more` jumps. */
static inline int tracker_room(Tracks *t, int64_t more) {
    if (t->jumps + more > t->room) {
        int64_t room = t->room + t->room / 2 + 64;
        Jump *new;
        if (room < t->jumps + more)
            room = t->jumps + more;
        new = tracker_grown(t, t->jump, room, sizeof *new);
        if (!new)
            return 0;
        t->jump = new;
        t->room = room;
    }
    return 1;
}

/* Set out to move those of a replica of this rank in a (half) step, by whose number draws are keyed. */
static inline void tracker_open(Tracks *t, int64_t replica, uint64_t block, uint64_t step) {
    uint64_t key = t->first_replica + (uint64_t)replica;
    t->replica = (int32_t)replica;
    t->begin = t->flying = t->jumps;
    stream_open(&t->luck, t->seed, t->purpose[0], key, block, step);
    stream_open(&t->clock, t->seed, t->purpose[1], key, block, step);
}

static inline int64_t tracker_size(const Tracks *t, int64_t place) {
    return t->bucket[t->replica * t->places + place].size;
}

/* Uniform in 0..bound-1 from half a word, without bias (stream_below): the stream's next ones where that is not enough. */
static inline uint32_t below_of(Stream *s, uint32_t half, uint32_t bound) {
    uint64_t m = (uint64_t)half * bound;
    if ((uint32_t)m < bound && (uint32_t)m < (0 - bound) % bound)
        return stream_below(s, bound);
    return (uint32_t)(m >> 32);
}

/* `go` members drawn from a place leave for place `to`; they have not landed yet. Many at a time: lists are long. */
static inline void tracker_send(Tracks *t, int64_t from, int64_t to, int64_t go) {
    Bucket *b = t->bucket + t->replica * t->places + from;
    Jump *jump = t->jump + t->jumps;
    t->jumps += go;
    while (go > 0) {
        const int some = go < 64 ? (int)go : 64;
        uint64_t word[32];
        uint32_t place[64];
        stream_fill(&t->luck, (some + 1) / 2, word);
        for (int i = 0; i < some; i++) {
            place[i] = below_of(&t->luck, (uint32_t)(word[i / 2] >> 32 * (i & 1)), (uint32_t)(b->size - i));
            __builtin_prefetch(b->who + place[i], 1);
        }
        for (int i = 0; i < some; i++, jump++) {
            *jump = (Jump){0.0, 0.0, t->replica, bucket_remove(b, place[i]), (int32_t)from, (int32_t)to};
            __builtin_prefetch(t->place + t->replica * t->followed + jump->who, 1);
        }
        go -= some;
    }
}

/* Of `movable` members of a place leave[i] go to target[i], i < count. Their jumps have no times yet. */
MAYBE_UNUSED void tracker_leave(Tracks *t, int64_t from, int64_t movable, const int64_t *leave, const int64_t *target,
                          int64_t count) {
    int64_t size = tracker_size(t, from), all = 0, go;
    if (size == 0)
        return;
    for (int64_t i = 0; i < count; i++)
        all += leave[i];
    if (all == 0)
        return;
    go = draw_hypergeometric(&t->luck, size, movable - size, all);
    if (go == 0 || !tracker_room(t, go))
        return;
    for (int64_t i = 0; i < count && go > 0; i++) {
        int64_t some = all == leave[i] ? go : draw_hypergeometric(&t->luck, leave[i], all - leave[i], go);
        tracker_send(t, from, target[i], some);
        all -= leave[i];
        go -= some;
    }
}

/* The same where counts are real numbers, of so many members that each leaves by itself, with these chances. */
MAYBE_UNUSED void tracker_leave_by_chance(Tracks *t, int64_t from, const double *chance, const int64_t *target,
                                    int64_t count) {
    double rest = 1.0;
    int64_t size = tracker_size(t, from);
    for (int64_t i = 0; i < count && size > 0; i++) {
        double p = chance[i];
        if (!(p > 0.0))
            continue;
        int64_t some = draw_binomial(&t->luck, size, p < rest ? p / rest : 1.0);
        if (!tracker_room(t, some))
            return;
        tracker_send(t, from, target[i], some);
        rest -= p;
        size -= some;
    }
}

/* A flow that goes linearly from one end of a time to the other, as long as it is positive. */
typedef struct {
    double from, span; /* where it is positive, as parts of the time */
    double first, last;
} Slope;

static inline Slope slope_of(double f, double g) {
    if (!(f > 0.0) && !(g > 0.0))
        return (Slope){0.0, 1.0, 1.0, 1.0}; /* nothing is known */
    if (f < 0.0) /* opens on the way */
        return (Slope){f / (f - g), g / (g - f), 0.0, g};
    if (g < 0.0)
        return (Slope){0.0, f / (f - g), f, 0.0};
    return (Slope){0.0, 1.0, f, g};
}

/* The part of the time up to which a part u of all that flows has gone, u in (0, 1]: small ones keep their digits. */
static inline double share_at(const Slope *l, double u) {
    const double f = l->first, g = l->last;
    return l->from + l->span * (u * (f + g) / (f + sqrt(f * f + u * (g * g - f * f))));
}

static inline double linear_share(double u, double first, double last) {
    const Slope l = slope_of(first, last);
    return share_at(&l, u);
}

/* Uniform in (0, 1]. */
static inline double unit_of(uint64_t word) { return 2.0 - of_bits(word >> 12 | 0x3ff0000000000000u); }

static inline double time_of(double begin, double end, double share) {
    const double time = begin + (end - begin) * share;
    return time > end ? end : time > begin ? time : nextafter(begin, INFINITY);
}

/* So many parts of the time, ascending: sums of exponential numbers over the sum of one more of them are uniform. */
static inline void shares_of(Stream *s, const Slope *l, int64_t count, uint64_t *word, double *share) {
    double sum = 0.0;
    stream_fill(s, count + 1, word);
    for (int64_t i = 0; i <= count; i++)
        share[i] = -log_of(unit_of(word[i]));
    for (int64_t i = 0; i <= count; i++)
        share[i] = sum += share[i];
    for (int64_t i = 0; i < count; i++)
        share[i] = share_at(l, share[i] / sum);
}

/* The time of somebody who has arrived by a single copy in this half step: later than that. */
MAYBE_UNUSED double tracker_later(Tracks *t, int32_t who, const Slope *l, double begin, double end) {
    double time;
    int64_t i = t->flying - 1;
    while (t->jump[i].who != who)
        i--;
    for (int tries = 0; tries < 64; tries++) {
        time = time_of(begin, end, share_at(l, unit_of(stream_next64(&t->clock))));
        if (time > t->jump[i].time)
            return time;
    }
    begin = t->jump[i].time;
    return begin + (end - begin) * stream_double(&t->clock);
}

/* Room for `count` numbers and words, or more, to work with. */
static inline void *tracker_spare(Tracks *t, int64_t bytes) {
    if (bytes > t->spare_room) {
        char *new = tracker_grown(t, t->spare, 2 * bytes, 1);
        if (!new)
            return NULL;
        t->spare = new;
        t->spare_room = 2 * bytes;
    }
    return t->spare;
}

/* Times of those who have left since the half step's begin by moves that are simultaneous, in (begin, end], by the
   profile of their flow (NULL: uniform), which is asked for once for each pair of places. */
MAYBE_UNUSED void tracker_times(Tracks *t, Profile profile, void *of, double begin, double end) {
    const int32_t *place = t->place + t->replica * t->followed;
    const int singles = t->flying > t->begin;
    double ends[2] = {1.0, 1.0};
    for (int64_t i = t->flying, j; i < t->jumps; i = j) {
        const int32_t from = t->jump[i].from, to = t->jump[i].to;
        double *share;
        Slope slope;
        for (j = i + 1; j < t->jumps && t->jump[j].from == from && t->jump[j].to == to; j++)
            ;
        if (profile)
            profile(of, from, to, ends);
        slope = slope_of(ends[0], ends[1]);
        share = tracker_spare(t, 16 * (j - i + 1));
        if (!share)
            return;
        shares_of(&t->clock, &slope, j - i, (uint64_t *)(share + (j - i + 1)), share);
        for (int64_t k = i; k < j; k++)
            t->jump[k].time = time_of(begin, end, share[k - i]);
        for (int64_t k = i; singles && k < j; k++)
            if (place[t->jump[k].who] < -1)
                t->jump[k].time = tracker_later(t, t->jump[k].who, &slope, begin, end);
    }
}

static inline int64_t cell_of(double time, double scale, int64_t cells) {
    const int64_t c = (int64_t)(time * scale);
    return c < 0 ? 0 : c < cells ? c : cells - 1;
}

static inline int jump_before(const Jump *x, const Jump *y) {
    return x->time < y->time || (x->time == y->time && x->who < y->who);
}

/* Jumps of this half step in order of time, which lies in (begin, end]: each flow's are already; where there are several
   they are dealt to as many cells of time as there are jumps, and then put right. */
MAYBE_UNUSED void tracker_sort(Tracks *t, double begin, double end) {
    const int64_t count = t->jumps - t->begin;
    Jump *jump = t->jump + t->begin;
    int64_t right = 1;
    while (right < count && !jump_before(jump + right, jump + right - 1))
        right++;
    if (right < count && count > 32) {
        const double scale = (double)count / (end - begin);
        Jump *dealt = tracker_spare(t, count * (int64_t)(sizeof *dealt + sizeof(int32_t)));
        int32_t *cell = (int32_t *)(dealt + count), sum = 0;
        if (!dealt)
            return;
        memset(cell, 0, (size_t)count * sizeof *cell);
        for (int64_t i = 0; i < count; i++)
            cell[cell_of(jump[i].time - begin, scale, count)]++;
        for (int64_t c = 0; c < count; c++) {
            const int32_t here = cell[c];
            cell[c] = sum;
            sum += here;
        }
        for (int64_t i = 0; i < count; i++)
            dealt[cell[cell_of(jump[i].time - begin, scale, count)]++] = jump[i];
        memcpy(jump, dealt, (size_t)count * sizeof *jump);
        right = 1;
    }
    for (int64_t i = right; i < count; i++) {
        const Jump moved = jump[i];
        int64_t j = i;
        for (; j > 0 && jump_before(&moved, jump + j - 1); j--)
            jump[j] = jump[j - 1];
        jump[j] = moved;
    }
}

/* All moves of the half step from `begin` to `end` are made and have times: who went arrives, and jumps are ordered. */
MAYBE_UNUSED void tracker_land(Tracks *t, double begin, double end) {
    Bucket *buckets = t->bucket + t->replica * t->places;
    int32_t *place = t->place + t->replica * t->followed;
    for (int64_t i = t->begin; i < t->flying; i++) {
        const int32_t who = t->jump[i].who;
        if (place[who] < -1)
            place[who] = -2 - place[who];
    }
    for (int64_t i = t->flying; i < t->jumps; i++) {
        const Jump *j = t->jump + i;
        if (!bucket_add(t, buckets + j->to, j->who))
            return;
        place[j->who] = j->to;
        if (i + 1 == t->jumps || j[1].from != j->from)
            bucket_trim(buckets + j->from);
    }
    if (t->jumps > t->begin)
        tracker_sort(t, begin, end);
    t->begin = t->flying = t->jumps;
}

/* A single copy: one of `movable` members of a place goes to another. Whether it is one who is followed. */
static inline int tracker_one(Tracks *t, int64_t from, int64_t to, int64_t movable, double time) {
    Bucket *b = t->bucket + t->replica * t->places + from;
    int64_t i;
    int32_t who;
    if (b->size == 0)
        return 0;
    i = (int64_t)stream_below64(&t->luck, (uint64_t)movable);
    if (i >= b->size || !tracker_room(t, 1))
        return 0;
    who = bucket_remove(b, i);
    if (!bucket_add(t, b - from + to, who))
        return 0;
    t->place[t->replica * t->followed + who] = (int32_t)to;
    t->jump[t->jumps++] = (Jump){time, 0.0, t->replica, who, (int32_t)from, (int32_t)to};
    t->flying = t->jumps;
    bucket_trim(b);
    return 1;
}

/* The same in a half step that goes on with simultaneous moves: whoever then goes on, goes later than it came. */
static inline void tracker_one_before(Tracks *t, int64_t from, int64_t to, int64_t movable, double time) {
    if (tracker_one(t, from, to, movable, time))
        t->place[t->replica * t->followed + t->jump[t->jumps - 1].who] = (int32_t)(-2 - to);
}
