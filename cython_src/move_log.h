/* Moves of members in the substeps of stiff clusters, in order, so that they can be dealt to blocks afterwards. */
#pragma once
#include "marks.h"

typedef struct {
    int64_t source, target, count;
    int64_t group;      /* half a substep: who moves in it is drawn among those who were there before */
    double begin, end;  /* of it, in time since the start of the lattice's step */
    double flow[3];     /* members in unit time at its begin, middle and end, in the direction of the move */
} Move;

typedef struct {
    Move *move; /* grows */
    int64_t moves, room, groups;
    int lost; /* whether there was no memory for one */
} MoveLog;

static inline void log_move(MoveLog *log, Move move) {
    if (log->moves == log->room) {
        const int64_t room = log->room ? 2 * log->room : 256;
        Move *more = (Move *)realloc(log->move, (size_t)room * sizeof(Move));
        if (!more) {
            log->lost = 1;
            return;
        }
        log->move = more;
        log->room = room;
    }
    log->move[log->moves++] = move;
}

/* As mark_luck, for a member who copies in window 1, 2, ... of a step: those of all windows and of its halves differ. */
static inline double mark_luck_of(const Marked *m, int64_t replica, int64_t block, int64_t window, uint32_t id) {
    Stream s;
    stream_open(&s, m->seed, m->purpose, (uint64_t)replica, (uint64_t)block | (uint64_t)window << 32,
                2 * (uint64_t)m->step[replica]);
    s.counter[0] = id;
    return 1.0 - stream_double(&s);
}
