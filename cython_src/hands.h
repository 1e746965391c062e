/* Members of one block go from bucket to bucket one by one, and buckets between them make room. A bucket's ids are in a
   row of their own, or in the block's; near ones are cheap then, and far ones where only buckets that give or take have
   rows, and all others are moved on at once in the end. Both ways ids end in the same order. */
#pragma once
#include <stdint.h>
#include <string.h>

#define ANYWHERE (INT64_MAX / 2)

typedef struct {
    uint32_t *ids;
    int64_t room;  /* of the row, which is a circle */
    int64_t start; /* where the bucket begins */
    int64_t old;   /* members who were there when the half substep began, first, */
    int64_t come;  /* and who have come since */
    int64_t beable;
} Bucket;

static inline uint32_t *id_at(const Bucket *k, int64_t i) {
    const int64_t at = k->start + i;
    return k->ids + (at < 0 ? at + k->room : at >= k->room ? at - k->room : at);
}

/* The hole before a bucket comes to stand behind it. */
static inline void shift_left(Bucket *k) {
    *id_at(k, -1) = *id_at(k, k->old - 1);
    *id_at(k, k->old - 1) = *id_at(k, k->old + k->come - 1);
    k->start = k->start > 0 ? k->start - 1 : k->room - 1;
}

/* The hole behind it comes to stand before it. */
static inline void shift_right(Bucket *k) {
    *id_at(k, k->old + k->come) = *id_at(k, k->old);
    *id_at(k, k->old) = *id_at(k, 0);
    k->start = k->start + 1 < k->room ? k->start + 1 : 0;
}

/* Old member `number` of bucket b goes to bucket a; returns its id. */
static inline uint32_t hand_over(Bucket *k, int64_t b, int64_t a, int64_t number) {
    const uint32_t who = *id_at(k + b, number);
    if (a > b) {
        *id_at(k + b, number) = *id_at(k + b, k[b].old - 1);
        *id_at(k + b, k[b].old - 1) = *id_at(k + b, k[b].old + k[b].come - 1);
        k[b].old--;
        for (int64_t j = b + 1; j <= a; j++) shift_left(k + j);
    } else {
        *id_at(k + b, number) = *id_at(k + b, 0);
        k[b].start = k[b].start + 1 < k[b].room ? k[b].start + 1 : 0;
        k[b].old--;
        for (int64_t j = b - 1; j > a; j--) shift_right(k + j);
    }
    *id_at(k + a, k[a].old + k[a].come) = who;
    k[a].come++;
    return who;
}

/* What `by` shifts to the left make of a bucket of n ids, negative: to the right. Who is beyond the edge at one end goes
   to the other one. */
static inline void shift_by(uint32_t *ids, int64_t n, int64_t by) {
    const int64_t far = by < 0 ? -by : by, rest = n ? far % n : 0;
    const size_t size = sizeof(uint32_t);
    if (n == 0 || by == 0)
        return;
    if (far < n) {
        if (by > 0)
            memcpy(ids - far, ids + n - far, (size_t)far * size);
        else
            memcpy(ids + n, ids, (size_t)far * size);
        return;
    }
    const int64_t first = by > 0 ? n - rest : rest; /* who comes to stand first */
    memcpy(ids - by, ids + first, (size_t)(n - first) * size);
    memcpy(ids - by + n - first, ids, (size_t)first * size);
}

/* A bucket's ids in a row. */
static inline void unroll(const Bucket *k, uint32_t *out) {
    const int64_t n = k->old + k->come, whole = k->room - k->start, one = n < whole ? n : whole;
    memcpy(out, k->ids + k->start, (size_t)one * sizeof(uint32_t));
    memcpy(out + one, k->ids, (size_t)(n - one) * sizeof(uint32_t));
}

/* Put together a block of which `bucket` have rows of their own: those named by which[a] - 1, 0: the block has it.
   counts (P,): as they were, and become what they are. end: of all ids. */
static inline void put_together(uint32_t *ids, int64_t P, int32_t *counts, const int32_t *which, const Bucket *bucket,
                                int64_t end) {
    int64_t from = end, to = end;
    for (int64_t a = P - 1; a >= 0; a--) { /* to the right, last first; then to the left, first first */
        const Bucket *k = which[a] ? bucket + which[a] - 1 : NULL;
        from -= counts[a];
        to -= k ? k->old + k->come : counts[a];
        if (!k && to > from)
            shift_by(ids + from, counts[a], from - to);
    }
    for (int64_t a = 0; a < P; a++) {
        const Bucket *k = which[a] ? bucket + which[a] - 1 : NULL;
        if (!k && to < from)
            shift_by(ids + from, counts[a], from - to);
        from += counts[a];
        to += k ? k->old + k->come : counts[a];
    }
    to = 0;
    for (int64_t a = 0; a < P; a++) {
        const Bucket *k = which[a] ? bucket + which[a] - 1 : NULL;
        if (k) {
            unroll(k, ids + to);
            counts[a] = (int32_t)(k->old + k->come);
        }
        to += counts[a];
    }
}
