/* Members of one replica who stand in buckets, one a beable. */
#pragma once
#include "streams.h"

/* Of n members those who are no spectators; a filter may have sent all away, these too. */
static inline int64_t movable(int64_t n, int64_t spectators) { return n > spectators ? n - spectators : 0; }

/* Who copies, drawn among the free members of b, goes from bucket b to bucket a. ids: members who are no spectators;
start (P,): where buckets begin; n (P,): as it was before. Returns the id. */
static inline uint32_t move_one(uint32_t *ids, int64_t *start, const int64_t *n, int64_t spectators, Stream *s,
                                int64_t b, int64_t a) {
    int64_t i = start[b] + (int64_t)stream_below64(s, (uint64_t)movable(n[b], spectators));
    const uint32_t name = ids[i];
    if (b < a) {
        int64_t gap = start[b] + movable(n[b], spectators) - 1;
        ids[i] = ids[gap];
        for (int64_t c = b + 1; c < a; c++) { /* the last of each bucket between goes to its front */
            const int64_t last = start[c] + movable(n[c], spectators) - 1;
            start[c]--;
            ids[gap] = ids[last];
            gap = last;
        }
        start[a]--;
        ids[gap] = name;
        return name;
    }
    int64_t gap = start[b];
    ids[i] = ids[gap];
    for (int64_t c = b; c > a; c--) {
        const int64_t front = start[c];
        start[c]++;
        ids[gap] = ids[front];
        gap = front;
    }
    ids[gap] = name;
    return name;
}
