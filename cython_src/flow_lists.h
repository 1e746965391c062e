/* Lists of those who are followed, place by place, in steps that may be left unfinished for a while: each change of a
list is noted, so that all can be shown as at the step's start (flow_rewind), and go on from there (flow_redo). */
#pragma once
#include "tracker.h"

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
    Flight *flight; /* in this window: who has left its place */
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
