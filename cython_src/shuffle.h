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

/* Buckets as they are after a half step, and the rank's n and out with them. From each bucket, which begins at `start`,
   `gone` leave, who stand at its end; `come` come, who are the travellers before `cursor`. target: work space. */
static inline void settle_buckets(uint32_t *ids, int64_t P, int32_t *counts, const int64_t *start, const int64_t *gone,
                                  const int64_t *come, const int64_t *cursor, const uint32_t *travellers,
                                  int64_t *target, int64_t *n, int64_t *out) {
    int64_t place = 0;
    for (int64_t b = 0; b < P; b++) {
        target[b] = place;
        place += counts[b] - gone[b] + come[b];
    }
    for (int64_t b = P - 1; b >= 0; b--) /* to the right, last first; then to the left, first first */
        if (target[b] > start[b])
            slide(ids, start[b], counts[b] - gone[b], target[b]);
    for (int64_t b = 0; b < P; b++)
        if (target[b] < start[b])
            slide(ids, start[b], counts[b] - gone[b], target[b]);
    for (int64_t b = 0; b < P; b++) {
        memcpy(ids + target[b] + counts[b] - gone[b], travellers + cursor[b] - come[b],
               (size_t)come[b] * sizeof(uint32_t));
        counts[b] += (int32_t)(come[b] - gone[b]);
        n[b] += come[b] - gone[b];
        out[b] += gone[b];
    }
}
