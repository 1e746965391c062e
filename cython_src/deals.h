/* Which blocks' members make a move that was drawn for a whole beable. Only blocks are looked at that have some there. */
#pragma once
#include "hypergeometric.h"
#include <stdlib.h>
#include <string.h>

enum { BLOCKS_A_MEMBER = 8 }; /* from so many blocks on, to each member of a move, it is dealt member by member */

typedef struct { /* blocks that have members of a beable, ascending, and how many */
    int64_t *block, *count;
    int64_t held, room, members;
} Holders;

typedef struct {
    int64_t block, what, count; /* members of a block who make move `what`, or come to beable `what` */
} Share;

typedef struct {
    Share *share; /* grows */
    int64_t shares, room;
} Shares;

typedef struct {
    Holders *of; /* (beables,) that somebody leaves */
    int64_t beables, blocks;
    int64_t first, last; /* of the blocks whose shares are noted: own */
    Shares own, come;    /* come: who has arrived in the half substep, and may not yet go on */
    int64_t *drawn;      /* as many as any beable's holders */
    int64_t room;
} Dealer;

/* Room for one more; 0 where there is no memory. */
static inline int room_for(void **row, int64_t have, int64_t *room, size_t size) {
    if (have < *room)
        return 1;
    const int64_t more = *room ? 2 * *room : 64;
    void *now = realloc(*row, (size_t)more * size);
    if (!now)
        return 0;
    *row = now;
    *room = more;
    return 1;
}

static inline int note_share(Shares *s, int64_t block, int64_t what, int64_t count) {
    if (!room_for((void **)&s->share, s->shares, &s->room, sizeof(Share)))
        return 0;
    s->share[s->shares++] = (Share){block, what, count};
    return 1;
}

/* So many members of a block come to a beable. */
static inline int join(Holders *h, int64_t block, int64_t count) {
    int64_t low = 0, high = h->held, other = h->room;
    while (low < high) {
        const int64_t middle = (low + high) / 2;
        if (h->block[middle] < block)
            low = middle + 1;
        else
            high = middle;
    }
    h->members += count;
    if (low < h->held && h->block[low] == block) {
        h->count[low] += count;
        return 1;
    }
    if (!room_for((void **)&h->count, h->held, &other, sizeof(int64_t))
        || !room_for((void **)&h->block, h->held, &h->room, sizeof(int64_t)))
        return 0;
    memmove(h->block + low + 1, h->block + low, (size_t)(h->held - low) * sizeof(int64_t));
    memmove(h->count + low + 1, h->count + low, (size_t)(h->held - low) * sizeof(int64_t));
    h->block[low] = block;
    h->count[low] = count;
    h->held++;
    return 1;
}

/* A half substep is over: who came in it is there like the rest. */
static inline int settle_arrivals(Dealer *d) {
    for (int64_t i = 0; i < d->come.shares; i++) {
        const Share s = d->come.share[i];
        if (!join(d->of + s.what, s.block, s.count))
            return 0;
    }
    d->come.shares = 0;
    return 1;
}

/* `count` members of one holder make a move, to beable `target`, or -1 where nobody leaves that. */
static inline int give_share(Dealer *d, int64_t block, int64_t move, int64_t target, int64_t count) {
    return (target < 0 || note_share(&d->come, block, target, count))
           && (block < d->first || block >= d->last || note_share(&d->own, block, move, count));
}

/* Which holder has number 0, 1, ... of a beable's members. */
static inline int64_t holder_of(const Holders *h, int64_t number) {
    int64_t i = 0;
    while (number >= h->count[i])
        number -= h->count[i++];
    return i;
}

/* Deal a move of `count` members from one beable to another, at most as many as there are. 0: there is no memory. */
static inline int deal_move(Dealer *d, Stream *s, int64_t move, int64_t source, int64_t target, int64_t count) {
    Holders *h = d->of + source;
    if (count * BLOCKS_A_MEMBER < d->blocks) {
        for (int64_t k = 0; k < count; k++) {
            const int64_t i = holder_of(h, (int64_t)stream_below64(s, (uint64_t)h->members));
            h->count[i]--;
            h->members--;
            if (!give_share(d, h->block[i], move, target, 1))
                return 0;
        }
        return 1;
    }
    while (d->room < h->held)
        if (!room_for((void **)&d->drawn, d->room, &d->room, sizeof(int64_t)))
            return 0;
    draw_hypergeometrics(s, h->held, h->count, count, d->drawn);
    h->members -= count;
    for (int64_t i = 0; i < h->held; i++) {
        h->count[i] -= d->drawn[i];
        if (d->drawn[i] && !give_share(d, h->block[i], move, target, d->drawn[i]))
            return 0;
    }
    return 1;
}

static inline void forget_deals(Dealer *d) {
    for (int64_t b = 0; d->of && b < d->beables; b++) {
        free(d->of[b].block);
        free(d->of[b].count);
    }
    free(d->of);
    free(d->own.share);
    free(d->come.share);
    free(d->drawn);
}
