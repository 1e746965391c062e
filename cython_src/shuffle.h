/* Which of a bucket's members leave, and how buckets make room for each other. */
#pragma once
#include "streams.h"
#include <string.h>

#define prefetch(address) __builtin_prefetch(address, 1)

/* Which of n ids leave: the places of a partial Fisher-Yates shuffle from the end. The swaps follow for the whole block
   at once; by then the memory they need, which is what takes the time, is there. */
static inline void draw_places(Stream *s, const uint32_t *ids, uint32_t n, int64_t leavers, uint32_t *place) {
    for (int64_t k = 0; k < leavers; k++) {
        place[k] = stream_below(s, n);
        prefetch(ids + place[k]);
        n--;
    }
}

/* The swaps: `leavers` of the n ids, chosen at random and in random order, come to stand at the end. */
static inline void bring_to_end(uint32_t *ids, uint32_t n, int64_t leavers, const uint32_t *place) {
    for (int64_t k = 0; k < leavers; k++) {
        n--;
        const uint32_t kept = ids[n];
        ids[n] = ids[place[k]];
        ids[place[k]] = kept;
    }
}

/* Move a bucket's `stay` ids from `start` to `target`; order does not matter, so only the overhang moves. */
static inline void slide(uint32_t *ids, int64_t start, int64_t stay, int64_t target) {
    const int64_t by = target - start;
    if (by > 0) {
        if (by < stay)
            memcpy(ids + start + stay, ids + start, (size_t)by * sizeof(uint32_t));
        else
            memcpy(ids + target, ids + start, (size_t)stay * sizeof(uint32_t));
    } else if (by < 0) {
        if (-by < stay)
            memcpy(ids + target, ids + start + stay + by, (size_t)-by * sizeof(uint32_t));
        else
            memcpy(ids + target, ids + start, (size_t)stay * sizeof(uint32_t));
    }
}

/* The ids of all buckets, of which `gone` are at the end of each, move to where they stand once `come` have come. */
static inline void slide_all(uint32_t *ids, int64_t P, const int32_t *counts, const int64_t *start, const int64_t *gone,
                             const int64_t *target) {
    for (int64_t b = P - 1; b >= 0; b--) /* to the right, last first; then to the left, first first */
        if (target[b] > start[b])
            slide(ids, start[b], counts[b] - gone[b], target[b]);
    for (int64_t b = 0; b < P; b++)
        if (target[b] < start[b])
            slide(ids, start[b], counts[b] - gone[b], target[b]);
}
